import {readdir, readFile, symlink, unlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {openFileSnapshots} from '../../../src/lib/store/file-snapshots.js'
import type {Snapshot} from '../../../src/lib/store/store.js'
import {temporaryDirectory} from '../../support/temp.js'

const OWNER = {group: 'p2pay-detector', topic: 'payments.raw'}

function snapshot(shard: string, offsets: [number, number][], state = `${shard} ${offsets}`): Snapshot {
  return {shard, offsets: new Map(offsets), stateVersion: 2, state: Buffer.from(state)}
}

describe('snapshots in files', () => {
  it('come back after a restart as they were saved, in the order asked', async () => {
    const directory = join(await temporaryDirectory(), 'made', 'when', 'missing')
    const saved = [
      snapshot('debtor/0', [[0, 5]]),
      snapshot(
        'shared',
        [
          [0, 5],
          [1, 9_007_199_254_740_991],
        ],
        '',
      ),
    ]
    await (await openFileSnapshots(directory)).saveSnapshots(OWNER, saved)
    const store = await openFileSnapshots(directory)
    expect(await store.loadSnapshots(OWNER, ['shared', 'debtor/7', 'debtor/0'])).toEqual([...saved].reverse())
    expect(await store.loadSnapshots({...OWNER, topic: 'other'}, ['shared'])).toEqual([])
  })

  it.each<[string, [number, number][], [number, number][], 'new' | 'old']>([
    ['further on', [[0, 10]], [[0, 11]], 'new'],
    ['the same offset', [[0, 10]], [[0, 10]], 'new'],
    [
      'one more partition',
      [[0, 10]],
      [
        [0, 10],
        [1, 1],
      ],
      'new',
    ],
    ['behind', [[0, 10]], [[0, 9]], 'old'],
    [
      'a partition not seen',
      [
        [0, 10],
        [1, 10],
      ],
      [[0, 99]],
      'old',
    ],
  ])('with %s: the newer offsets stay', async (_what, before, after, winner) => {
    const store = await openFileSnapshots(await temporaryDirectory())
    const old = snapshot('shared', before, 'old')
    const fresh = snapshot('shared', after, 'new')
    await store.saveSnapshots(OWNER, [old])
    await store.saveSnapshots(OWNER, [fresh, snapshot('debtor/0', [[0, 1]])])
    expect(await store.loadSnapshots(OWNER, ['shared'])).toEqual([winner === 'new' ? fresh : old])
    expect((await store.loadSnapshots(OWNER, ['debtor/0'])).length).toBe(1)
  })

  it('go with the partitions that they have seen, and their files with them', async () => {
    const directory = await temporaryDirectory()
    const store = await openFileSnapshots(directory)
    const [first, second] = [snapshot('debtor/0', [[0, 9]]), snapshot('debtor/1', [[1, 9]])]
    await store.saveSnapshots(OWNER, [first, second, snapshot('shared', [...first.offsets, ...second.offsets])])
    await store.saveSnapshots({...OWNER, group: 'other'}, [first])
    await store.dropSnapshots(OWNER, [0, 10])
    expect(await store.loadSnapshots(OWNER, ['debtor/0', 'debtor/1', 'shared'])).toEqual([second])
    expect(await store.loadSnapshots({...OWNER, group: 'other'}, ['debtor/0'])).toEqual([first])
    expect((await readdir(directory)).filter(file => file.endsWith('.state')).length).toBe(2)
    await store.saveSnapshots(OWNER, [snapshot('debtor/0', [[0, 3]])])
    expect(await store.loadSnapshots(OWNER, ['debtor/0'])).toEqual([snapshot('debtor/0', [[0, 3]])])
  })

  it('leave no file behind that is not used, also of a save that was killed', async () => {
    const directory = await temporaryDirectory()
    const store = await openFileSnapshots(directory)
    await writeFile(join(directory, 'half.state'), 'half of a sta')
    await writeFile(join(directory, 'snapshots.json.new'), '{"version": 1, "snaps')
    const saves = Array.from({length: 5}, (_, index) => store.saveSnapshots(OWNER, [snapshot('shared', [[0, index]])]))
    await Promise.all(saves)
    expect(await store.loadSnapshots(OWNER, ['shared'])).toEqual([snapshot('shared', [[0, 4]])])
    const files = await readdir(directory)
    expect(files.filter(file => file.endsWith('.state')).length).toBe(1)
    expect(files.length).toBe(2)
  })

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['changed in one byte', (bytes: Buffer) => Buffer.concat([Buffer.from([1]), bytes.subarray(1)])],
  ])('that were %s are refused with the file named', async (_what, spoil) => {
    const directory = await temporaryDirectory()
    const store = await openFileSnapshots(directory)
    await store.saveSnapshots(OWNER, [snapshot('shared', [[0, 1]])])
    const file = (await readdir(directory)).find(name => name.endsWith('.state')) ?? ''
    await writeFile(join(directory, file), spoil(await readFile(join(directory, file))))
    await expect(store.loadSnapshots(OWNER, ['shared'])).rejects.toMatchObject({
      code: 'P2PAY_SNAPSHOT',
      message: expect.stringContaining(file),
    })
  })

  it.each([
    ['torn', '{"version": 1, "snap'],
    ['of a later version', '{"version": 99, "snapshots": []}'],
  ])('with an index that is %s do not open', async (_what, text) => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'snapshots.json'), text)
    await expect(openFileSnapshots(directory)).rejects.toMatchObject({code: 'P2PAY_SNAPSHOT'})
  })

  it('in a place that is a file do not open', async () => {
    const file = join(await temporaryDirectory(), 'file')
    await writeFile(file, '')
    await expect(openFileSnapshots(file)).rejects.toMatchObject({code: 'P2PAY_SNAPSHOT'})
  })

  it.runIf(process.platform === 'linux')(
    'on a full disk are a trouble that passes, and the stored ones stay',
    async () => {
      const directory = await temporaryDirectory()
      const store = await openFileSnapshots(directory)
      await store.saveSnapshots(OWNER, [snapshot('shared', [[0, 1]])])
      await symlink('/dev/full', join(directory, 'snapshots.json.new'))
      const later = [snapshot('shared', [[0, 2]])]
      await expect(store.saveSnapshots(OWNER, later)).rejects.toMatchObject({code: 'P2PAY_DISK_FULL'})
      expect((await store.loadSnapshots(OWNER, ['shared']))[0]?.offsets).toEqual(new Map([[0, 1]]))
      await unlink(join(directory, 'snapshots.json.new'))
      await store.saveSnapshots(OWNER, later)
      expect((await store.loadSnapshots(OWNER, ['shared']))[0]?.offsets).toEqual(new Map([[0, 2]]))
    },
  )
})
