/** What wrong flags of `p2pay serve` get, before any service is opened or any port is taken. */
import {readdir, writeFile} from 'node:fs/promises'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {run} from '../support/p2pay.js'
import {withTemporaryDirectory} from '../support/temp.js'

interface Case {
  readonly name: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly exit: 2 | 3
  readonly code: string
  readonly says: readonly string[]
}

const CASES: readonly Case[] = [
  {
    name: 'durations that are none or out of range, all at once',
    args: ['--ack-timeout', 'soon', '--score-budget', '0.1ms', '--idempotency-ttl', '365d'],
    exit: 2,
    code: 'P2PAY_DURATION',
    says: [
      '--ack-timeout: "soon" is not a duration',
      '--score-budget: 0.1ms is not within 1ms to 60s',
      '--idempotency-ttl: 365d is not within 1s to 31d',
    ],
  },
  {
    name: 'a port that is none',
    args: ['--port', '65536'],
    exit: 2,
    code: 'P2PAY_FLAGS',
    says: ['--port'],
  },
  {
    name: 'no room for a payment at all',
    args: ['--max-pending', '0'],
    exit: 2,
    code: 'P2PAY_FLAGS',
    says: ['--max-pending'],
  },
  {
    name: 'a file of the API key that is not there',
    args: ['--api-key-file', 'missing.txt'],
    exit: 2,
    code: 'P2PAY_API_KEY',
    says: ['--api-key-file: missing.txt cannot be read'],
  },
  {
    name: 'an empty file of the API key, which would let everybody in',
    args: ['--api-key-file', 'empty.txt'],
    env: {P2PAY_API_KEY: 'good'},
    exit: 2,
    code: 'P2PAY_API_KEY',
    says: ['The API key of empty.txt is empty'],
  },
  {
    name: 'an API key that no header carries, which is not repeated',
    args: [],
    env: {P2PAY_API_KEY: 'geh eim'},
    exit: 2,
    code: 'P2PAY_API_KEY',
    says: ['The API key of P2PAY_API_KEY is not one word of printable ASCII'],
  },
  {
    name: 'thresholds for a detector that does not run',
    args: ['--scenario', 'empty.txt'],
    exit: 2,
    code: 'P2PAY_FLAGS',
    says: ['--detect'],
  },
  {
    name: 'a broker without a database',
    args: ['--brokers', '127.0.0.1:1', '--port', '0'],
    exit: 2,
    code: 'P2PAY_DATABASE_NOT_NAMED',
    says: ['A Kafka broker is named, but no database'],
  },
  {
    name: 'a broker that is not there',
    args: ['--brokers', '127.0.0.1:1', '--no-database', '--port', '0'],
    exit: 3,
    code: 'P2PAY_BROKER_UNREACHABLE',
    says: ['Kafka at 127.0.0.1:1 refused the connection: nobody listens there'],
  },
  {
    name: 'an address that is none of this machine',
    args: ['--host', '192.0.2.1', '--port', '0'],
    exit: 3,
    code: 'P2PAY_LISTEN',
    says: ['Cannot listen on 192.0.2.1:0'],
  },
]

describe.concurrent('p2pay serve', () => {
  it.each(CASES)('$name: exit $exit, $code', ({args, env = {}, exit, code, says}) =>
    withTemporaryDirectory(async cwd => {
      await writeFile(join(cwd, 'empty.txt'), '\n')
      const {exitCode, stdout, stderr} = await run(['serve', '--json', ...args], {cwd, env})
      const {error}: {error: {code: string; message: string}} = JSON.parse(stdout)
      for (const part of says) expect(error.message).toContain(part)
      expect({exitCode, stderr, code: error.code}).toEqual({exitCode: exit, stderr: '', code})
      expect(stdout).not.toContain('eim')
    }),
  )

  it('whose port is taken says so before it hosts anything', () =>
    withTemporaryDirectory(async cwd => {
      const other = createServer()
      await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
      const address = other.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      const {exitCode, stdout} = await run(['serve', '--json', '--port', `${port}`], {cwd})
      other.close()
      expect({exitCode, code: JSON.parse(stdout).error.code}).toEqual({exitCode: 3, code: 'P2PAY_LISTEN'})
      expect(await readdir(cwd)).toEqual([])
    }))
})
