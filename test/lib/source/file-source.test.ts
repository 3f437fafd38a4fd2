import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {openFileSource} from '../../../src/lib/source/file-source.js'
import type {RecordSource} from '../../../src/lib/source/source.js'
import {temporaryDirectory} from '../../support/temp.js'
import {VirtualClock} from '../../support/virtual-clock.js'

const clock = new VirtualClock()

async function fileOf(text: string): Promise<string> {
  const path = join(await temporaryDirectory(), 'in.ndjson')
  await writeFile(path, text)
  return path
}

/** Reads until `count` lines are there. */
async function read(
  source: RecordSource,
  count: number,
  onLine: (offset: number) => void = () => {},
): Promise<string[]> {
  const lines: string[] = []
  await new Promise<void>((resolve, reject) => {
    if (count === 0) resolve()
    source
      .start({
        onAssigned: partitions => expect(partitions).toEqual([0]),
        onRecords: async (_partition, records) => {
          for (const record of records) {
            lines.push(`${record.offset}:${record.value?.toString()}`)
            onLine(record.offset)
          }
          if (lines.length >= count) resolve()
        },
        onFailed: reject,
      })
      .catch(reject)
  })
  await source.stop()
  return lines
}

describe('a file source', () => {
  it.each([
    ['lines', 'a\nb\nc\n', ['0:a', '1:b', '2:c']],
    ['an unfinished last line', 'a\nb', ['0:a', '1:b']],
    ['empty lines in between', 'a\n\nb\n', ['0:a', '1:', '2:b']],
    ['several bytes a character', 'ä€\n😀\n', ['0:ä€', '1:😀']],
    ['nothing', '', []],
  ])('reads %s', async (_name, text, expected) => {
    const source = await openFileSource({path: await fileOf(text), clock, maxBatchCount: 2})
    expect((await source.bounds()).get(0)).toEqual({earliest: 0, end: expected.length})
    expect(await read(source, expected.length)).toEqual(expected)
  })

  it('reads lines that are longer than the buffer of a stream', async () => {
    const long = 'x'.repeat(200_000)
    const source = await openFileSource({path: await fileOf(`a\n${long}\nb\n`), clock})
    expect(await read(source, 3)).toEqual(['0:a', `1:${long}`, '2:b'])
  })

  it('goes where a seek sends it, also from within a delivery', async () => {
    const source = await openFileSource({path: await fileOf('a\nb\nc\n'), clock, maxBatchCount: 1})
    let sought = false
    const lines = await read(source, 5, offset => {
      if (offset === 2 && !sought) {
        sought = true
        source.seek(0, 1)
      }
    })
    expect(lines).toEqual(['0:a', '1:b', '2:c', '1:b', '2:c'])
  })

  it('says that a file is not there', async () => {
    await expect(openFileSource({path: '/nowhere/in.ndjson', clock})).rejects.toMatchObject({code: 'P2PAY_FILE'})
  })
})
