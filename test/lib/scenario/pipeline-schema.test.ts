import {readFile, writeFile} from 'node:fs/promises'
import {describe, expect, it} from 'vitest'
import {pipelineJsonSchema} from '../../../src/lib/scenario/pipeline-file.js'

const FILE = new URL('../../../docs/pipeline-v1.schema.json', import.meta.url)

describe('docs/pipeline-v1.schema.json', () => {
  it('is what the schema in the code says (UPDATE_GOLDEN=1 writes it)', async () => {
    const text = `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(FILE, text)
    expect(await readFile(FILE, 'utf8')).toBe(text)
  })
})
