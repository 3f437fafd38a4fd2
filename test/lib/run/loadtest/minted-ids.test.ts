import {appendFileSync, existsSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  type MintedId,
  mintedIdsPath,
  openMintedIds,
  readMintedIds,
} from '../../../../src/lib/run/loadtest/minted-ids.js'
import {temporaryDirectory} from '../../../support/temp.js'

async function readAll(path: string): Promise<MintedId[]> {
  const ids: MintedId[] = []
  for await (const one of readMintedIds(path)) ids.push(one)
  return ids
}

describe('minted ids', () => {
  it('are read as they were recorded, whatever a service calls its payments', async () => {
    const path = mintedIdsPath(join(await temporaryDirectory(), 'runs', '0123456789ab'))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({sequence: fc.nat(), id: fc.string({unit: 'binary', maxLength: 200})}), {minLength: 1}),
        async ids => {
          const minted = openMintedIds(path)
          for (const {sequence, id} of ids) minted.record(sequence, id)
          await minted.close()
          expect(await readAll(path)).toEqual(ids)
        },
      ),
      {numRuns: 50},
    )
  })

  it('make no file when there are none, and read as none', async () => {
    const path = mintedIdsPath(await temporaryDirectory())
    await openMintedIds(path).close()
    expect(existsSync(path)).toBe(false)
    expect(await readAll(path)).toEqual([])
  })

  it('are appended in blocks: many times the buffer, with room in between', async () => {
    const path = mintedIdsPath(await temporaryDirectory())
    const minted = openMintedIds(path)
    let waits = 0
    for (let sequence = 0; sequence < 20_000; sequence++) {
      minted.record(sequence, `payment-${sequence}`.padEnd(36, '-'))
      const room = minted.room()
      if (room === undefined) continue
      waits++
      await room
    }
    await minted.close()
    expect(waits).toBeGreaterThan(0)
    const ids = await readAll(path)
    expect(ids).toHaveLength(20_000)
    expect(ids.at(-1)?.sequence).toBe(19_999)
    expect(readFileSync(path, 'utf8').slice(0, 64)).toContain('{"sequence":0,"id":"payment-0---')
  })

  it('cut an id that is none', async () => {
    const path = mintedIdsPath(await temporaryDirectory())
    const minted = openMintedIds(path)
    minted.record(7, 'x'.repeat(1_000_000))
    await minted.close()
    expect((await readAll(path))[0]?.id).toHaveLength(1024)
  })

  it('survive a crash in the middle of a line', async () => {
    const path = mintedIdsPath(await temporaryDirectory())
    const minted = openMintedIds(path)
    minted.record(1, 'a')
    await minted.close()
    appendFileSync(path, '{"sequence":2,"id":"b')
    expect(await readAll(path)).toEqual([{sequence: 1, id: 'a'}])
  })

  it.each([
    ['no JSON', 'garbage'],
    ['another object', '{"seq":1}'],
    ['a sequence that is no count', '{"sequence":-1,"id":"a"}'],
    ['an id that is no text', '{"sequence":1,"id":5}'],
    ['nothing', ''],
  ])('say which line is damaged when it is not the last one: %s', async (_, line) => {
    const path = mintedIdsPath(await temporaryDirectory())
    writeFileSync(path, `{"sequence":0,"id":"a"}\n${line}\n{"sequence":2,"id":"c"}\n`)
    await expect(readAll(path)).rejects.toMatchObject({
      code: 'P2PAY_MINTED_IDS',
      message: `${path} is damaged: line 2 is no record`,
    })
  })

  it('tell of a disk that does not take them', async () => {
    const directory = await temporaryDirectory()
    writeFileSync(`${directory}/file`, '')
    const minted = openMintedIds(mintedIdsPath(`${directory}/file`))
    minted.record(1, 'a')
    await expect(minted.close()).rejects.toMatchObject({code: 'P2PAY_DISK'})
  })
})
