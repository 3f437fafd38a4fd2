/** Opens everything that `p2pay loadtest` needs, a service of its own when no URL is given, runs it, closes everything. */
import {cpus} from 'node:os'
import {type Clock, nowMs} from '../base/clock.js'
import {EXIT, UsageError} from '../base/errors.js'
import type {HttpClient} from '../http/http-client.js'
import {parseRunTag} from '../payment/payment-id.js'
import {formatCount, formatMs, plural} from '../report/format.js'
import type {RunResult} from '../report/result.js'
import {describeLoad} from '../run/loadtest/describe.js'
import type {LoadModel, LoadtestProgress} from '../run/loadtest/options.js'
import type {LoadRun} from '../run/loadtest/run-loadtest.js'
import type {Problem} from '../scenario/problem.js'
import {problemsOfArtefacts} from './artefacts.js'
import {topicsOf} from './detect-outcome.js'
import {openPaymentStore} from './detector-ports.js'
import type {LoadtestFlags} from './loadtest-flags.js'
import {type LoadSettings, loadSettings} from './loadtest-load.js'
import {problemsOfMeasures} from './loadtest-measures.js'
import {ownPaymentsUrl, type RequestSettings, requestSettings} from './loadtest-request.js'
import type {OwnService} from './own-service.js'
import {freshRunTag} from './plan.js'
import type {Progress} from './progress.js'
import {openServices, type Services} from './services.js'
import {packageVersion} from './version.js'

export interface LoadtestContext {
  readonly progress: Progress
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Without secrets. */
  readonly command: string
  /** Called with the result and the exit code that it asks for, before anything is closed. */
  readonly onResult: (result: RunResult, exitCode: number) => Promise<void>
}

/** Kept of a body that says what was decided. */
const DECISION_BYTES = 64 * 1024
const FOLLOW_CONNECTIONS = 16

/** @param url undefined for a service of our own, or targets */
export async function loadtestOutcome(
  url: string | undefined,
  flags: LoadtestFlags,
  context: LoadtestContext,
): Promise<RunResult> {
  const problems: Problem[] = problemsOfArtefacts(flags)
  const request = await requestSettings(url, flags, (where, message) => problems.push({where, message}))
  const isOwn = request.url === null
  const load = await loadSettings(flags, problems, thresholds =>
    problemsOfMeasures(thresholds, {isOwn, flags, ...request}),
  )
  const tag = flags['run-tag'] === undefined ? await freshRunTag() : parseRunTag(flags['run-tag'])
  const test: Test = {flags, context, request, load, tag}
  if (request.url !== null) return withServices(test, {url: request.url, own: null})
  checkDatabase(flags)
  const own = await startService(test)
  try {
    return await withServices(test, {url: ownPaymentsUrl(own.url), own})
  } finally {
    await own.stop()
  }
}

interface Test {
  readonly flags: LoadtestFlags
  readonly context: LoadtestContext
  readonly request: RequestSettings
  readonly load: LoadSettings
  readonly tag: string
}

interface Tested {
  readonly url: string
  readonly own: OwnService | null
}

/** Before anything is started. @throws UsageError */
function checkDatabase(flags: LoadtestFlags): void {
  if (flags.brokers === undefined || flags['database-url'] !== undefined || flags['no-database']) return
  throw new UsageError('A Kafka broker is named, but no database', {
    code: 'P2PAY_DATABASE_NOT_NAMED',
    suggestions: ['name one with --database-url or P2PAY_DATABASE_URL', 'or store nothing with --no-database'],
  })
}

async function startService({flags, context, load}: Test): Promise<OwnService> {
  const {startOwnService} = await import('./own-service.js')
  const {progress, signal, clock} = context
  progress.note('no URL: testing a `p2pay serve --detect` of its own')
  const passed = (flag: string, value: string | undefined): string[] => (value === undefined ? [] : [flag, value])
  return startOwnService({
    dir: flags.dir,
    detectorFlags: [
      ...passed('--scenario', flags.scenario),
      ...passed('--brokers', flags.brokers),
      ...(flags.property ?? []).flatMap(property => passed('-X', property)),
      ...passed('--database-url', flags['no-database'] ? undefined : flags['database-url']),
      ...(flags['no-database'] ? ['--no-database'] : []),
      ...passed('--topic', flags.topic),
      ...passed('--group', flags.group),
      ...passed('--legit-topic', flags['legit-topic']),
      ...passed('--fraud-topic', flags['fraud-topic']),
      ...passed('--alerts-topic', flags['alerts-topic']),
      ...passed('--dlq-topic', flags['dlq-topic']),
      // Every request under way may wait for its acknowledgement.
      ...passed('--max-pending', String(Math.max(10_000, load.model.concurrency))),
    ],
    signal,
    clock,
    note: text => progress.note(`service: ${text}`),
  })
}

/** With the topics and the database behind the service, when they are looked at. */
async function withServices(test: Test, tested: Tested): Promise<RunResult> {
  const {flags, context, request} = test
  const looksAtTopics = tested.own === null ? flags.follow && flags.brokers !== undefined : request.carries.id
  if (!looksAtTopics) return withClient(test, tested, null)
  const wantsRows = !flags['no-database'] && (tested.own !== null || flags['database-url'] !== undefined)
  const services = await openServices({
    brokers: flags.brokers,
    properties: flags.property ?? [],
    databaseUrl: flags['database-url'],
    database: wantsRows ? 'wanted' : 'off',
    directory: flags.dir,
    whenAbsent: 'wait',
    clock: context.clock,
    signal: context.signal,
    note: text => context.progress.note(text),
  })
  try {
    return await withClient(test, tested, services)
  } finally {
    await services.close()
  }
}

async function withClient(test: Test, tested: Tested, services: Services | null): Promise<RunResult> {
  const {request, load, context, flags} = test
  const {openHttpClient} = await import('../http/open-http-client.js')
  const client = openHttpClient({...request.client, connections: load.model.concurrency}, context.clock)
  const asksForDecisions = services === null && request.carries.payment && (flags.follow || tested.own !== null)
  const asking = asksForDecisions
    ? openHttpClient(
        {...request.client, connections: FOLLOW_CONNECTIONS, maxBodyBytes: DECISION_BYTES, keepAlive: true},
        context.clock,
      )
    : null
  try {
    const run = await play(test, tested, {services, client, asking})
    const {own} = tested
    // What the service said last is in the reason.
    const failure = own?.failed.aborted === true ? own.failed.reason : undefined
    if (failure instanceof Error) context.progress.note(`! ${failure.message}`)
    const exitCode = run.isUnreachable || failure !== undefined ? EXIT.environment : EXIT_OF[run.result.verdict]
    const result = failure instanceof Error ? withNote(run.result, failure.message) : run.result
    await context.onResult(result, exitCode)
    return result
  } finally {
    await client.close()
    await asking?.close()
  }
}

/** First of all: it is why the rest is as it is. */
function withNote(result: RunResult, text: string): RunResult {
  return {...result, notes: [text.split('\n')[0] ?? text, ...result.notes]}
}

const EXIT_OF = {passed: EXIT.passed, failed: EXIT.failed, inconclusive: EXIT.inconclusive} as const

async function play(
  {flags, context, request, load, tag}: Test,
  {url, own}: Tested,
  {
    services,
    client,
    asking,
  }: {readonly services: Services | null; readonly client: HttpClient; readonly asking: HttpClient | null},
): Promise<LoadRun> {
  const {progress, clock} = context
  const {plan, accounts} = load.planned
  const {target, method} = request.describe(url)
  const startMs = plan.startMs ?? nowMs(clock)
  const notes = [
    ...request.notes,
    ...(own === null || request.carries.id
      ? []
      : ['not every request carries the id of its payment: the books cannot be balanced']),
  ]
  const store = services === null ? null : await openPaymentStore(services)
  try {
    progress.note(`${method} ${target}; ${client.description}`)
    if (services !== null) progress.note(`${services.kafka.description}; ${store?.description ?? 'no database'}`)
    progress.note(describeLoad(load.model))
    if (load.defaultNote !== null) progress.note(load.defaultNote)
    for (const note of notes) progress.note(`! ${note}`)
    progress.note(`run ${tag}: ${plan.name}, seed ${plan.seed}`)
    const {runLoadtest} = await import('../run/loadtest/run-loadtest.js')
    const waiting = new WaitingNote(load.model, text => progress.note(text))
    const run = await runLoadtest({
      plan,
      tag,
      startMs,
      accounts,
      model: load.model,
      scenarios: load.scenarios,
      shapes: request.shapesFor(url),
      judge: request.judge,
      client,
      facts: {target, method, keepAlive: request.client.keepAlive, timeoutMs: request.client.timeoutMs},
      sources: request.sources,
      pipeline:
        services === null ? null : {kafka: services.kafka, topics: topicsOf(flags), group: flags.group, store, clock},
      follow: asking === null ? null : {client: asking, serviceUrl: new URL(url), headers: request.keyHeaders},
      isOwn: own !== null,
      notes,
      databaseDescription: store?.description ?? null,
      directory: flags.dir,
      command: repeatingCommand(context.command, {tag, startMs}),
      version: packageVersion(),
      nodeVersion: process.version,
      machine: {cpus: cpus().length, platform: `${process.platform}-${process.arch}`},
      clock,
      signal: own === null ? context.signal : AbortSignal.any([context.signal, own.failed]),
      isOver: own === null ? undefined : () => own.failed.aborted,
      onProgress: state => {
        waiting.look(state)
        progress.sample(
          () => liveLine(state),
          () => sampleOf(state),
        )
      },
      onPhase: text => progress.update(() => text),
    })
    return run
  } finally {
    await store?.close()
  }
}

/** Says once how many still wait when the schedule is over: a load test that goes on then seems to hang. */
class WaitingNote {
  readonly #model: LoadModel
  readonly #note: (text: string) => void
  #isSaid = false

  constructor(model: LoadModel, note: (text: string) => void) {
    this.#model = model
    this.#note = note
  }

  look({elapsedUs, queued}: LoadtestProgress): void {
    if (this.#isSaid || this.#model.kind === 'closed' || elapsedUs < this.#model.schedule.durationUs) return
    this.#isSaid = true
    if (queued === 0) return
    this.#note(
      `the schedule is over, and ${plural(queued, 'request still waits', 'requests still wait')} for a connection; Ctrl-C leaves them unsent`,
    )
  }
}

function liveLine(state: LoadtestProgress): string {
  const {lastSecond} = state
  const planned = Number.isFinite(state.planned) ? ` of ${formatCount(state.planned)}` : ''
  const troubles = [
    ...(state.failed > 0 ? [`${formatCount(state.failed)} failed`] : []),
    ...(state.timeouts > 0 ? [`${formatCount(state.timeouts)} timed out`] : []),
    ...(state.errors > 0 ? [`${formatCount(state.errors)} broken`] : []),
    ...((state.dropped ?? 0) > 0 ? [`${formatCount(state.dropped)} dropped`] : []),
  ]
  return [
    `${Math.max(0, Math.floor(state.elapsedUs / 1e6))} s  sent ${formatCount(state.sent)}${planned}`,
    `${formatCount(state.succeeded)} ok`,
    ...troubles,
    `${formatCount(lastSecond.succeeded)}/s`,
    `p50 ${formatMs(lastSecond.p50Us)} ms, p99 ${formatMs(lastSecond.p99Us)} ms`,
    `${formatCount(state.inFlight)} under way${state.queued > 0 ? `, ${formatCount(state.queued)} waiting` : ''}`,
  ].join(', ')
}

/** One line of the machine's progress; times in µs. */
function sampleOf(state: LoadtestProgress): object {
  return {
    elapsed_s: Math.round(state.elapsedUs / 1e4) / 100,
    planned: Number.isFinite(state.planned) ? state.planned : null,
    sent: state.sent,
    succeeded: state.succeeded,
    failed: state.failed,
    timeouts: state.timeouts,
    errors: state.errors,
    dropped: state.dropped,
    in_flight: state.inFlight,
    queued: state.queued,
    last_second: {
      // Counted from 0 since the start, as per_second of the result: the totals beside it are of now.
      second: state.lastSecond.second,
      succeeded: state.lastSecond.succeeded,
      response_p50_us: state.lastSecond.p50Us,
      response_p99_us: state.lastSecond.p99Us,
    },
  }
}

/** The command line that sends the same bytes again: with the tag and start that this run drew. */
function repeatingCommand(command: string, run: {readonly tag: string; readonly startMs: number}): string {
  const tag = command.includes('--run-tag') ? '' : ` --run-tag ${run.tag}`
  const start = command.includes('--start') ? '' : ` --start ${new Date(run.startMs).toISOString()}`
  return `${command}${tag}${start}`
}
