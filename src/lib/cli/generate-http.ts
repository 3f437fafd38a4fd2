/** What `p2pay generate --out http://…` does with its flags: the stream, one request for each payment. */
import {UsageError} from '../base/errors.js'
import type {HttpSinkOptions} from '../sink/http-sink.js'
import {
  announceDefault,
  deadlineOf,
  type GenerateContext,
  type GenerateFlags,
  type GenerateOutcome,
  isPaced,
  isUnbounded,
  outcomeOf,
  progressLine,
  withoutBound,
} from './generate-outcome.js'
import type {ReportFlag} from './loadtest-load.js'
import {freshRunTag, parseShard, planOf} from './plan.js'
import {openTruthFile, type TruthFile} from './truth-file.js'
import {packageVersion} from './version.js'

export interface GenerateHttpFlags extends GenerateFlags {
  readonly concurrency: number
  readonly header: readonly string[] | undefined
  readonly 'api-key-env': string | undefined
  readonly timeout: string
  readonly insecure: boolean
  readonly cacert: string | undefined
}

export async function generateToHttp(flags: GenerateHttpFlags, context: GenerateContext): Promise<GenerateOutcome> {
  const {progress, clock} = context
  const http = await httpOptionsOf(flags)
  const unbounded = isUnbounded(flags)
  const planned = await planOf(unbounded ? withoutBound(flags) : flags)
  announceDefault(flags, planned, progress)
  const {parseRunTag} = await import('../payment/payment-id.js')
  const tag = flags['run-tag'] === undefined ? await freshRunTag() : parseRunTag(flags['run-tag'])
  const shard = flags.shard === undefined ? undefined : parseShard(flags.shard)
  const destination = `${http.url.origin}${http.url.pathname}`
  progress.note(`${destination}, at most ${flags.concurrency} requests at once`)
  progress.note(`run ${tag}, seed ${planned.plan.seed}`)
  let truth: TruthFile | undefined
  try {
    if (flags.truth !== undefined) truth = openTruthFile(flags.truth, tag)
    const {produceOverHttp} = await import('../run/produce-http.js')
    const {summary, paths} = await produceOverHttp({
      plan: planned.plan,
      tag,
      startMs: planned.plan.startMs,
      key: flags.key,
      ...(shard === undefined ? {} : {shard}),
      accounts: planned.accounts,
      directory: flags.dir,
      http,
      command: context.command,
      version: packageVersion(),
      nodeVersion: process.version,
      clock,
      signal: unbounded ? deadlineOf(flags, context) : context.signal,
      onProgress: load => progress.update(() => progressLine(load, {paced: isPaced(planned.plan)})),
      onReleased: (block, from, to) => truth?.write(block, from, to),
    })
    progress.done()
    const outcome = outcomeOf(summary, {tag, planned, flags, context, destination, unbounded})
    return {...outcome, summary: {...outcome.summary, manifest: paths.manifest}}
  } finally {
    truth?.close()
  }
}

/** @throws UsageError with every problem of URL, headers, key, timeout and certificates */
async function httpOptionsOf(flags: GenerateHttpFlags): Promise<Omit<HttpSinkOptions, 'clock'>> {
  const problems: string[] = []
  const url = URL.canParse(flags.out) ? new URL(flags.out) : undefined
  if (url === undefined) problems.push(`--out: "${flags.out}" is no URL`)
  const report: ReportFlag = (flag, problem) => problems.push(`${flag}: ${problem}`)
  const {keyHeadersOf, splitHeader, timeoutOf, tlsOf} = await import('./http-flags.js')
  const named = (flags.header ?? []).flatMap(text => splitHeader(text, report) ?? [])
  const given = named.flatMap(({name, value}) => [name, value])
  const headers = [...given, ...keyHeadersOf(flags['api-key-env'], report)]
  const timeoutMs = timeoutOf(flags.timeout, report)
  // --key names the record key here: there is no certificate of the client.
  const files = {insecure: flags.insecure, cacert: flags.cacert, cert: undefined, key: undefined}
  const tls = await tlsOf(files, url?.protocol !== 'http:', report)
  if (url !== undefined) {
    const {problemsOfTarget} = await import('../http/prepared-target.js')
    problems.push(...problemsOfTarget({method: 'POST', url, headers: given}))
  }
  if (url !== undefined && problems.length === 0) {
    return {url, headers, concurrency: flags.concurrency, timeoutMs, tls}
  }
  throw new UsageError(problems.join('\n'), {
    code: 'P2PAY_HTTP_TARGET',
    suggestions: ['p2pay generate --tps 500 --out http://127.0.0.1:8000/api/v1/payments'],
  })
}
