/**
 * What a request costs the client: CPU seconds (user and system, children included) per 1,000 requests, keep-alive,
 * against the same bare node:http server, for p2pay's client, undici, autocannon and k6. Server on one core, client on
 * another; clients take turns. CPU is what the shell's `time` says of the whole process; "past warm-up" is the
 * difference to a shorter run, so that starting, making a population and compiling hot code are not spread over the
 * requests.
 *
 * Run after `npm run build`: node bench/http-client.mjs [--connections 50,200] [--requests 200000] [--warm 40000]
 *   [--runs 5] [--only p2pay-loadtest,autocannon] [--json .p2pay/bench/http-client.json]
 * autocannon is looked for in $P2PAY_BENCH_PEERS/node_modules, k6 in $P2PAY_BENCH_PEERS and on the PATH: bench/README.md
 * tells how to get them. What is not there is n/a.
 */
import {execFileSync, fork, spawn, spawnSync} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, readFileSync, writeFileSync} from 'node:fs'
import {createServer} from 'node:http'
import {createRequire} from 'node:module'
import {delimiter, join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {parseArgs} from 'node:util'
import {machine, print, printMachine, printTable, SEED, scratch, writeJson} from './rate-harness.mjs'

const SELF = fileURLToPath(import.meta.url)
const ROOT = join(SELF, '../..')
const PEERS = process.env.P2PAY_BENCH_PEERS ?? ''
const HEADERS = {'content-type': 'application/json'}

const {values} = parseArgs({
  options: {
    connections: {type: 'string', default: '50,200'},
    requests: {type: 'string', default: '200000'},
    warm: {type: 'string', default: '40000'},
    runs: {type: 'string', default: '5'},
    only: {type: 'string'},
    json: {type: 'string', default: '.p2pay/bench/http-client.json'},
    // Of the processes that this one starts
    role: {type: 'string'},
    url: {type: 'string'},
    body: {type: 'string'},
  },
})

if (values.role === undefined) await bench()
else await play(values.role)

async function bench() {
  const facts = machine()
  const directory = scratch()
  const body = join(directory, 'payment.json')
  writeFileSync(body, payment())
  const server = await startServer()
  const clients = clientsOf({url: server.url, body, directory}).filter(
    ({name}) => values.only === undefined || values.only.split(',').includes(name),
  )
  const count = Number(values.requests)
  const warmCount = Number(values.warm)
  const samples = []
  for (const connections of values.connections.split(',').map(Number)) {
    for (let run = 1; run <= Number(values.runs); run++) {
      // Another one begins each time: nobody always follows the same neighbour.
      for (const client of [...clients.slice(run % clients.length), ...clients.slice(0, run % clients.length)]) {
        if (client.command === null) continue
        const warm = await measure(client, {server, connections, count: warmCount})
        const long = await measure(client, {server, connections, count})
        samples.push({
          client: client.name,
          connections,
          run,
          cpuSPer1000: (long.cpuS / count) * 1000,
          cpuSPer1000PastWarmUp: ((long.cpuS - warm.cpuS) / (count - warmCount)) * 1000,
          systemShare: long.systemS / long.cpuS,
          warmUpCpuS: warm.cpuS,
          requestsPerS: long.requestsPerS,
        })
      }
    }
  }
  server.stop()
  const rows = summarise(clients, samples)
  report(facts, clients, rows, count)
  writeJson(values.json, {
    bench: 'http-client',
    machine: facts,
    seed: SEED,
    bodyBytes: readFileSync(body).length,
    requestsPerRun: count,
    warmUp: `${warmCount} requests, taken off in cpuSPer1000PastWarmUp`,
    runs: Number(values.runs),
    pinned: hasTaskset(),
    clients: clients.map(({name, version, command}) => ({
      name,
      version,
      command: command === null ? null : tidy(command({connections: 'C', count: 'N'}), directory, server.url),
    })),
    units: {cpuSPer1000: 'CPU seconds per 1,000 requests', requestsPerS: 'by the server’s first and last arrival'},
    rows,
    samples,
  })
}

/** The bytes of a generated payment, the same each time. */
function payment() {
  const args = ['bin/run.js', 'generate', '--count', '1', '--seed', String(SEED), '--out', 'stdout', '--quiet']
  return execFileSync(process.execPath, args, {cwd: ROOT, encoding: 'utf8'}).trim()
}

function clientsOf({url, body, directory}) {
  const own = role => params => [
    ...[process.execPath, SELF, '--role', role, '--url', url, '--body', body],
    ...['--connections', String(params.connections), '--requests', String(params.count)],
  ]
  const autocannon = resolvePeer('autocannon')
  const k6 = findExecutable('k6')
  const p2pay = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version
  const undici = JSON.parse(readFileSync(join(ROOT, 'node_modules/undici/package.json'), 'utf8')).version
  const hasLoadtest = existsSync(join(ROOT, 'dist/commands/loadtest.js'))
  const script = join(directory, 'k6.js')
  writeFileSync(script, k6Script(url, body))
  const loadtest = ({connections, count}) => [
    ...[process.execPath, join(ROOT, 'bin/run.js'), 'loadtest', url, '-n', String(count), '-c', String(connections)],
    ...['--seed', String(SEED), '--json', '--dir', join(directory, 'p2pay')],
  ]
  return [
    {name: 'p2pay-loadtest', version: p2pay, command: hasLoadtest ? loadtest : null},
    {name: 'p2pay-client', version: p2pay, command: own('p2pay-client')},
    {name: 'undici-dispatch', version: undici, command: own('undici-dispatch')},
    {name: 'autocannon', version: autocannon?.version ?? null, command: autocannon === null ? null : own('autocannon')},
    {
      name: 'k6',
      version: k6 === null ? null : execFileSync(k6, ['version'], {encoding: 'utf8'}).trim(),
      command:
        k6 === null
          ? null
          : ({connections, count}) => [
              ...[k6, 'run', '--quiet', '--no-usage-report', '--vus', String(connections)],
              ...['--iterations', String(count), '--summary-mode', 'disabled', script],
            ],
    },
  ]
}

function k6Script(url, body) {
  return `import http from 'k6/http'
export const options = {discardResponseBodies: true}
const body = open(${JSON.stringify(body)})
const params = {headers: ${JSON.stringify(HEADERS)}}
export default () => http.post(${JSON.stringify(url)}, body, params)
`
}

/** Runs a client to its end. @throws when it fails, or the server has not seen every request */
async function measure(client, {server, connections, count}) {
  await server.reset()
  const command = client.command({connections, count})
  const pinned = hasTaskset() ? ['taskset', '-c', '1', ...command] : command
  const child = spawn('bash', ['-c', 'TIMEFORMAT="cpu %3U %3S"; time "$@" >/dev/null 2>"$0"', '/dev/null', ...pinned], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    told += text
  })
  const [code] = await once(child, 'close')
  const [, userS, systemS] = /cpu ([\d.]+) ([\d.]+)/.exec(told) ?? []
  const seen = await server.report()
  if (code !== 0 || userS === undefined || seen.count !== count) {
    throw new Error(`${command.join(' ')} ended with ${code}; ${seen.count} of ${count} requests came. ${told}`)
  }
  return {
    cpuS: Number(userS) + Number(systemS),
    systemS: Number(systemS),
    requestsPerS: count / ((seen.lastMs - seen.firstMs) / 1000),
  }
}

function summarise(clients, samples) {
  const rows = []
  for (const connections of values.connections.split(',').map(Number)) {
    for (const {name} of clients) {
      const own = samples.filter(sample => sample.client === name && sample.connections === connections)
      const ratioTo = (peer, figure) =>
        own.flatMap(sample => {
          const other = samples.find(
            one => one.client === peer && one.connections === connections && one.run === sample.run,
          )
          return other === undefined ? [] : [sample[figure] / other[figure]]
        })
      rows.push({
        client: name,
        connections,
        cpuSPer1000: spread(own.map(sample => sample.cpuSPer1000)),
        cpuSPer1000PastWarmUp: spread(own.map(sample => sample.cpuSPer1000PastWarmUp)),
        systemShare: spread(own.map(sample => sample.systemShare)),
        warmUpCpuS: spread(own.map(sample => sample.warmUpCpuS)),
        requestsPerS: spread(own.map(sample => sample.requestsPerS)),
        ratioToAutocannon: spread(ratioTo('autocannon', 'cpuSPer1000')),
        ratioToAutocannonPastWarmUp: spread(ratioTo('autocannon', 'cpuSPer1000PastWarmUp')),
        ratioToK6: spread(ratioTo('k6', 'cpuSPer1000')),
      })
    }
  }
  return rows
}

/** Median, least and most; null without samples. */
function spread(numbers) {
  if (numbers.length === 0) return null
  const sorted = [...numbers].sort((a, b) => a - b)
  const half = (sorted.length - 1) / 2
  return {median: (sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2, min: sorted[0], max: sorted.at(-1)}
}

function report(facts, clients, rows, count) {
  printMachine(facts)
  for (const {name, version, command} of clients) {
    if (command === null) print(`  ${name}: n/a (not found; bench/README.md tells how to get it)`)
    else print(`  ${name} ${version}`)
  }
  print(
    `CPU seconds per 1,000 requests, ${count} requests a run, warm-up ${values.warm}, ${values.runs} alternating runs, median [least–most]; ${
      hasTaskset() ? 'server on core 0, client on core 1' : 'nothing pinned: there is no taskset'
    }`,
  )
  const text = (value, digits) =>
    value === null
      ? null
      : `${value.median.toFixed(digits)} [${value.min.toFixed(digits)}–${value.max.toFixed(digits)}]`
  printTable(
    [
      ...['client', 'connections', 'CPU s / 1,000', '÷ autocannon', '÷ k6'],
      ...['past warm-up', '÷ autocannon', 'warm-up CPU s', 'requests/s'],
    ],
    rows.map(row => [
      ...[
        row.client,
        row.connections,
        text(row.cpuSPer1000, 4),
        text(row.ratioToAutocannon, 2),
        text(row.ratioToK6, 2),
      ],
      ...[text(row.cpuSPer1000PastWarmUp, 4), text(row.ratioToAutocannonPastWarmUp, 2), text(row.warmUpCpuS, 2)],
      text(row.requestsPerS, 0),
    ]),
  )
}

function tidy(command, directory, url) {
  return command
    .map(word =>
      word.replace(url, 'URL').replace(`${directory}/`, '').replace(`${ROOT}/`, '').replace(process.execPath, 'node'),
    )
    .map(word => word.replace(/^.*\/k6$/, 'k6'))
    .join(' ')
}

function hasTaskset() {
  return spawnSync('taskset', ['-c', '0,1', 'true']).status === 0
}

/** @returns the module's path and version, or null */
function resolvePeer(name) {
  if (PEERS === '') return null
  try {
    const require = createRequire(join(PEERS, 'node_modules/'))
    const version = JSON.parse(readFileSync(join(PEERS, 'node_modules', name, 'package.json'), 'utf8')).version
    return {path: require.resolve(name), version}
  } catch {
    return null
  }
}

function findExecutable(name) {
  const places = [PEERS, join(PEERS, 'bin'), ...(process.env.PATH ?? '').split(delimiter)]
  const place = places.find(directory => directory !== '' && existsSync(join(directory, name)))
  return place === undefined ? null : join(place, name)
}

async function startServer() {
  const child = fork(SELF, ['--role', 'server'])
  process.on('exit', () => child.kill())
  const [{port}] = await once(child, 'message')
  if (hasTaskset()) execFileSync('taskset', ['-a', '-p', '-c', '0', String(child.pid)], {stdio: 'ignore'})
  const ask = async what => {
    const answer = once(child, 'message')
    child.send(what)
    return (await answer)[0]
  }
  return {
    url: `http://127.0.0.1:${port}/api/v1/payments`,
    reset: () => ask('reset'),
    report: () => ask('report'),
    stop: () => child.disconnect(),
  }
}

async function play(role) {
  const params = {
    url: values.url,
    body: values.body === undefined ? null : readFileSync(values.body),
    connections: Number(values.connections),
    count: Number(values.requests),
  }
  const roles = {server: serve, 'p2pay-client': p2payClient, 'undici-dispatch': undiciDispatch, autocannon}
  await roles[role](params)
}

/** Takes a payment, answers 202 with its id, and knows how many came between when and when. */
function serve() {
  let count = 0
  let firstMs = 0
  let lastMs = 0
  const ID = '"payment_id":"'
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('latin1')
    request.on('data', piece => {
      text += piece
    })
    request.on('end', () => {
      lastMs = performance.now()
      if (count++ === 0) firstMs = lastMs
      const at = text.indexOf(ID) + ID.length
      response.writeHead(202, HEADERS)
      response.end(`{"payment_id":"${text.slice(at, at + 36)}","status":"accepted"}`)
    })
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => process.send({port: server.address().port}))
  process.on('message', what => {
    if (what === 'reset') count = 0
    process.send({count, firstMs, lastMs})
  })
  process.on('disconnect', () => process.exit())
}

/** p2pay's client alone: the same bytes over and over. */
async function p2payClient({url, body, connections, count}) {
  const {openHttpClient} = await import(pathToFileURL(join(ROOT, 'dist/lib/http/open-http-client.js')).href)
  const {systemClock} = await import(pathToFileURL(join(ROOT, 'dist/lib/base/clock.js')).href)
  const client = openHttpClient(
    {connections, timeoutMs: 10_000, keepAlive: true, maxBodyBytes: 0, tls: {verify: true}},
    systemClock,
  )
  const target = {method: 'POST', url: new URL(url), headers: Object.entries(HEADERS).flat()}
  await closedLoop({connections, count}, done => {
    client.send({target, body}, ({status}) => done(status))
  })
  await client.close()
}

/** What the same costs with undici's cheapest call. */
async function undiciDispatch({url, body, connections, count}) {
  const {Pool} = await import('undici')
  const {origin, pathname: path} = new URL(url)
  const pool = new Pool(origin, {connections, pipelining: 1, headersTimeout: 10_000, bodyTimeout: 10_000})
  const options = {path, method: 'POST', headers: Object.entries(HEADERS).flat(), body}
  class Handler {
    #status = 0
    #done
    sentAt = 0
    firstByteAt = 0
    constructor(done) {
      this.#done = done
    }
    onConnect() {
      this.sentAt = performance.now()
    }
    onHeaders(status) {
      this.#status = status
      this.firstByteAt = performance.now()
      return true
    }
    onData() {
      return true
    }
    onComplete() {
      this.#done(this.#status, performance.now())
    }
    onError(error) {
      throw error
    }
  }
  await closedLoop({connections, count}, done => pool.dispatch(options, new Handler(done)))
  await pool.close()
}

async function autocannon({url, body, connections, count}) {
  const {default: run} = await import(pathToFileURL(resolvePeer('autocannon').path).href)
  const result = await run({url, method: 'POST', connections, amount: count, headers: HEADERS, body})
  if (result['2xx'] !== count) throw new Error(`${result['2xx']} of ${count} succeeded`)
}

/** As many requests under way as connections, until all are answered with 202. */
function closedLoop({connections, count}, send) {
  return new Promise((resolve, reject) => {
    let begun = 0
    let answered = 0
    const next = () => {
      if (begun++ >= count) return
      send(status => {
        if (status !== 202) reject(new Error(`status ${status}`))
        else if (++answered === count) resolve()
        else next()
      })
    }
    for (let i = 0; i < connections; i++) next()
  })
}
