/** `--json`: stdout is one JSON value and stderr is silent. Commands that need services are looked at beside them. */
import {readdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {type Finished, run} from '../support/p2pay.js'
import {sampleResult} from '../support/sample-result.js'
import {temporaryDirectory, withTemporaryDirectory} from '../support/temp.js'

const SCENARIO = `version: 1
name: short
load: {executor: constant-arrival-rate, rate: 300, duration: 2s}
`

/** Of its own: the tests run at the same time. */
function finishedIn(args: readonly string[]): Promise<Finished> {
  return withTemporaryDirectory(async cwd => {
    await writeFile(join(cwd, 'short.yaml'), SCENARIO)
    await writeFile(join(cwd, 'result.json'), JSON.stringify(sampleResult()))
    return run(args, {cwd})
  })
}

describe.concurrent('--json', () => {
  it.each([
    [['generate', '--count', '10', '--out', 'payments.ndjson'], {sent: 10, destination: 'payments.ndjson', seed: 1}],
    [['accounts', '--count', '20', '--seed', '7'], {accounts: 20, seed: 7, out: null}],
    [['validate', 'short.yaml'], {file: 'short.yaml', planned_count: 600}],
    [['report', 'result.json', '--markdown', 'report.md'], {schema_version: 1}],
    [['compare', 'result.json', 'result.json'], {schema_version: 1, verdict: 'same'}],
    [['doctor'], {healthy: true}],
    [['clean', '--run', '0123456789ab', '--keep-rows'], {run_tag: '0123456789ab', rows: null, files: null}],
  ])('p2pay %j', async (args, expected) => {
    const {exitCode, stdout, stderr} = await finishedIn([...args, '--json'])
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject(expected)
  })
})

describe('p2pay doctor', () => {
  it('changes nothing', async () => {
    const cwd = await temporaryDirectory()
    const {exitCode, stdout} = await run(['doctor'], {cwd})
    expect(exitCode, stdout).toBe(0)
    expect(await readdir(cwd)).toEqual([])
  })
})
