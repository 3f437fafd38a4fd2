/** A stored result, for the commands that read one. */
import {readFile} from 'node:fs/promises'
import {UsageError} from '../base/errors.js'
import type {RunResult} from '../report/result.js'

const MAKE_ONE = 'make one with `p2pay run SCENARIO --out result.json` or `p2pay loadtest --out result.json`'

/** @throws UsageError P2PAY_RESULT_FILE, P2PAY_RESULT with all that is wrong with it */
export async function readResult(path: string): Promise<RunResult> {
  const text = await readFile(path, 'utf8').catch(cause => {
    throw new UsageError(`The result ${path} cannot be read`, {
      code: 'P2PAY_RESULT_FILE',
      suggestions: [MAKE_ONE],
      cause,
    })
  })
  const {parseResult} = await import('../report/parse.js')
  const {result, problems} = parseResult(text)
  if (result === undefined) {
    throw new UsageError(`${path} is not a result of p2pay: ${problems.join('; ')}`, {
      code: 'P2PAY_RESULT',
      suggestions: [MAKE_ONE],
    })
  }
  return result
}
