import {open, readFile, truncate} from 'node:fs/promises'
import {join} from 'node:path'
import fc from 'fast-check'
import {describe, expect, it, vi} from 'vitest'
import {openJournal, readJournal, readJournalHeader} from '../../../src/lib/run/journal.js'
import type {JournalEntry, JournalState} from '../../../src/lib/run/run-directory.js'
import type {SendOutcome, SendState} from '../../../src/lib/sink/sink.js'
import {temporaryDirectory, withTemporaryDirectory} from '../../support/temp.js'

function outcome(
  sequences: readonly number[],
  state: SendState = 'acked',
  fields: Partial<SendOutcome> = {},
): SendOutcome {
  return {
    state,
    sequences: Float64Array.from(sequences),
    sentUs: 10,
    settledUs: 20,
    partition: 3,
    baseOffset: 100,
    ...fields,
  }
}

async function readAll(path: string): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = []
  for await (const block of readJournal(path)) entries.push(...block)
  return entries
}

async function journalOf(outcomes: readonly SendOutcome[]): Promise<string> {
  const path = join(await temporaryDirectory(), 'journal.bin')
  const journal = await openJournal(path, 10)
  for (const one of outcomes) journal.record(one)
  await journal.close()
  return path
}

describe('a journal', () => {
  it('tells what became of each payment', async () => {
    const path = await journalOf([
      outcome([0, 2]),
      outcome([1], 'failed', {partition: -1, baseOffset: -1}),
      outcome([3], 'unknown', {partition: -1, baseOffset: -1, sentUs: 1_700_000_000_123_456}),
    ])
    expect(await readAll(path)).toEqual([
      {sequence: 0, state: 'acked', partition: 3, offset: 100, sentUs: 10, settledUs: 20},
      {sequence: 1, state: 'failed', partition: -1, offset: -1, sentUs: 10, settledUs: 20},
      {sequence: 2, state: 'acked', partition: 3, offset: 101, sentUs: 10, settledUs: 20},
      {sequence: 3, state: 'unknown-outcome', partition: -1, offset: -1, sentUs: 1_700_000_000_123_456, settledUs: 20},
    ])
    expect(await readJournalHeader(path)).toEqual({plannedCount: 10, closed: true})
  })

  it('keeps its format: these bytes were written by earlier versions', async () => {
    const sentUs = 1_763_666_565_123_456
    const path = await journalOf([
      outcome([0, 1], 'acked', {sentUs, settledUs: 1_763_666_565_234_567, partition: 5, baseOffset: 123_456_789}),
      outcome([2], 'unknown', {sentUs: 0, settledUs: 1_763_666_565_234_999, partition: -1, baseOffset: -1}),
    ])
    expect((await readFile(path)).toString('hex').slice(64).match(/.{64}/g)).toEqual([
      '0200c2cd0500000000000054346f9d410036777c2e1019431cfe7d7c2e101943',
      '0200779e0500000000000058346f9d410036777c2e1019431cfe7d7c2e101943',
      '0400da92ffffffff000000000000f0bf0000000000000000dc047e7c2e101943',
    ])
  })

  it('keeps no outcome to itself for more than a second while others come', async () => {
    const path = join(await temporaryDirectory(), 'journal.bin')
    const journal = await openJournal(path, 10)
    journal.record(outcome([0], 'acked', {settledUs: 5_000_000}))
    journal.record(outcome([1], 'acked', {settledUs: 5_999_999}))
    journal.record(outcome([2], 'acked', {settledUs: 6_000_000}))
    journal.record(outcome([3], 'acked', {settledUs: 6_000_001}))
    // The process dies here, without a flush.
    await vi.waitFor(async () => expect((await readAll(path)).map(entry => entry.sequence)).toEqual([0, 1, 2]))
    await journal.close()
  })

  it('says unsent of what it skips when it was closed, unknown when the process died', async () => {
    const path = await journalOf([outcome([2])])
    expect((await readAll(path)).map(entry => entry.state)).toEqual(['unsent', 'unsent', 'acked'])
    const died = join(await temporaryDirectory(), 'journal.bin')
    const journal = await openJournal(died, Number.POSITIVE_INFINITY)
    journal.record(outcome([2]))
    await journal.flush()
    expect((await readAll(died)).map(entry => entry.state)).toEqual(['unknown', 'unknown', 'acked'])
    expect(await readJournalHeader(died)).toEqual({plannedCount: Number.POSITIVE_INFINITY, closed: false})
    await journal.close()
  })

  it.each([
    ['cut in the middle of a record', (path: string) => truncate(path, 32 * 3 + 7), ['acked', 'acked']],
    ['with a flipped byte', (path: string) => poke(path, 32 * 2 + 9), ['acked', 'unknown', 'acked']],
    ['with a flipped state', (path: string) => poke(path, 32 * 2), ['acked', 'unknown', 'acked']],
  ])('%s loses that record and no other', async (_name, damage, states) => {
    const path = await journalOf([outcome([0, 1, 2])])
    await damage(path)
    expect((await readAll(path)).map(entry => entry.state)).toEqual(states)
  })

  it('refuses a file that is no journal', async () => {
    const path = await journalOf([outcome([0])])
    await poke(path, 0)
    await expect(readAll(path)).rejects.toMatchObject({code: 'P2PAY_JOURNAL'})
  })

  it.runIf(process.platform === 'linux')('names a full disk', async () => {
    const journal = await openJournal('/dev/full', 1).catch((error: unknown) => error)
    expect(journal).toMatchObject({code: 'P2PAY_DISK_FULL'})
  })

  it('makes the writer wait when more than its buffers are under way', async () => {
    const path = join(await temporaryDirectory(), 'journal.bin')
    const journal = await openJournal(path, 1e6)
    const many = Array.from({length: 40_000}, (_, index) => index)
    expect(journal.room()).toBeUndefined()
    journal.record(outcome(many))
    expect(journal.room()).toBeInstanceOf(Promise)
    await journal.room()
    expect(journal.room()).toBeUndefined()
    await journal.close()
    const entries = await readAll(path)
    expect(entries.filter(entry => entry.state === 'acked')).toHaveLength(40_000)
  })

  it('reads back the last word on each sequence, whatever the order of outcomes (property)', async () => {
    const outcomes = fc.array(
      fc.record({
        sequences: fc.array(fc.nat(300), {minLength: 1, maxLength: 40}),
        state: fc.constantFrom<SendState>('acked', 'failed', 'unknown'),
        partition: fc.integer({min: -1, max: 50}),
        baseOffset: fc.integer({min: -1, max: 2 ** 48}),
        sentUs: fc.nat(Number.MAX_SAFE_INTEGER),
        flush: fc.boolean(),
      }),
      {maxLength: 20},
    )
    await fc.assert(
      fc.asyncProperty(outcomes, given =>
        withTemporaryDirectory(async directory => {
          const path = join(directory, 'journal.bin')
          const journal = await openJournal(path, 300)
          const expected = new Map<number, JournalEntry>()
          for (const {sequences, state, partition, baseOffset, sentUs, flush} of given) {
            journal.record(outcome(sequences, state, {partition, baseOffset, sentUs}))
            sequences.forEach((sequence, index) => {
              const offset = baseOffset < 0 ? -1 : baseOffset + index
              const read: JournalState = state === 'unknown' ? 'unknown-outcome' : state
              expected.set(sequence, {sequence, state: read, partition, offset, sentUs, settledUs: 20})
            })
            if (flush) await journal.flush()
          }
          await journal.close()
          const read = (await readAll(path)).filter(entry => entry.state !== 'unsent')
          expect(read).toEqual([...expected.values()].toSorted((a, b) => a.sequence - b.sequence))
        }),
      ),
      {numRuns: 60},
    )
  })
})

async function poke(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, position)
  byte[0] = (byte[0] ?? 0) ^ 0x55
  await file.write(byte, 0, 1, position)
  await file.close()
}
