/** One `p2pay up` for all tests of a file: starting the embedded database is what takes long. */
import {join} from 'node:path'
import {afterAll, beforeAll} from 'vitest'
import {copyEmptyDatabase} from './embedded-database.js'
import {type Finished, P2pay, type RunOptions, run} from './p2pay.js'
import {makeTemporaryDirectory, removeDirectory} from './temp.js'

export interface SharedUp {
  /** Its directory; commands that run there find the services. */
  readonly cwd: string
  readonly brokers: string
  readonly databaseUrl: string
  /** A command in its directory, to its end. */
  run(args: readonly string[], options?: Partial<RunOptions>): Promise<Finished>
}

const START_TIMEOUT_MS = 120_000

export function sharedUp(): () => SharedUp {
  let shared: SharedUp | undefined
  let process: P2pay | undefined
  beforeAll(async () => {
    const cwd = await makeTemporaryDirectory()
    await copyEmptyDatabase(join(cwd, '.p2pay/database'))
    process = new P2pay(['up', '--port', '0', '--database-port', '0'], {cwd})
    const [, brokers = '', databaseUrl = ''] = await process.output(/P2PAY_BROKERS=(\S+)\nP2PAY_DATABASE_URL=(\S+)/)
    shared = {cwd, brokers, databaseUrl, run: (args, options) => run(args, {cwd, ...options})}
  }, START_TIMEOUT_MS)
  afterAll(async () => {
    process?.kill('SIGTERM')
    await process?.finished
    if (shared !== undefined) await removeDirectory(shared.cwd)
  })
  return () => {
    if (shared === undefined) throw new Error('the shared services run only while tests do')
    return shared
  }
}
