/** Flags of `p2pay loadtest` that cannot be, each told by its name, before anything is started or sent. */
import {generateKeyPairSync} from 'node:crypto'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {run} from '../support/p2pay.js'
import {withTemporaryDirectory} from '../support/temp.js'
import {CERTIFICATE, PRIVATE_KEY} from '../support/tls-identity.js'

const URL = 'http://127.0.0.1:1/payments'

const MIX = `version: 1
load:
  - {executor: shared-iterations, iterations: 10}
  - {executor: constant-arrival-rate, rate: 5, duration: 1s}
`
const TWO_CLOSED = `version: 1
load:
  - {executor: shared-iterations, iterations: 10, concurrency: 5}
  - {executor: shared-iterations, iterations: 10, concurrency: 6}
`
const CLOSED_BY_WALL = 'version: 1\nclock: wall\nload: {executor: shared-iterations, iterations: 10}\n'
const RAMP = 'version: 1\nload: {executor: ramping-arrival-rate, stages: [{target: 5, duration: 1s}]}\n'
const AUDITED = `version: 1
load: {executor: constant-arrival-rate, rate: 5, duration: 1s}
thresholds:
  audit.lost: '==0'
  audit.duplicate_rows: '==0'
  detect.decision_time: p(99)<95ms
  persist.row_time: {expr: p(99)<95ms, severity: warn}
`
const OTHER_KEY = generateKeyPairSync('ec', {namedCurve: 'P-256'}).privateKey.export({type: 'pkcs8', format: 'pem'})

interface Case {
  readonly name: string
  readonly args: readonly string[]
  readonly code: string
  readonly says: readonly (string | RegExp)[]
}

const flag = (name: string, args: readonly string[], ...says: readonly (string | RegExp)[]): Case => ({
  name,
  args: args[0]?.includes('://') || args.includes('--targets') ? args : [URL, ...args],
  code: 'P2PAY_LOAD',
  says,
})

const CASES: readonly Case[] = [
  flag('a rate of 0', ['--rate', '0'], '--rate: "0" is not a rate in (0, 1,000,000]'),
  flag('a rate that is no number', ['--rate', 'fast'], '--rate: "fast" is not a rate'),
  flag('a duration without a unit', ['--duration', '5'], '--duration: "5" is not a duration'),
  flag('stages that are none', ['--stages', '10s:100,20'], '--stages: "20" is not duration:rate, such as 10s:100'),
  flag('stages that never rise', ['--stages', '10s:0'], '--stages: the rate never rises above 0'),
  flag(
    'stages with a duration',
    ['--stages', '10s:5', '--duration', '5s'],
    '--duration: each of --stages has a duration',
  ),
  flag('a queue that is none', ['--rate', '5', '--queue', 'long'], '--queue: "long" is neither a number of requests'),
  flag('a queue in the closed model', ['--queue', '10s'], '--queue: is for the open model'),
  flag('arrivals in the closed model', ['--arrivals', 'poisson'], '--arrivals: is for the open model'),
  flag(
    'a warm-up of everything',
    ['-n', '10', '--warmup', '10'],
    '--warmup: 10 of 10 planned requests leave nothing to measure',
  ),
  flag(
    'a threshold without a metric',
    ['--threshold', 'p(99)<5ms'],
    '--threshold: "p(99)<5ms" is not metric:expression',
  ),
  flag(
    'a threshold on an unknown metric',
    ['--threshold', 'http.responsetime:p(99)<5ms'],
    /--threshold: unknown metric "http\.responsetime"; did you mean/,
  ),
  flag('a threshold without a unit', ['--threshold', 'http.response_time:p(99)<5'], /--threshold: .*has no unit/),
  flag('a method that is none', ['-m', 'PO ST'], '--method: "PO ST" is not a method'),
  flag('a header without a colon', ['-H', 'X-A'], '--header: "X-A" is not “Name: value”'),
  flag(
    'a header that the client writes',
    ['-H', 'Content-Length: 5'],
    "--header: the header Content-Length is the client's own",
  ),
  flag(
    'an unknown placeholder in a header',
    ['-H', 'X-A: {{paymentid}}'],
    '--header: unknown placeholder {{paymentid}}; did you mean {{payment_id}}?',
  ),
  flag(
    'an unknown placeholder in the body',
    ['--body', '{"a":{{amont}}}'],
    '--body: unknown placeholder {{amont}}; did you mean {{amount}}?',
  ),
  flag('an unknown placeholder in the URL', ['http://127.0.0.1:1/{{debtor}}'], 'URL: unknown placeholder {{debtor}}'),
  flag('another scheme', ['ftp://127.0.0.1/'], 'URL: "ftp://127.0.0.1/" begins with neither http:// nor https://'),
  flag('a port that is none', ['http://127.0.0.1:99999/'], 'URL: "http://127.0.0.1:99999/" is not a URL'),
  flag('a body file that is not there', ['--body', '@nowhere.json'], '--body: nowhere.json cannot be read'),
  flag(
    'a content type twice',
    ['--content-type', 'text/xml', '-H', 'content-type: text/xml'],
    '--content-type: a --header names the content type as well',
  ),
  flag('statuses that are none', ['--success', 'ok'], '--success: "ok" is no set of statuses'),
  flag('a pattern that is none', ['--success-body', '('], '--success-body: Invalid regular expression'),
  flag('a path of the id that is none', ['--response-id', 'a..b'], '--response-id: "a..b" is no path'),
  flag('a timeout without a unit', ['--timeout', '5'], '--timeout: "5" is not a duration'),
  flag(
    'a key that is not set',
    ['--api-key-env', 'P2PAY_NOT_SET'],
    '--api-key-env: the environment variable P2PAY_NOT_SET is not set',
  ),
  flag('TLS for http', ['--insecure'], '--insecure: is for https, and the URL is http'),
  flag(
    'authorities that are not there',
    ['https://127.0.0.1:1/', '--cacert', 'nowhere.pem'],
    '--cacert: nowhere.pem cannot be read',
  ),
  flag(
    'authorities that are no PEM',
    ['https://127.0.0.1:1/', '--cacert', 'mix.yaml'],
    '--cacert: mix.yaml is no PEM file',
  ),
  flag(
    'a scenario that is open and closed',
    ['--scenario', 'mix.yaml'],
    'load: a load test is open (phases with a rate) or closed (shared-iterations), and this is both',
  ),
  flag(
    'a scenario with two concurrencies',
    ['--scenario', 'two.yaml'],
    'load: phases ask for a concurrency of 5 and of 6: choose one with --concurrency',
  ),
  flag('a closed scenario on the wall’s clock', ['--scenario', 'wall.yaml'], 'clock: wall needs the open model'),
  flag(
    'a URL beside targets',
    [URL, '--targets', 'targets.json'],
    '--targets: the targets name their URLs: leave URL out',
  ),
  flag(
    'a target without a scheme',
    ['--targets', 'bad-targets.json'],
    '--targets: target 1: "127.0.0.1/" has no scheme; did you mean http://127.0.0.1/?',
  ),
  flag('nothing to follow', ['--follow', '--body', 'hello'], '--follow: not every request carries a payment'),
  flag(
    'payments without their id to follow on topics',
    ['--follow', '--body', '{{amount}}', '-b', '127.0.0.1:1'],
    '--follow: on topics payments are found by their own id',
  ),
  {
    name: 'a URL without a scheme',
    args: ['localhost:8000/payments'],
    code: 'P2PAY_LOAD',
    says: ['URL: "localhost:8000/payments" has no scheme; did you mean http://localhost:8000/payments?'],
  },
  {
    name: 'flags of a URL without one',
    args: ['-m', 'PUT', '--api-key-env', 'PATH'],
    code: 'P2PAY_LOAD',
    says: ['--method: is for a URL, and none is given', '--api-key-env: is for a URL, and none is given'],
  },
  {
    name: 'everything that is wrong, at once',
    args: [
      URL,
      '--rate',
      '-1',
      '--success',
      'ok',
      '--timeout',
      'soon',
      '--body',
      '{{x}}',
      '--fraud-rate',
      '7',
      '--seed',
      '3',
    ],
    code: 'P2PAY_LOAD',
    says: [
      '5 problems',
      '--rate: ',
      '--success: ',
      '--timeout: ',
      '--body: unknown placeholder {{x}}',
      '--fraud-rate: 7 is not',
    ],
  },
  {
    name: 'a duration for a scenario that ramps, in the words of this command',
    args: [URL, '--scenario', 'ramp.yaml', '--duration', '5s'],
    code: 'P2PAY_SCENARIO',
    says: [
      '--duration: the scenario’s load is not one constant rate; add --rate to replace it, or end it early with --requests',
    ],
  },
  {
    name: 'a pipeline map with problems',
    args: [URL, '--pipeline', 'bad-map.yaml'],
    code: 'P2PAY_PIPELINE',
    says: ['bad-map.yaml:2:1 playload: unknown key; did you mean "payload"?'],
  },
  {
    name: 'a pipeline map that is not there',
    args: [URL, '--pipeline', 'none.yaml'],
    code: 'P2PAY_PIPELINE_FILE',
    says: ['none.yaml cannot be read'],
  },
  {
    name: 'targets that are not there',
    args: ['--targets', 'none.json'],
    code: 'P2PAY_TARGETS',
    says: ['the targets none.json cannot be read'],
  },
  {
    name: 'a certificate without its key',
    args: ['https://127.0.0.1:1/', '--cert', 'mix.yaml'],
    code: 'P2PAY_FLAGS',
    says: ['--key'],
  },
  flag('no requests', ['-n', '0'], '--requests: is not a whole number in [1, '),
  flag('a concurrency that is no number', ['-c', 'many'], '--concurrency: is not a whole number in [1, '),
  flag(
    'whatever is wrong, all at once',
    [
      ...['-n', '0', '-c', '0', '--timeout', '-1s', '--rate', 'abc', '--threshold', 'foo', '--warmup', '-1'],
      ...['--success', '999', '--success-body', '(', '--out', '.'],
    ],
    ...['--requests:', '--concurrency:', '--timeout:', '--rate:', '--threshold:', '--warmup:', '--success:'],
    ...['--success-body:', '--out:'],
  ),
  flag('a directory for a file', ['--html', '.'], '--html: . is a directory: name a file in it'),
  flag(
    'a file for a directory',
    ['--out', 'mix.yaml/result.json'],
    /--out: mix\.yaml\/result\.json cannot be written: .*mix\.yaml is no directory/,
  ),
  flag('two artefacts for one file', ['--html', 'a', '--markdown', './a'], '--markdown: ./a is what --html writes'),
  flag(
    'a threshold on planned time in the closed model',
    ['--threshold', 'http.planned_time:p(99)<5ms'],
    'thresholds: this load test does not measure http.planned_time: only the open model does (--rate or --stages)',
  ),
  flag(
    'a scenario whose thresholds want the books of a pipeline that nobody looks at',
    ['--scenario', 'audited.yaml'],
    'does not measure audit.lost: --follow with --brokers does, or a test without URL',
    'does not measure audit.duplicate_rows: --follow with --brokers and --database-url does',
    'does not measure detect.decision_time: --follow does, or a test without URL',
  ),
  flag(
    'a file without a certificate for authorities',
    ['https://127.0.0.1:1/', '--cacert', 'key.pem'],
    '--cacert: key.pem holds no certificate',
  ),
  flag(
    'a key that goes with another certificate',
    ['https://127.0.0.1:1/', '--cert', 'certificate.pem', '--key', 'other-key.pem'],
    '--key: other-key.pem does not go with the certificate',
  ),
  {
    name: 'a run tag that is none',
    args: [URL, '--run-tag', 'XYZ'],
    code: 'P2PAY_RUN_TAG',
    says: ['"XYZ" is not a run tag'],
  },
  {
    name: 'a broker without a database, for a service of its own',
    args: ['--brokers', '127.0.0.1:1'],
    code: 'P2PAY_DATABASE_NOT_NAMED',
    says: ['A Kafka broker is named, but no database'],
  },
]

describe.concurrent('p2pay loadtest refuses', () => {
  it.each(CASES)('$name: exit 2, $code', ({args, code, says}) =>
    withTemporaryDirectory(async cwd => {
      const files = {
        'mix.yaml': MIX,
        'two.yaml': TWO_CLOSED,
        'wall.yaml': CLOSED_BY_WALL,
        'ramp.yaml': RAMP,
        'audited.yaml': AUDITED,
        'certificate.pem': CERTIFICATE,
        'key.pem': PRIVATE_KEY,
        'other-key.pem': OTHER_KEY,
        'bad-map.yaml': 'version: 1\nplayload: {}\n',
        'targets.json': '{"method":"GET","url":"http://127.0.0.1:1/"}\n',
        'bad-targets.json': '{"method":"GET","url":"127.0.0.1/"}\n',
      }
      for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text)
      const {exitCode, stdout, stderr} = await run(['loadtest', ...args, '--json'], {cwd})
      const {error}: {error: {code: string; message: string}} = JSON.parse(stdout)
      for (const part of says) expect(error.message).toMatch(part)
      expect({exitCode, stderr, code: error.code}).toEqual({exitCode: 2, stderr: '', code})
    }),
  )
})
