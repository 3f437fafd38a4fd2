import {readFile, writeFile} from 'node:fs/promises'
import {describe, expect, it} from 'vitest'
import {parseResult} from '../../../src/lib/report/parse.js'
import {resultJsonSchema} from '../../../src/lib/report/result-schema.js'
import {emptyResult, loadtestResult, sampleResult} from '../../support/sample-result.js'

const FILE = new URL('../../../docs/result-v1.schema.json', import.meta.url)

describe('docs/result-v1.schema.json', () => {
  it('is what the schema in the code says (UPDATE_GOLDEN=1 writes it)', async () => {
    const text = `${JSON.stringify(resultJsonSchema(), null, 2)}\n`
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(FILE, text)
    expect(await readFile(FILE, 'utf8')).toBe(text)
  })

  it.each([
    ['a full result', sampleResult()],
    ['a load test of the closed model', loadtestResult('closed')],
    ['a load test of the open model', loadtestResult('open')],
    ['an empty one', emptyResult()],
  ])('describes every field of %s: nothing is lost by reading it back', (_, result) => {
    expect(parseResult(JSON.stringify(result))).toEqual({result, problems: []})
  })
})

describe('a result file', () => {
  const changed = (change: Record<string, unknown>): string => JSON.stringify({...sampleResult(), ...change})

  it.each([
    ['no JSON', '{', [expect.stringMatching(/^it is not JSON/)]],
    ['of another version', changed({schema_version: 2}), ['its schema_version is 2, this p2pay reads 1']],
    ['something else', '[]', ['it holds a list, and a result is an object']],
    ['another kind of file', '{"name": "p2pay"}', ['it has no schema_version, so it is JSON of another kind']],
    [
      'without its parts',
      changed({run: undefined, verdict: undefined}),
      ['run is missing; expected an object', 'verdict is missing; expected one of passed, failed, inconclusive'],
    ],
    [
      'with a negative count',
      changed({load: {...sampleResult().load, sent: -1}}),
      ['load.sent is -1; expected 0 at least'],
    ],
    [
      'with a verdict of no kind',
      changed({verdict: 'fine'}),
      ['verdict is "fine"; expected one of passed, failed, inconclusive'],
    ],
    [
      'with a text for a count',
      changed({ladder: {...sampleResult().ladder, rows: '5'}}),
      ['ladder.rows is "5"; expected a number'],
    ],
    [
      'with several problems',
      changed({verdict: 'fine', notes: 5}),
      ['notes is 5; expected a list', expect.stringMatching(/^verdict is "fine"/)],
    ],
  ])('is refused when it is %s', (_, text, problems) => {
    expect(parseResult(text)).toEqual({result: undefined, problems})
  })

  it('names twenty problems at most', () => {
    const thresholds = Array.from({length: 50}, () => ({}))
    expect(parseResult(changed({thresholds})).problems).toHaveLength(20)
  })

  it('may have more keys, of a later version', () => {
    expect(parseResult(changed({later: true})).result).toEqual(sampleResult())
  })
})
