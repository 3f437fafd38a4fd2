import {readFile, writeFile} from 'node:fs/promises'
import {describe, expect, it} from 'vitest'
import {parseResult, resultJsonSchema} from '../../../src/lib/report/result-schema.js'
import {emptyResult, sampleResult} from '../../support/sample-result.js'

const FILE = new URL('../../../docs/result-v1.schema.json', import.meta.url)

describe('docs/result-v1.schema.json', () => {
  it('is what the schema in the code says (UPDATE_GOLDEN=1 writes it)', async () => {
    const text = `${JSON.stringify(resultJsonSchema(), null, 2)}\n`
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(FILE, text)
    expect(await readFile(FILE, 'utf8')).toBe(text)
  })

  it.each([
    ['a full result', sampleResult()],
    ['an empty one', emptyResult()],
  ])('describes every field of %s: nothing is lost by reading it back', (_, result) => {
    expect(parseResult(JSON.stringify(result), 'r.json')).toEqual(result)
  })
})

describe('a result file', () => {
  const broken = (change: Record<string, unknown>): string => JSON.stringify({...sampleResult(), ...change})

  it.each([
    ['no JSON', '{', 'r.json is no p2pay result: it is not JSON'],
    [
      'another version',
      broken({schema_version: 2}),
      'r.json is no p2pay result: its schema_version is 2, this p2pay reads 1',
    ],
    ['something else', '[]', 'r.json is no p2pay result: Invalid input: expected object, received array'],
    ['a verdict of no kind', broken({verdict: 'fine'}), 'r.json is no p2pay result: verdict: Invalid option'],
    [
      'a count that is none',
      broken({ladder: {...sampleResult().ladder, rows: '5'}}),
      'r.json is no p2pay result: ladder.rows: Invalid input',
    ],
  ])('is refused when it is %s', (_, text, message) => {
    expect(() => parseResult(text, 'r.json')).toThrow(
      expect.objectContaining({code: 'P2PAY_RESULT', message: expect.stringContaining(message)}),
    )
  })

  it('names several problems at once', () => {
    expect(() => parseResult(broken({verdict: 'fine', notes: 5}), 'r.json')).toThrow(/notes: .*\n {2}verdict: /)
  })

  it('may have more keys, of a later version', () => {
    expect(parseResult(broken({later: true}), 'r.json')).toEqual(sampleResult())
  })
})
