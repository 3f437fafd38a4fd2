import {describe, expect, it} from 'vitest'
import {MemoryCluster} from '../../../src/lib/kafka/memory-cluster.js'
import type {SourceRecord} from '../../../src/lib/payment/record.js'
import {type MemorySource, openMemorySource} from '../../../src/lib/source/memory-source.js'
import {VirtualClock} from '../../support/virtual-clock.js'

const topic = 'in'
const group = 'g'

function filled(count: number, partitions = 2): MemoryCluster {
  const cluster = new MemoryCluster(partitions)
  for (let i = 0; i < count; i++) cluster.appendTo(topic, i % partitions, {key: null, value: Buffer.from(String(i))})
  return cluster
}

/** Collects `partition:offset` and commits each batch. */
function collecting(source: () => MemorySource, seen: string[], commit = true) {
  return {
    onAssigned: () => {},
    onRecords: async (partition: number, records: readonly SourceRecord[]) => {
      for (const record of records) seen.push(`${partition}:${record.offset}`)
      const last = records.at(-1)
      if (commit && last !== undefined) await source().commit(new Map([[partition, last.offset + 1]]))
    },
  }
}

describe('a memory source', () => {
  it('delivers every record in offset order and what is appended later', async () => {
    const cluster = filled(4)
    const seen: string[] = []
    const source = openMemorySource(cluster, {topic, group, clock: new VirtualClock()})
    await source.start(collecting(() => source, seen))
    await source.idle()
    cluster.appendTo(topic, 0, {key: null, value: null})
    await source.idle()
    expect(seen.filter(at => at.startsWith('0:'))).toEqual(['0:0', '0:1', '0:2'])
    expect(seen).toHaveLength(5)
  })

  it('delivers a rejected batch again after a while', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    const source = openMemorySource(filled(3, 1), {topic, group, clock})
    await source.start({
      onAssigned: () => {},
      onRecords: async (_partition, records) => {
        seen.push(records.length)
        if (seen.length < 3) throw new Error('database down')
      },
    })
    await clock.until(source.idle())
    expect(seen).toEqual([3, 3, 3])
  })

  it('delivers again from the committed offset after a lost session', async () => {
    const seen: string[] = []
    const source = openMemorySource(filled(4, 1), {topic, group, clock: new VirtualClock(), maxBatchCount: 2})
    await source.start(collecting(() => source, seen, false))
    await source.idle()
    await source.commit(new Map([[0, 2]]))
    await source.redeliver()
    await source.idle()
    expect(seen).toEqual(['0:0', '0:1', '0:2', '0:3', '0:2', '0:3'])
  })

  it('ignores commits of partitions that it lost, and all of them after kill -9', async () => {
    const cluster = filled(4)
    const source = openMemorySource(cluster, {topic, group, clock: new VirtualClock()})
    await source.start(collecting(() => source, [], false))
    await source.idle()
    await source.assign([1])
    await source.commit(
      new Map([
        [0, 2],
        [1, 1],
      ]),
    )
    source.crash()
    await source.commit(new Map([[1, 2]]))
    expect([...cluster.committed(group, topic)]).toEqual([[1, 1]])
  })

  it('drops records in flight when it is told to seek', async () => {
    const seen: string[] = []
    const source = openMemorySource(filled(3, 1), {topic, group, clock: new VirtualClock()})
    await source.start({
      onAssigned: () => {},
      onRecords: async (partition, records) => {
        seen.push(...records.map(record => `${partition}:${record.offset}`))
        if (seen.length === 3) source.seek(0, 1)
      },
    })
    await source.idle()
    expect(seen).toEqual(['0:0', '0:1', '0:2', '0:1', '0:2'])
  })

  it('delivers again at once when it is told to seek back after all was read', async () => {
    const seen: string[] = []
    const source = openMemorySource(filled(3, 1), {topic, group, clock: new VirtualClock()})
    await source.start(collecting(() => source, seen))
    await source.idle()
    source.seek(0, 1)
    await source.idle()
    expect(seen).toEqual(['0:0', '0:1', '0:2', '0:1', '0:2'])
  })
})
