/** What the rate and stall benches share: the stamping server, the load tools that are installed, tables and JSON. */
import {execFileSync, fork, spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {cpus, loadavg, tmpdir, totalmem} from 'node:os'
import {delimiter, dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
export const SEED = 42

export function machine() {
  const [cpu] = cpus()
  return {
    cpu: `${cpus().length} × ${cpu?.model ?? 'unknown'}`,
    memoryGb: Math.round(totalmem() / 1e9),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    p2pay: JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version,
    loadBefore: loadavg()[0].toFixed(2),
    at: new Date().toISOString(),
  }
}

export function print(line) {
  process.stdout.write(`${line}\n`)
}

export function printMachine(facts) {
  print(
    `${facts.cpu}, ${facts.memoryGb} GB, ${facts.platform}, Node ${facts.node}, p2pay ${facts.p2pay}, load average ${facts.loadBefore} before; seed ${SEED}`,
  )
}

/** A directory that is gone at the end. */
export function scratch() {
  const path = mkdtempSync(join(tmpdir(), 'p2pay-bench-'))
  process.on('exit', () => rmSync(path, {recursive: true, force: true}))
  return path
}

export async function startServer() {
  const child = fork(join(ROOT, 'bench/rate-server.mjs'))
  process.on('exit', () => {
    child.kill('SIGCONT')
    child.kill()
  })
  const next = async accepts => {
    for (;;) {
      const [message] = await once(child, 'message')
      if (accepts(message)) return message
    }
  }
  const {port} = await next(message => message.port !== undefined)
  return {
    url: `http://127.0.0.1:${port}/api/v1/payments`,
    pid: child.pid,
    first: () => next(message => message === 'first'),
    async reset() {
      const done = next(message => message === 'reset')
      child.send('reset')
      await done
    },
    async stamps() {
      const report = next(message => message.stamps !== undefined)
      child.send('report')
      return (await report).stamps
    },
    stop: () => child.disconnect(),
  }
}

/**
 * Tools that send `rate` requests a second for `seconds`. `null` for `run` where the tool is not installed.
 * @param of rate, seconds, concurrency, url and a scratch directory
 */
export function loadTools({url, rate, seconds, concurrency, directory}) {
  const body = join(directory, 'payment.json')
  writeFileSync(body, PAYMENT)
  const targets = join(directory, 'vegeta.txt')
  writeFileSync(targets, `POST ${url}\nContent-Type: application/json\n@${body}\n`)
  const script = join(directory, 'k6.js')
  writeFileSync(script, k6Script({url, rate, seconds, concurrency}))
  const k6Summary = join(directory, 'k6-summary.json')
  const vegetaResults = join(directory, 'vegeta.bin')
  const loadtest = ['bin/run.js', 'loadtest', url, '--rate', rate, '--duration', `${seconds}s`]
  return [
    {
      name: 'p2pay',
      path: existsSync(join(ROOT, 'dist/commands/loadtest.js')) ? process.execPath : undefined,
      args: [...loadtest, '--concurrency', concurrency, '--seed', SEED, '--json', '--dir', join(directory, 'p2pay')],
      latencies: stdout => {
        const result = JSON.parse(stdout)
        const of = metric => result.latencies.find(one => one.metric === metric)
        return {
          sent: result.http.sent,
          succeeded: result.http.succeeded,
          dropped: result.http.dropped,
          longestQueue: result.http.queue?.longest ?? null,
          serviceP99Ms: ms(of('http.response_time')?.p99),
          serviceMaxMs: ms(of('http.response_time')?.max),
          plannedP99Ms: ms(of('http.planned_time')?.p99),
          plannedMaxMs: ms(of('http.planned_time')?.max),
          latenessP99Ms: ms(of('produce.lateness')?.p99),
        }
      },
    },
    {
      name: 'vegeta',
      path: find('vegeta'),
      args: ['attack', '-targets', targets, '-rate', rate, '-duration', `${seconds}s`, '-output', vegetaResults],
      latencies: () => {
        const report = JSON.parse(
          execFileSync(find('vegeta'), ['report', '-type', 'json', vegetaResults], {encoding: 'utf8'}),
        )
        return {
          sent: report.requests,
          succeeded: report.status_codes['202'] ?? 0,
          serviceP99Ms: report.latencies['99th'] / 1e6,
          serviceMaxMs: report.latencies.max / 1e6,
        }
      },
    },
    {
      name: 'k6',
      path: find('k6'),
      args: ['run', '--quiet', '--summary-export', k6Summary, script],
      latencies: () => {
        const {metrics} = JSON.parse(readFileSync(k6Summary, 'utf8'))
        return {
          sent: metrics.http_reqs.count,
          succeeded: metrics.http_reqs.count - (metrics.http_req_failed?.passes ?? 0),
          dropped: metrics.dropped_iterations?.count ?? 0,
          serviceP99Ms: metrics.http_req_duration['p(99)'],
          serviceMaxMs: metrics.http_req_duration.max,
        }
      },
    },
    {
      name: 'autocannon',
      path: find('autocannon'),
      args: [
        ...['-R', rate, '-d', seconds, '-c', concurrency, '-m', 'POST', '-H', 'Content-Type: application/json'],
        ...['-i', body, '-j', '-n', url],
      ],
      latencies: stdout => {
        const result = JSON.parse(stdout)
        // Its latencies are corrected for coordinated omission when a rate is asked.
        return {
          sent: result.requests.sent,
          succeeded: result['2xx'],
          serviceP99Ms: null,
          plannedP99Ms: result.latency.p99,
          plannedMaxMs: result.latency.max,
        }
      },
    },
  ].map(tool => ({...tool, args: tool.args.map(String), version: tool.path === undefined ? null : versionOf(tool)}))
}

/** Runs a tool to its end. @returns its standard output, and CPU seconds are not taken: see bench/http-client.mjs */
export async function runTool({name, path, args}) {
  const child = spawn(path, args, {cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe']})
  const chunks = []
  let errors = ''
  child.stdout.on('data', chunk => chunks.push(chunk))
  child.stderr.on('data', chunk => {
    errors = `${errors}${chunk}`.slice(-2000)
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${errors}`)
  return Buffer.concat(chunks).toString()
}

export function commandOf({name, args}, url) {
  const words = name === 'p2pay' ? ['node', ...args] : [name, ...args]
  return words.map(word => word.replace(url, 'URL').replace(/.*\/p2pay-bench-[^/]+\//, '')).join(' ')
}

export function printTable(head, rows) {
  const cells = [head, ...rows].map(row =>
    row.map(cell => (cell === null || cell === undefined ? 'n/a' : String(cell))),
  )
  const widths = head.map((_, column) => Math.max(...cells.map(row => row[column].length)))
  const line = row => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  const [first, ...rest] = cells
  print([line(first), `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`, ...rest.map(line)].join('\n'))
}

export function writeJson(path, value) {
  mkdirSync(dirname(path), {recursive: true})
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
  print(`written to ${path}`)
}

function ms(us) {
  return us === null || us === undefined ? null : us / 1000
}

function find(command) {
  return [join(ROOT, 'node_modules/.bin'), ...(process.env.PATH ?? '').split(delimiter)]
    .map(directory => join(directory, command))
    .find(path => existsSync(path))
}

function versionOf({name, path}) {
  if (name === 'p2pay') return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version
  try {
    const text = execFileSync(path, [name === 'k6' ? 'version' : '--version'], {encoding: 'utf8'})
    return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? 'unknown'
  } catch {
    return 'unknown'
  }
}

function k6Script({url, rate, seconds, concurrency}) {
  return `import http from 'k6/http'
export const options = {
  scenarios: {load: {executor: 'constant-arrival-rate', rate: ${rate}, timeUnit: '1s', duration: '${seconds}s', preAllocatedVUs: ${concurrency}}},
  summaryTrendStats: ['p(99)', 'max'],
}
const params = {headers: {'Content-Type': 'application/json'}}
export default () => http.post('${url}', ${JSON.stringify(PAYMENT)}, params)
`
}

/** As long as a generated one. */
const PAYMENT = JSON.stringify({
  schema_version: 1,
  payment_id: '01234567-89ab-8000-8000-000000000001',
  created_at: '2026-01-01T00:00:00.000Z',
  payment_type: 'purchase',
  debtor_id: 'acc_0123456789ab_00000001',
  creditor_id: 'acc_0123456789ab_00000002',
  creditor_type: 'merchant',
  amount_minor: 1250,
  currency: 'EUR',
  method: 'card',
  card_token: 'tok_0123456789ab_00000001',
  card_last_four: '4242',
  channel: 'pos',
  country: 'DE',
  creditor_country: 'DE',
  ip_address: '10.1.2.3',
  device_id: 'dev_0123456789ab_00000001',
  latitude: 52.12345,
  longitude: 13.54321,
  merchant_category: '5411',
})
