import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Writable} from 'node:stream'
import {describe, expect, it} from 'vitest'
import {systemClock} from '../../../src/lib/base/clock.js'
import {openFileSink} from '../../../src/lib/sink/file-sink.js'
import type {OutgoingPayments, SendOutcome} from '../../../src/lib/sink/sink.js'
import {openStdoutSink} from '../../../src/lib/sink/stdout-sink.js'
import {plainBlock} from '../../support/plain-stream.js'
import {temporaryDirectory} from '../../support/temp.js'

const clock = systemClock

function payments(first: number, count: number, from = 0, to = count): OutgoingPayments {
  return {block: plainBlock(first, count).payments, from, to, dueUs: new Float64Array(to - from)}
}

function line(sequence: number): string {
  return `{"sequence":${sequence},"key":"debtor-${sequence % 20}"}\n`
}

describe('a file sink', () => {
  it('writes a line for each payment of the rows that it was given, and acknowledges it', async () => {
    const path = join(await temporaryDirectory(), 'out.ndjson')
    const outcomes: SendOutcome[] = []
    const sink = await openFileSink({path, format: 'ndjson', clock}, outcome => outcomes.push(outcome))
    await sink.send(payments(0, 10, 2, 4))
    await sink.send(payments(10, 1))
    await sink.close()
    expect(await readFile(path, 'utf8')).toBe(line(2) + line(3) + line(10))
    expect(outcomes.map(({state, sequences}) => [state, ...sequences])).toEqual([
      ['acked', 2, 3],
      ['acked', 10],
    ])
  })

  it('appears under its name only when it is whole', async () => {
    const directory = await temporaryDirectory()
    const sink = await openFileSink({path: join(directory, 'out.ndjson'), format: 'ndjson', clock}, () => {})
    await sink.send(payments(0, 5))
    await sink.flush()
    expect(await readdir(directory)).toEqual(['out.ndjson.partial'])
    await sink.close()
    expect(await readdir(directory)).toEqual(['out.ndjson'])
  })

  it('writes CSV with one header', async () => {
    const path = join(await temporaryDirectory(), 'out.csv')
    const sink = await openFileSink({path, format: 'csv', clock}, () => {})
    await sink.send(payments(0, 2))
    await sink.send(payments(2, 1))
    await sink.close()
    const lines = (await readFile(path, 'utf8')).split('\r\n')
    expect(lines).toHaveLength(5)
    expect(lines[0]).toMatch(/^schema_version,payment_id,/)
  })

  it('makes the sender wait above its buffer', async () => {
    const path = join(await temporaryDirectory(), 'out.ndjson')
    const sink = await openFileSink({path, format: 'ndjson', clock}, () => {})
    const block = plainBlock(0, 100, {bytesOf: () => 60_000}).payments
    const room = sink.send({block, from: 0, to: 100, dueUs: new Float64Array(100)})
    expect(room).toBeInstanceOf(Promise)
    await room
    expect(sink.send(payments(0, 1))).toBeUndefined()
    await sink.close()
  })

  it('names a full disk, says unknown of what it had, and refuses more', async () => {
    const outcomes: SendOutcome[] = []
    const sink = await openFileSink({path: '/dev/full', format: 'ndjson', clock}, outcome => outcomes.push(outcome))
    await sink.send(payments(0, 3))
    await expect(sink.flush()).rejects.toMatchObject({code: 'P2PAY_DISK_FULL'})
    expect(() => sink.send(payments(3, 1))).toThrow(/No space left/)
    await expect(sink.close()).rejects.toMatchObject({code: 'P2PAY_DISK_FULL'})
    expect(outcomes.map(({state, errorCode}) => [state, errorCode])).toEqual([['unknown', 'P2PAY_DISK_FULL']])
  })

  it('says which directory is not there', async () => {
    const path = join(await temporaryDirectory(), 'no', 'out.ndjson')
    await expect(openFileSink({path, format: 'ndjson', clock}, () => {})).rejects.toMatchObject({
      code: 'P2PAY_DISK',
      message: expect.stringContaining(path),
    })
  })
})

/** A stream whose reader decides when a write is done. */
class HeldStream extends Writable {
  text = ''
  readonly #held: (() => void)[] = []

  constructor() {
    super({highWaterMark: 100})
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#held.push(() => {
      this.text += chunk.toString()
      done()
    })
  }

  readOne(): void {
    this.#held.shift()?.()
  }

  break(code: string): void {
    this.destroy(Object.assign(new Error(code), {code}))
  }
}

describe('a stdout sink', () => {
  it('acknowledges what the reader took and makes the sender wait for the rest', async () => {
    const stream = new HeldStream()
    const outcomes: SendOutcome[] = []
    const sink = openStdoutSink({stream, format: 'ndjson', clock}, outcome => outcomes.push(outcome))
    expect(sink.send(payments(0, 1))).toBeUndefined()
    const room = sink.send(payments(1, 20))
    expect(room).toBeInstanceOf(Promise)
    stream.readOne()
    await new Promise(resolve => setImmediate(resolve))
    expect(outcomes.map(({sequences}) => [...sequences])).toEqual([[0]])
    stream.readOne()
    await room
    await sink.close()
    expect(stream.text.split('\n')).toHaveLength(22)
  })

  it('ends quietly when the reader goes away', async () => {
    const stream = new HeldStream()
    const outcomes: SendOutcome[] = []
    const sink = openStdoutSink({stream, format: 'ndjson', clock}, outcome => outcomes.push(outcome))
    const room = sink.send(payments(0, 20))
    stream.break('EPIPE')
    await room
    expect(sink.ended?.aborted).toBe(true)
    await sink.send(payments(20, 1))
    await sink.flush()
    await sink.close()
    expect(outcomes.map(({state}) => state)).toEqual(['unknown', 'unknown'])
  })

  it('fails on any other trouble', async () => {
    const stream = new HeldStream()
    const sink = openStdoutSink({stream, format: 'ndjson', clock}, () => {})
    const room = sink.send(payments(0, 20))
    stream.break('ENOSPC')
    await room
    await expect(sink.flush()).rejects.toMatchObject({code: 'P2PAY_DISK_FULL'})
    expect(sink.ended?.aborted).toBe(false)
  })
})
