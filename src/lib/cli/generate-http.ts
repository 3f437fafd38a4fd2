/** What `p2pay generate --out http://…` does with its flags: the stream, one request for each payment. */
import {parseDurationMs} from '../base/duration.js'
import {messageOf, UsageError} from '../base/errors.js'
import type {TlsOptions} from '../http/http-client.js'
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
import {freshRunTag, parseShard, planOf} from './plan.js'
import {problemsOfTlsMaterial} from './tls-material.js'
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
  const http = await httpOptionsOf(flags, process.env)
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
async function httpOptionsOf(
  flags: GenerateHttpFlags,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Omit<HttpSinkOptions, 'clock'>> {
  const problems: string[] = []
  const url = URL.canParse(flags.out) ? new URL(flags.out) : undefined
  if (url === undefined) problems.push(`--out: "${flags.out}" is no URL`)
  const headers = [...headersOf(flags.header ?? [], problems), ...apiKeyOf(flags['api-key-env'], environment, problems)]
  const timeoutMs = timeoutOf(flags.timeout, problems)
  const tls = await tlsOf(flags, problems)
  if (url !== undefined) {
    const {problemsOfTarget} = await import('../http/prepared-target.js')
    problems.push(...problemsOfTarget({method: 'POST', url, headers}))
  }
  if (url !== undefined && problems.length === 0) {
    return {url, headers, concurrency: flags.concurrency, timeoutMs, tls}
  }
  throw new UsageError(problems.join('\n'), {
    code: 'P2PAY_HTTP_TARGET',
    suggestions: ['p2pay generate --tps 500 --out http://127.0.0.1:8000/api/v1/payments'],
  })
}

function headersOf(texts: readonly string[], problems: string[]): string[] {
  return texts.flatMap(text => {
    const colon = text.indexOf(':')
    if (colon > 0) return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
    problems.push(`--header: "${text}" is not "Name: value"`)
    return []
  })
}

function apiKeyOf(
  name: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
): string[] {
  if (name === undefined) return []
  const key = environment[name]
  if (key !== undefined && key !== '') return ['X-API-Key', key]
  problems.push(`--api-key-env: the environment variable ${name} is not set`)
  return []
}

function timeoutOf(text: string, problems: string[]): number {
  if (text === 'none') return Number.POSITIVE_INFINITY
  try {
    return parseDurationMs(text)
  } catch (error) {
    problems.push(`--timeout: ${messageOf(error)}, such as 500ms, 10s or none`)
    return 0
  }
}

async function tlsOf({insecure, cacert}: GenerateHttpFlags, problems: string[]): Promise<TlsOptions> {
  if (cacert === undefined) return {verify: !insecure}
  const {readFile} = await import('node:fs/promises')
  try {
    const ca = await readFile(cacert, 'utf8')
    for (const {message} of problemsOfTlsMaterial({ca})) problems.push(`--cacert: ${cacert} ${message}`)
    return {verify: true, ca}
  } catch (error) {
    problems.push(`--cacert: ${messageOf(error)}`)
    return {verify: true}
  }
}
