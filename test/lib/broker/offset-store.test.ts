import {appendFileSync, mkdirSync, readFileSync, statSync, writeSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {type OffsetEntry, OffsetStore} from '../../../src/lib/broker/offset-store.js'
import {temporaryDirectory} from '../../support/temp.js'

const entry = (partition: number, offset: number, topic = 'payments.raw'): OffsetEntry => ({
  topic,
  partition,
  offset,
  leaderEpoch: 0,
  metadata: 'note',
})

describe('committed offsets', () => {
  it('are there again after a kill, the last one of each partition', async () => {
    const directory = await temporaryDirectory()
    const store = new OffsetStore(directory)
    store.commit('g', 'consumer', [entry(0, 10), entry(1, 20)])
    store.commit('g', 'consumer', [entry(0, 15)])
    store.close()
    const again = new OffsetStore(directory)
    expect(again.get('g', 'payments.raw', 0)).toEqual({offset: 15, leaderEpoch: 0, metadata: 'note'})
    expect(again.get('g', 'payments.raw', 1)?.offset).toBe(20)
    expect(again.get('g', 'payments.raw', 2)).toBeUndefined()
    expect(again.protocolTypeOf('g')).toBe('consumer')
    again.close()
  })

  it('lose nothing but a torn last line', async () => {
    const directory = await temporaryDirectory()
    const store = new OffsetStore(directory)
    store.commit('g', '', [entry(0, 10)])
    store.close()
    appendFileSync(join(directory, 'offsets.log'), '{"g":"g","k":"","c":[["payments.raw",0,99')
    const again = new OffsetStore(directory)
    expect(again.get('g', 'payments.raw', 0)?.offset).toBe(10)
    again.commit('g', '', [entry(0, 11)])
    again.close()
    const third = new OffsetStore(directory)
    expect(third.get('g', 'payments.raw', 0)?.offset).toBe(11)
    third.close()
  })

  it('survive a rewriting on a disk that takes a few bytes at a time', async () => {
    const directory = await temporaryDirectory()
    const first = new OffsetStore(directory)
    first.commit('g', '', [entry(0, 10), entry(1, 20)])
    first.close()
    const grudging = new OffsetStore(directory, (fd, bytes, from, byteCount, position) =>
      writeSync(fd, bytes, from, Math.min(byteCount, 7), position),
    )
    grudging.commit('g', '', [entry(0, 11)])
    grudging.close()
    const again = new OffsetStore(directory)
    expect([0, 1].map(partition => again.get('g', 'payments.raw', partition)?.offset)).toEqual([11, 20])
    again.close()
  })

  it('survive a rewriting for which there is no room', async () => {
    const directory = await temporaryDirectory()
    const first = new OffsetStore(directory)
    first.commit('g', '', [entry(0, 10), entry(1, 20)])
    first.close()
    const full = (): number => {
      throw Object.assign(new Error('no space left on device'), {code: 'ENOSPC'})
    }
    expect(() => new OffsetStore(directory, full)).toThrow('no space')
    const again = new OffsetStore(directory)
    expect([0, 1].map(partition => again.get('g', 'payments.raw', partition)?.offset)).toEqual([10, 20])
    again.close()
  })

  it('that cannot be read are not replaced by none', async () => {
    const directory = await temporaryDirectory()
    mkdirSync(join(directory, 'offsets.log'))
    expect(() => new OffsetStore(directory)).toThrow('EISDIR')
  })

  it('go with their group or their topic', async () => {
    const directory = await temporaryDirectory()
    const store = new OffsetStore(directory)
    store.commit('gone', '', [entry(0, 1)])
    store.commit('stays', '', [entry(0, 1), entry(0, 2, 'payments.legit')])
    store.deleteGroup('gone')
    store.deleteTopic('payments.raw')
    store.close()
    const again = new OffsetStore(directory)
    expect(again.groupIds()).toEqual(['stays'])
    expect([...(again.ofGroup('stays') ?? [])].map(([topic]) => topic)).toEqual(['payments.legit'])
    again.keepTopics(new Set(['other']))
    expect(again.readersOf('payments.legit')).toEqual([])
    again.close()
  })

  it('are unchanged when the disk is full', async () => {
    let isFull = false
    const store = new OffsetStore(await temporaryDirectory(), (_fd, _bytes, _from, byteCount) => {
      if (isFull) throw new Error('ENOSPC')
      return byteCount
    })
    store.commit('g', '', [entry(0, 1)])
    isFull = true
    expect(() => store.commit('g', '', [entry(0, 2)])).toThrow('ENOSPC')
    expect(store.get('g', 'payments.raw', 0)?.offset).toBe(1)
    store.close()
  })

  it('take little room however often they move', async () => {
    const directory = await temporaryDirectory()
    const store = new OffsetStore(directory)
    const many = Array.from({length: 500}, (_, partition) => entry(partition, 1))
    for (let round = 0; round < 400; round++) store.commit('g', 'consumer', many)
    expect(statSync(join(directory, 'offsets.log')).size).toBeLessThan(5_000_000)
    store.close()
    new OffsetStore(directory).close()
    expect(readFileSync(join(directory, 'offsets.log'), 'utf8').split('\n')).toHaveLength(2)
  })
})
