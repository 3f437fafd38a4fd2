import {readFile, writeFile} from 'node:fs/promises'
import {describe, expect, it} from 'vitest'
import {scenarioJsonSchema} from '../../../src/lib/scenario/schema.js'

const FILE = new URL('../../../docs/scenario-v1.schema.json', import.meta.url)

describe('docs/scenario-v1.schema.json', () => {
  it('is what the schema in the code says (UPDATE_GOLDEN=1 writes it)', async () => {
    const text = `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(FILE, text)
    expect(await readFile(FILE, 'utf8')).toBe(text)
  })

  it('lets numbers come from the environment', () => {
    expect(scenarioJsonSchema().properties?.['seed']).toMatchObject({
      type: ['integer', 'string'],
      pattern: '^\\$\\{.+\\}$',
    })
  })
})
