/** What wrong input gets, without any service: a message that names the value, next steps, and the documented code. */
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {type Finished, run} from '../support/p2pay.js'
import {withTemporaryDirectory} from '../support/temp.js'

/** Nothing listens there. */
const NOWHERE = '127.0.0.1:1'
const NO_DATABASE = 'postgresql://127.0.0.1:1/none'

const SCENARIO = `version: 1
name: bad
acounts: 5
load:
  executor: constant-arrival-rate
  ratee: 500
  rate: 0
  duration: 20
`

interface Case {
  readonly name: string
  readonly args: readonly string[]
  readonly exit: 2 | 3
  readonly code: string
  /** Each is somewhere in the message. */
  readonly says: readonly (string | RegExp)[]
}

const CASES: readonly Case[] = [
  {
    name: 'an unknown command',
    args: ['generat'],
    exit: 2,
    code: 'P2PAY_COMMAND_UNKNOWN',
    says: ['there is no command "generat"; did you mean "p2pay generate"?'],
  },
  {
    name: 'an unknown command of a topic',
    args: ['topics', 'lst'],
    exit: 2,
    code: 'P2PAY_COMMAND_UNKNOWN',
    says: ['did you mean "p2pay topics list"?'],
  },
  {
    name: 'unknown flags, all at once',
    args: ['generate', '--tsp', '5', '--duratoin', '3s'],
    exit: 2,
    code: 'P2PAY_FLAGS',
    says: ['unknown flag --tsp; did you mean --tps?', 'unknown flag --duratoin; did you mean --duration?'],
  },
  {
    name: 'artefacts of a run that cannot be written',
    args: ['run', 'bad.yaml', '--html', '.', '--out', 'a', '--csv', './a'],
    exit: 2,
    code: 'P2PAY_SCENARIO',
    says: ['--html: . is a directory: name a file in it', '--csv: ./a is what --out writes'],
  },
  {
    name: 'payments and their truth in one file',
    args: ['generate', '--count', '5', '--out', 'p.ndjson', '--truth', './p.ndjson'],
    exit: 2,
    code: 'P2PAY_LOAD',
    says: ['--truth: ./p.ndjson is what --out writes: name another file'],
  },
  {
    name: 'a truth that cannot be written',
    args: ['generate', '--tps', '5', '--brokers', NOWHERE, '--truth', 'bad.yaml/truth.ndjson'],
    exit: 2,
    code: 'P2PAY_LOAD',
    says: [/--truth: bad\.yaml\/truth\.ndjson cannot be written: .*bad\.yaml is no directory/],
  },
  {
    name: 'a missing argument',
    args: ['run'],
    exit: 2,
    code: 'P2PAY_ARGUMENTS',
    says: ['the argument SCENARIO is missing'],
  },
  {
    name: 'an argument too many',
    args: ['generate', 'payments'],
    exit: 2,
    code: 'P2PAY_ARGUMENTS',
    says: ['p2pay generate takes no argument "payments"'],
  },
  {
    name: 'an argument too many after a flag',
    args: ['generate', '--tps', '5', 'payments'],
    exit: 2,
    code: 'P2PAY_FLAGS',
    says: ['Unexpected argument: payments'],
  },
  {
    name: 'a flag of the wrong type',
    args: ['generate', '--tps', '5', '--count', 'many'],
    exit: 2,
    code: 'P2PAY_FLAGS',
    says: ['--count: Expected an integer but received: many'],
  },
  {
    name: 'flags that exclude each other',
    args: ['generate', '--tps', '5', '--count', '5', '--duration', '5s'],
    exit: 2,
    code: 'P2PAY_FLAGS',
    says: ['--count=5 cannot also be provided when using --duration'],
  },
  {
    name: 'a choice that is none',
    args: ['generate', '--tps', '5', '--key', 'amount'],
    exit: 2,
    code: 'P2PAY_FLAGS',
    says: ['Expected --key=amount to be one of: debtor_id, creditor_id, payment_id, none'],
  },
  {
    name: 'no rate for Kafka',
    args: ['generate'],
    exit: 2,
    code: 'P2PAY_RATE_REQUIRED',
    says: ['To Kafka a rate is required'],
  },
  {
    name: 'a rate of 0',
    args: ['generate', '--tps', '0'],
    exit: 2,
    code: 'P2PAY_LOAD',
    says: ['--tps: 0 is not a rate in (0, 1,000,000], or max'],
  },
  {
    name: 'a rate of 1e9 and all else that is wrong, at once',
    args: ['generate', '--tps', '1e9', '--duration', 'soon', '--fraud-rate', '7', '--start', 'tomorrow'],
    exit: 2,
    code: 'P2PAY_LOAD',
    says: [
      '4 problems',
      '--tps: 1000000000 is not a rate in (0, 1,000,000], or max',
      '--duration: "soon" is not a duration',
      '--fraud-rate: 7 is not a share in [0, 0.5]',
      '--start: "tomorrow" is not an ISO 8601 time',
    ],
  },
  {
    name: 'a shard that is none',
    args: ['generate', '--count', '5', '--out', 'x.ndjson', '--shard', '4/3'],
    exit: 2,
    code: 'P2PAY_SHARD',
    says: ['--shard: "4/3" is not i/n'],
  },
  {
    name: 'a run tag that is none',
    args: ['generate', '--count', '5', '--out', 'x.ndjson', '--run-tag', 'XYZ'],
    exit: 2,
    code: 'P2PAY_RUN_TAG',
    says: ['"XYZ" is not a run tag'],
  },
  {
    name: 'payments and JSON that both want stdout',
    args: ['generate', '--count', '5', '--out', 'stdout'],
    exit: 2,
    code: 'P2PAY_STDOUT_TAKEN',
    says: ['--json and --out stdout both want stdout'],
  },
  {
    name: 'a scenario that is not there',
    args: ['run', 'nowhere.yaml'],
    exit: 2,
    code: 'P2PAY_SCENARIO_FILE',
    says: ['the scenario nowhere.yaml cannot be read'],
  },
  {
    name: 'a scenario with problems, each at its line, with the nearest key',
    args: ['validate', 'bad.yaml'],
    exit: 2,
    code: 'P2PAY_SCENARIO',
    says: [
      'bad.yaml: 4 problems',
      'bad.yaml:3:1 acounts: unknown key',
      'bad.yaml:6:3 load.ratee: unknown key; did you mean "rate"?',
      'bad.yaml:7:9 load.rate: 0 is not a rate in (0, 1,000,000]',
      /bad\.yaml:8:13 load\.duration: 20 is not a duration/,
    ],
  },
  {
    name: 'a scenario with problems, for a run',
    args: ['run', 'bad.yaml', '--tps', 'fast'],
    exit: 2,
    code: 'P2PAY_SCENARIO',
    says: ['--tps: "fast" is not a number', 'bad.yaml:6:3 load.ratee: unknown key'],
  },
  {
    name: 'a scenario with problems, for a detector',
    args: ['detect', '--scenario', 'bad.yaml'],
    exit: 2,
    code: 'P2PAY_SCENARIO',
    says: ['load.ratee: unknown key'],
  },
  {
    name: 'a duration without its unit',
    args: ['detect', '--until-idle', '5'],
    exit: 2,
    code: 'P2PAY_DURATION',
    says: ['--until-idle: "5" is not a duration'],
  },
  {
    name: 'a broker without a database',
    args: ['detect', '--brokers', NOWHERE],
    exit: 2,
    code: 'P2PAY_DATABASE_NOT_NAMED',
    says: ['A Kafka broker is named, but no database'],
  },
  {
    name: 'a broker address that is none',
    args: ['generate', '--tps', '5', '--brokers', 'foo:bar'],
    exit: 2,
    code: 'P2PAY_BROKERS',
    says: ['Not a broker address: "foo:bar"'],
  },
  {
    name: 'a property that is not known',
    args: ['generate', '--tps', '5', '--brokers', NOWHERE, '-X', 'linger=5'],
    exit: 2,
    code: 'P2PAY_KAFKA_PROPERTY',
    says: ['"linger" is not supported'],
  },
  {
    name: 'a property that is not known, before anybody waits for a broker',
    args: ['topics', 'list', '-X', 'linger=5'],
    exit: 2,
    code: 'P2PAY_KAFKA_PROPERTY',
    says: ['"linger" is not supported'],
  },
  {
    name: 'a result that is not there',
    args: ['report', 'nowhere.json'],
    exit: 2,
    code: 'P2PAY_RESULT_FILE',
    says: ['The result nowhere.json cannot be read'],
  },
  {
    name: 'a file that is no result',
    args: ['report', 'bad.yaml'],
    exit: 2,
    code: 'P2PAY_RESULT',
    says: ['bad.yaml is not a result of p2pay: it is not JSON'],
  },
  {
    name: 'no database to migrate',
    args: ['migrate'],
    exit: 2,
    code: 'P2PAY_DATABASE_NOT_NAMED',
    says: ['No database is named'],
  },
  {
    name: 'a database address that is none',
    args: ['migrate', '--database-url', 'localhost'],
    exit: 2,
    code: 'P2PAY_DATABASE_URL',
    says: ['does not begin with postgresql://'],
  },
  {
    name: 'the truth about a run that is not there',
    args: ['truth', '--run', '0123456789ab'],
    exit: 3,
    code: 'P2PAY_RUN_MISSING',
    says: ['There is no manifest at '],
  },
  {
    name: 'a broker that is not there, for a generator',
    args: ['generate', '--tps', '5', '--brokers', NOWHERE],
    exit: 3,
    code: 'P2PAY_BROKER_UNREACHABLE',
    says: [`Kafka at ${NOWHERE} refused the connection: nobody listens there`],
  },
  {
    name: 'a broker that is not there, for a detector',
    args: ['detect', '--brokers', NOWHERE, '--no-database'],
    exit: 3,
    code: 'P2PAY_BROKER_UNREACHABLE',
    says: [`Kafka at ${NOWHERE} refused the connection: nobody listens there`],
  },
  {
    name: 'a broker that is not there, for the topics',
    args: ['topics', 'list', '--brokers', NOWHERE],
    exit: 3,
    code: 'P2PAY_BROKER_UNREACHABLE',
    says: [`Kafka at ${NOWHERE} refused the connection: nobody listens there`],
  },
  {
    name: 'a database that is not there',
    args: ['migrate', '--database-url', NO_DATABASE],
    exit: 3,
    code: 'P2PAY_DATABASE_DOWN',
    says: ['The database at 127.0.0.1:1/none is not there'],
  },
]

/** Of its own: the tests run at the same time. */
function finishedIn(args: readonly string[]): Promise<Finished> {
  return withTemporaryDirectory(async cwd => {
    await writeFile(join(cwd, 'bad.yaml'), SCENARIO)
    return run(args, {cwd})
  })
}

describe.concurrent('as JSON', () => {
  it.each(CASES)('$name: exit $exit, $code', async ({args, exit, code, says}) => {
    const {exitCode, stdout, stderr} = await finishedIn([...args, '--json'])
    const {error}: {error: {code: string; message: string; suggestions: string[]; exit: number}} = JSON.parse(stdout)
    for (const part of says) expect(error.message).toMatch(part)
    expect({exitCode, stderr, code: error.code, exit: error.exit}).toEqual({exitCode: exit, stderr: '', code, exit})
    expect(error.suggestions.every(step => typeof step === 'string')).toBe(true)
  })
})

describe.concurrent('for people', () => {
  it.each([
    [['generate', '--tsp', '5'], 2],
    [['validate', 'bad.yaml'], 2],
    [['generate', '--tps', '5', '--brokers', NOWHERE], 3],
    [['nonsense'], 2],
  ] as const)('p2pay %j says what happened, its code and what to try, on stderr alone', async (args, exit) => {
    const {exitCode, stdout, stderr} = await finishedIn(args)
    expect([exitCode, stdout]).toEqual([exit, ''])
    expect(stderr).toMatch(/^Error: .+(\n.+)*\nCode: P2PAY_[A-Z_]+\nTry this:\n( {2}\* .+\n)+/m)
    // No stack and no page of help.
    expect(stderr).not.toMatch(/^ +at /m)
    expect(stderr.split('\n').length).toBeLessThan(15)
  })
})
