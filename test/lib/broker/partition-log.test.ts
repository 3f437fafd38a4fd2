import {appendFileSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {writeAt} from '../../../src/lib/broker/files.js'
import {PartitionLog, type PartitionLogOptions} from '../../../src/lib/broker/partition-log.js'
import {batchesIn, batchOf} from '../../support/kafka-wire.js'
import {temporaryDirectory, withTemporaryDirectory} from '../../support/temp.js'

const SMALL = {segmentBytes: 1000}
const ALL = 10_000_000

function read(log: PartitionLog, offset: number, maxBytes = ALL): ReturnType<typeof batchesIn> {
  const slice = log.slice(offset, maxBytes)
  if (slice === undefined) return []
  const bytes = Buffer.alloc(slice.byteCount)
  slice.segment.read(slice.position, bytes)
  return batchesIn(bytes)
}

/** All batches from an offset on, fetch by fetch as a consumer would. */
function readAll(log: PartitionLog, from = log.startOffset): ReturnType<typeof batchesIn> {
  const batches: ReturnType<typeof batchesIn> = []
  for (let offset = from; offset < log.endOffset; ) {
    const read1 = read(log, offset, 500)
    expect(read1.length).toBeGreaterThan(0)
    batches.push(...read1)
    const last = read1.at(-1)
    offset = (last?.baseOffset ?? 0) + (last?.recordCount ?? 0)
  }
  return batches
}

const values = (count: number, value = 'payment'): string[] => Array.from({length: count}, () => value)

async function openLog(options: PartitionLogOptions = SMALL): Promise<{directory: string; log: PartitionLog}> {
  const directory = join(await temporaryDirectory(), 'payments.raw-0')
  return {directory, log: PartitionLog.create(directory, options)}
}

describe('a partition log', () => {
  it('gives each record the next offset and reads it back, over many segments', async () => {
    const {directory, log} = await openLog()
    let expected = 0
    for (let count = 1; count <= 20; count++) {
      expect(log.append(batchOf(values(count)))).toEqual({kind: 'appended', baseOffset: expected})
      expected += count
    }
    expect(log.endOffset).toBe(expected)
    expect(readAll(log).map(batch => batch.recordCount)).toEqual(Array.from({length: 20}, (_, index) => index + 1))
    expect(readdirSync(directory).filter(name => name.endsWith('.log')).length).toBeGreaterThan(3)
    log.abandon()
  })

  it('starts reading at the batch that holds the offset', async () => {
    const {log} = await openLog()
    for (const count of [3, 3, 3]) log.append(batchOf(values(count)))
    expect(read(log, 4)[0]).toEqual({baseOffset: 3, recordCount: 3})
    expect(read(log, 9)).toEqual([])
    log.abandon()
  })

  it('cuts at whole batches within the limit, but gives at least one', async () => {
    const {log} = await openLog({segmentBytes: 100_000})
    const size = batchOf(values(3)).length
    for (let index = 0; index < 5; index++) log.append(batchOf(values(3)))
    expect(read(log, 0, 1)).toHaveLength(1)
    expect(read(log, 0, 2 * size + 1)).toHaveLength(2)
    expect(read(log, 0, ALL)).toHaveLength(5)
    log.abandon()
  })

  it('finds every batch whatever the sizes and limits (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({count: fc.integer({min: 1, max: 4}), bytes: fc.nat(30_000)}), {
          minLength: 1,
          maxLength: 15,
        }),
        fc.integer({min: 1, max: 60_000}),
        (sizes, maxBytes) =>
          withTemporaryDirectory(async parent => {
            const log = PartitionLog.create(join(parent, 'log'), {segmentBytes: 50_000})
            const bases = sizes.map(({count, bytes}) => {
              const appended = log.append(batchOf(values(count, 'x'.repeat(bytes))))
              return appended.kind === 'refused' ? -1 : appended.baseOffset
            })
            for (let offset = 0; offset < log.endOffset; offset++) {
              const found = read(log, offset, maxBytes)
              expect(found[0]?.baseOffset).toBe(bases.findLast(base => base <= offset))
            }
            log.abandon()
          }),
      ),
      {numRuns: 15},
    )
  })

  it('leaves the log as it was when the disk is full', async () => {
    let room = Number.POSITIVE_INFINITY
    const {log} = await openLog({
      ...SMALL,
      write: (fd, bytes, from, byteCount, position) => {
        if (room <= 0) throw Object.assign(new Error('ENOSPC: no space left on device'), {code: 'ENOSPC'})
        const fits = Math.min(byteCount, room)
        room -= fits
        return writeAt(fd, bytes, from, fits, position)
      },
    })
    log.append(batchOf(values(2)))
    room = 30
    expect(() => log.append(batchOf(values(2)))).toThrow('ENOSPC')
    expect(log.endOffset).toBe(2)
    room = Number.POSITIVE_INFINITY
    expect(log.append(batchOf(values(2)))).toEqual({kind: 'appended', baseOffset: 2})
    expect(readAll(log)).toEqual([
      {baseOffset: 0, recordCount: 2},
      {baseOffset: 2, recordCount: 2},
    ])
    log.abandon()
  })

  describe('by time', () => {
    it('finds the first record at or after it, in the order of the log', async () => {
      const {log} = await openLog()
      for (const baseTimestampMs of [1000, 3000, 2000, 4000]) {
        log.append(batchOf(values(5, 'x'.repeat(60)), {baseTimestampMs, stepMs: 10}))
      }
      expect(log.firstAtOrAfter(0)).toEqual({offset: 0, timestampMs: 1000})
      expect(log.firstAtOrAfter(1015)).toEqual({offset: 2, timestampMs: 1020})
      expect(log.firstAtOrAfter(2000)).toEqual({offset: 5, timestampMs: 3000})
      expect(log.firstAtOrAfter(3500)).toEqual({offset: 15, timestampMs: 4000})
      expect(log.firstAtOrAfter(5000)).toBeUndefined()
      expect(log.latestByTime()).toEqual({offset: 19, timestampMs: 4040})
      log.deleteBefore(7)
      expect(log.firstAtOrAfter(0)?.offset).toBe(7)
      log.abandon()
    })

    it('has no latest record when it is empty', async () => {
      const {log} = await openLog()
      expect(log.latestByTime()).toBeUndefined()
      log.abandon()
    })
  })

  describe('deleting records', () => {
    it('moves the start, deletes whole segments before it, and stays so', async () => {
      const {directory, log} = await openLog()
      for (let index = 0; index < 10; index++) log.append(batchOf(values(10)))
      const files = readdirSync(directory).length
      expect(log.deleteBefore(55)).toBeGreaterThan(0)
      expect(log.startOffset).toBe(55)
      expect(readdirSync(directory).length).toBeLessThan(files)
      await log.close()
      const again = PartitionLog.open(directory, SMALL)
      expect([again.startOffset, again.endOffset]).toEqual([55, 100])
      again.abandon()
    })

    it('never deletes the active segment', async () => {
      const {log} = await openLog()
      for (let index = 0; index < 10; index++) log.append(batchOf(values(10)))
      log.deleteBefore(100)
      expect([log.startOffset, log.endOffset]).toEqual([100, 100])
      expect(log.append(batchOf(values(1)))).toEqual({kind: 'appended', baseOffset: 100})
      log.abandon()
    })
  })
})

describe('reopening a log', () => {
  const fill = (log: PartitionLog): void => {
    for (let index = 0; index < 12; index++) {
      log.append(batchOf(values(5), {producerId: 7, baseSequence: index * 5, baseTimestampMs: 1000 + index}))
    }
  }

  const activeFile = (directory: string): string =>
    join(
      directory,
      readdirSync(directory)
        .filter(name => name.endsWith('.log'))
        .sort()
        .at(-1) ?? '',
    )

  it.each([
    {name: 'after a stop', end: (log: PartitionLog) => log.close(), damage: () => {}},
    {name: 'after a kill', end: (log: PartitionLog) => log.abandon(), damage: () => {}},
    {
      name: 'after a kill, without any index',
      end: (log: PartitionLog) => log.abandon(),
      damage: (directory: string) => {
        for (const name of readdirSync(directory)) if (name.endsWith('.idx')) rmSync(join(directory, name))
      },
    },
    {
      name: 'with garbage for indexes',
      end: (log: PartitionLog) => log.close(),
      damage: (directory: string) => {
        for (const name of readdirSync(directory))
          if (name.endsWith('.idx')) writeFileSync(join(directory, name), '\0\0')
      },
    },
  ])('finds everything $name: records, times, sequences', async ({end, damage}) => {
    const {directory, log} = await openLog()
    fill(log)
    const before = readAll(log)
    await end(log)
    damage(directory)
    const again = PartitionLog.open(directory, SMALL)
    expect(readAll(again)).toEqual(before)
    expect(again.endOffset).toBe(60)
    expect(again.firstAtOrAfter(1006)).toEqual({offset: 14, timestampMs: 1006})
    expect(again.append(batchOf(values(5), {producerId: 7, baseSequence: 55}))).toEqual({
      kind: 'duplicate',
      baseOffset: 55,
    })
    expect(again.append(batchOf(values(5), {producerId: 7, baseSequence: 65}))).toMatchObject({kind: 'refused'})
    expect(again.append(batchOf(values(5), {producerId: 7, baseSequence: 60}))).toEqual({
      kind: 'appended',
      baseOffset: 60,
    })
    again.abandon()
  })

  it.each([
    {name: 'half a batch', tail: batchOf(values(5)).subarray(0, 90)},
    {name: 'half a header', tail: Buffer.from([0, 0, 0])},
    {name: 'zeroes', tail: Buffer.alloc(500)},
    {
      name: 'a batch with a flipped bit',
      tail: Buffer.from(batchOf(values(5)).map((byte, at) => (at === 80 ? byte ^ 1 : byte))),
    },
  ])('cuts off a tail of $name and says so', async ({tail}) => {
    const {directory, log} = await openLog()
    fill(log)
    log.abandon()
    appendFileSync(activeFile(directory), tail)
    const lines: string[] = []
    const again = PartitionLog.open(directory, {...SMALL, log: line => lines.push(line)})
    expect(again.endOffset).toBe(60)
    expect(lines).toEqual([expect.stringContaining(`${tail.length} torn bytes behind offset 60`)])
    again.append(batchOf(values(1)))
    expect(readAll(again).at(-1)).toEqual({baseOffset: 60, recordCount: 1})
    again.abandon()
  })

  it('keeps every whole batch, wherever the file is cut (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2000), cutBytes =>
        withTemporaryDirectory(async parent => {
          const directory = join(parent, 'log')
          const log = PartitionLog.create(directory, {segmentBytes: 100_000})
          const ends: number[] = [0]
          for (let index = 0; index < 8; index++) {
            log.append(batchOf(values(index + 1)))
            ends.push(log.sizeBytes)
          }
          log.abandon()
          const path = activeFile(directory)
          const keptBytes = Math.min(cutBytes, readFileSync(path).length)
          truncateSync(path, keptBytes)
          const again = PartitionLog.open(directory, {segmentBytes: 100_000})
          expect(readAll(again)).toHaveLength(ends.filter(end => end <= keptBytes).length - 1)
          again.abandon()
        }),
      ),
      {numRuns: 30},
    )
  })

  it('begins at the start offset when only that has survived a crash of the machine', async () => {
    const {directory, log} = await openLog()
    fill(log)
    log.deleteBefore(60)
    log.abandon()
    truncateSync(activeFile(directory), 0)
    const again = PartitionLog.open(directory, SMALL)
    expect([again.startOffset, again.endOffset]).toEqual([60, 60])
    again.abandon()
  })

  it('makes nothing of what an earlier topic of the same name has left', async () => {
    const {directory, log} = await openLog()
    fill(log)
    log.abandon()
    const fresh = PartitionLog.create(directory, SMALL)
    expect([fresh.startOffset, fresh.endOffset]).toEqual([0, 0])
    expect(existsSync(join(directory, '00000000000000000000.idx'))).toBe(false)
    fresh.abandon()
  })
})
