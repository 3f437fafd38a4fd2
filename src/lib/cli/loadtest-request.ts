/** From flags, a pipeline map or a targets file to the requests of a load test, and to what counts as an answer. */
import {createHash} from 'node:crypto'
import {readFile} from 'node:fs/promises'
import {messageOf} from '../base/errors.js'
import type {HttpClientOptions} from '../http/http-client.js'
import {problemsOfHeaders} from '../http/prepared-target.js'
import type {PipelineMap} from '../payment/pipeline-map.js'
import {SAMPLE_SUBJECT} from '../payment/placeholder.js'
import {compileText, formatOfContentType, type Template} from '../payment/template.js'
import type {ResponseJudge} from '../run/loadtest/options.js'
import {prepareShape, type RequestBody, type RequestHeader, type RequestShape} from '../run/loadtest/request-shape.js'
import {JUDGED_BODY_BYTES} from '../run/loadtest/response-judge.js'
import {readTargets, type Target} from '../run/loadtest/targets.js'
import {keyHeadersOf, splitHeader, timeoutOf, tlsOf} from './http-flags.js'
import {judgeOf} from './loadtest-answer.js'
import type {LoadtestFlags} from './loadtest-flags.js'
import type {ReportFlag} from './loadtest-load.js'
import {redactUrl} from './redact.js'
import {packageVersion} from './version.js'

export interface RequestSettings {
  /** Null: requests go to a service of our own, whose address is not known yet. */
  readonly url: string | null
  /** @param url instead of the one above */
  shapesFor(url: string): readonly RequestShape[]
  /** For people: `POST http://127.0.0.1:8000/`, `3 targets of targets.json`. */
  describe(url: string): {readonly target: string; readonly method: string}
  readonly judge: ResponseJudge
  readonly client: Omit<HttpClientOptions, 'connections'>
  /** For questions to the same service: names and values alternating. */
  readonly keyHeaders: readonly string[]
  /** Whether every request carries a payment, and its id. */
  readonly carries: {readonly payment: boolean; readonly id: boolean}
  /** Where templates come from, for the manifest. */
  readonly sources: RequestSources
  readonly notes: readonly string[]
}

export interface RequestSources {
  readonly pipeline: {readonly path: string; readonly sha256: string} | null
  readonly targets: {readonly path: string; readonly sha256: string} | null
  /** SHA-256 of the template of `--body`, hex. */
  readonly body_sha256: string | null
}

/** Methods whose requests have no body unless one is asked for. */
const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])
const DEFAULT_TYPE = 'application/json'
const OWN_PATH = '/api/v1/payments'
/** Of what only a service with an address of its own can use. */
const URL_FLAGS = ['method', 'insecure', 'cacert', 'cert', 'key', 'api-key-env'] as const

/**
 * @param url as typed; undefined for a service of our own, or targets
 * @throws UsageError for files that are wrong in themselves; what is wrong with flags is reported
 */
export async function requestSettings(
  url: string | undefined,
  flags: LoadtestFlags,
  report: ReportFlag,
): Promise<RequestSettings> {
  const {targets: targetsPath, pipeline: pipelinePath} = flags
  const isOwn = url === undefined && targetsPath === undefined
  if (url !== undefined && targetsPath !== undefined) report('--targets', 'the targets name their URLs: leave URL out')
  if (isOwn) {
    for (const flag of URL_FLAGS) {
      if (flags[flag] !== undefined && flags[flag] !== false) report(`--${flag}`, 'is for a URL, and none is given')
    }
  }
  const pipeline = pipelinePath === undefined ? null : await readPipelineMap(pipelinePath)
  const targets = targetsPath === undefined ? null : await readTargets(targetsPath)
  const body = await bodyOf(flags.body, report)
  const headers = headersOf(flags, report)
  const method = flags.method?.toUpperCase() ?? pipeline?.http?.method ?? 'POST'
  if (!/^[A-Z]{1,20}$/.test(method) || method === 'CONNECT')
    report('--method', `"${method}" is not a method such as POST`)
  const notes: string[] = []
  const parts: Parts = {flags, pipeline, body, headers, keyHeaders: keyHeadersOf(flags['api-key-env'], report), notes}
  const shapesFor = (base: string, problem: ReportFlag = () => {}): RequestShape[] =>
    targets === null
      ? [shapeOf({method, url: base}, parts, problem)]
      : targets.map((target, index) =>
          targetShape(target, parts, (_, message) => problem('--targets', `target ${index + 1}: ${message}`)),
        )
  shapesFor(url ?? 'http://127.0.0.1/', report)
  const shapes = shapesFor(url ?? 'http://127.0.0.1/').map(prepareShape)
  const carries = {
    payment: shapes.every(({carriesPayment}) => carriesPayment),
    id: shapes.every(({carriesId}) => carriesId),
  }
  if (flags.follow && !carries.payment) report('--follow', 'not every request carries a payment that could be followed')
  if (flags.follow && carries.payment && !carries.id && flags.brokers !== undefined) {
    report(
      '--follow',
      'on topics payments are found by their own id, and not every request carries it ({{payment_id}})',
    )
  }
  const tls = await tlsOf(flags, shapes.some(({shape}) => shape.origin.startsWith('https:')) || isOwn, report)
  const judge = judgeOf(flags, pipeline, {isOwn}, report)
  return {
    url: isOwn ? null : (url ?? targets?.[0]?.url ?? ''),
    shapesFor: base => shapesFor(base),
    describe: base => describeTarget(base, {method, targets, targetsPath, shapes: shapesFor(base)}),
    judge,
    client: {
      timeoutMs: timeoutOf(flags.timeout, report),
      keepAlive: !flags['no-keep-alive'],
      maxBodyBytes: judge.needsBody ? JUDGED_BODY_BYTES : 0,
      tls,
    },
    keyHeaders: parts.keyHeaders,
    carries,
    sources: {
      pipeline: pipeline === null || pipelinePath === undefined ? null : {path: pipelinePath, sha256: pipeline.sha256},
      targets: targetsPath === undefined ? null : {path: targetsPath, sha256: await digestOf(targetsPath)},
      body_sha256: body === null ? null : createHash('sha256').update(body).digest('hex'),
    },
    notes: [...new Set(notes)],
  }
}

interface Parts {
  readonly flags: LoadtestFlags
  readonly pipeline: PipelineMap | null
  /** The text of `--body`; null without. */
  readonly body: string | null
  /** Of `--header`. */
  readonly headers: readonly RequestHeader[]
  readonly keyHeaders: readonly string[]
  readonly notes: string[]
}

function shapeOf(
  {method, url}: {readonly method: string; readonly url: string},
  parts: Parts,
  report: ReportFlag,
): RequestShape {
  const place = placeOf(url, parts.pipeline, report)
  const {body, contentType} = contentOf(method, parts, report)
  const headers = layered([
    [constant('User-Agent', `p2pay/${packageVersion()}`)],
    contentType === null ? [] : [constant('Content-Type', contentType)],
    parts.pipeline?.http?.headers ?? [],
    place.headers,
    parts.headers,
    constants(parts.keyHeaders),
  ])
  return {method, origin: place.origin, path: place.path, headers, body}
}

function targetShape(target: Target, parts: Parts, report: ReportFlag): RequestShape {
  const shape = shapeOf({method: target.method, url: target.url}, parts, report)
  const own = target.headers.map(([name, value]) => constant(name, value))
  const problems = problemsOfHeaders(target.headers.flat())
  for (const problem of problems) report('', problem)
  const {body} = target
  if (body === null) return {...shape, headers: layered([shape.headers, own])}
  // Bytes of its own go as they are, and nothing but the target says of what type they are.
  const headers = shape.headers.filter(({name}) => name.toLowerCase() !== 'content-type' || parts.flags['content-type'])
  return {...shape, headers: layered([headers, own]), body: {kind: 'fixed', bytes: body}}
}

interface Place {
  readonly origin: string
  readonly path: Template
  /** From a user and password in the URL. */
  readonly headers: readonly RequestHeader[]
}

/** Placeholders may stand in path and query, not in the origin: connections are kept for each. */
function placeOf(url: string, pipeline: PipelineMap | null, report: ReportFlag): Place {
  const [, scheme = '', authority = '', rest = ''] = /^([a-z][a-z\d+.-]*:)\/\/([^/?#]*)([^#]*)/i.exec(url) ?? []
  const refuse = (why: string): Place => {
    report('URL', `"${redactUrl(url)}" ${why}`)
    return {origin: 'http://127.0.0.1', path: compileText('/', 'url').template, headers: []}
  }
  if (scheme === '') return refuse(`has no scheme; did you mean http://${redactUrl(url)}?`)
  if (!/^https?:$/i.test(scheme)) return refuse('begins with neither http:// nor https://')
  if (!URL.canParse(`${scheme}//${authority}/`)) return refuse('is not a URL')
  const {origin, username, password} = new URL(`${scheme}//${authority}/`)
  const own = rest === '' || rest === '/' ? (pipeline?.http?.path ?? '/') : rest.startsWith('?') ? `/${rest}` : rest
  const {template, problems} = compileText(own, 'url')
  for (const problem of problems) report('URL', problem)
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return {
    origin,
    path: template,
    headers: user === ':' ? [] : [constant('Authorization', `Basic ${Buffer.from(user).toString('base64')}`)],
  }
}

function contentOf(
  method: string,
  {flags, pipeline, body, headers, notes}: Parts,
  report: ReportFlag,
): {readonly body: RequestBody; readonly contentType: string | null} {
  const byHeader = headers.find(({name}) => name.toLowerCase() === 'content-type')?.value.render(SAMPLE_SUBJECT)
  if (byHeader !== undefined && flags['content-type'] !== undefined) {
    report('--content-type', 'a --header names the content type as well')
  }
  const asked = byHeader ?? flags['content-type']
  if (body !== null) {
    const contentType = asked ?? pipeline?.payload?.contentType ?? DEFAULT_TYPE
    const {template, problems} = compileText(body, formatOfContentType(contentType))
    for (const problem of problems) report('--body', problem)
    if (problems.length === 0) noteBadJson(template, contentType, notes)
    return body === ''
      ? {body: {kind: 'none'}, contentType: asked ?? null}
      : {body: {kind: 'template', template}, contentType}
  }
  if (BODILESS.has(method)) return {body: {kind: 'none'}, contentType: asked ?? null}
  if (pipeline?.payload != null) {
    const {template, contentType} = pipeline.payload
    return {body: {kind: 'template', template}, contentType: asked ?? contentType}
  }
  return {body: {kind: 'payment'}, contentType: asked ?? DEFAULT_TYPE}
}

/** Broken JSON may be the very test, so it is no error. */
function noteBadJson(template: Template, contentType: string, notes: string[]): void {
  if (formatOfContentType(contentType) !== 'json' || /ndjson|jsonl/i.test(contentType)) return
  const text = template.render(SAMPLE_SUBJECT)
  if (text === '') return
  try {
    JSON.parse(text)
  } catch (error) {
    notes.push(`the body goes as ${contentType} and is no JSON (${messageOf(error)})`)
  }
}

function headersOf({header}: LoadtestFlags, report: ReportFlag): RequestHeader[] {
  return (header ?? []).flatMap(text => {
    const header = splitHeader(text, report)
    if (header === undefined) return []
    const {template, problems} = compileText(header.value, 'header')
    const all = [...problems, ...problemsOfHeaders([header.name, template.render(SAMPLE_SUBJECT)])]
    for (const problem of all) report('--header', problem)
    return all.length > 0 ? [] : [{name: header.name, value: template}]
  })
}

/** `@file` or the text itself. */
async function bodyOf(body: string | undefined, report: ReportFlag): Promise<string | null> {
  if (body === undefined || !body.startsWith('@')) return body ?? null
  return readFile(body.slice(1), 'utf8').catch((error: unknown) => {
    report('--body', `${body.slice(1)} cannot be read: ${messageOf(error)}`)
    return null
  })
}

async function readPipelineMap(path: string): Promise<PipelineMap> {
  const {loadPipeline} = await import('../scenario/load.js')
  return loadPipeline(path, process.env)
}

async function digestOf(path: string): Promise<string> {
  const {fileSha256} = await import('../run/sha256.js')
  return fileSha256(path)
}

function describeTarget(
  url: string,
  {
    method,
    targets,
    targetsPath,
    shapes,
  }: {
    readonly method: string
    readonly targets: readonly Target[] | null
    readonly targetsPath: string | undefined
    readonly shapes: readonly RequestShape[]
  },
): {readonly target: string; readonly method: string} {
  if (targets === null) {
    const [shape] = shapes
    const {origin = '', path} = shape ?? {}
    const isPlain = path !== undefined && path.names.size === 0
    return {target: redactUrl(isPlain ? `${origin}${path.render(SAMPLE_SUBJECT)}` : url), method}
  }
  const methods = [...new Set(targets.map(target => target.method))].join(', ')
  const [only, ...others] = targets
  if (only !== undefined && others.length === 0) return {target: redactUrl(only.url), method: methods}
  return {target: `${targets.length.toLocaleString('en-US')} targets of ${targetsPath}`, method: methods}
}

/** Later layers replace earlier ones by name, whatever its case; within a layer a name may come several times. */
function layered(layers: readonly (readonly RequestHeader[])[]): RequestHeader[] {
  return layers.reduce<RequestHeader[]>((below, layer) => {
    const names = new Set(layer.map(({name}) => name.toLowerCase()))
    return [...below.filter(({name}) => !names.has(name.toLowerCase())), ...layer]
  }, [])
}

function constant(name: string, value: string): RequestHeader {
  return {name, value: {names: new Set(), render: () => value}}
}

function constants(headers: readonly string[]): RequestHeader[] {
  return headers.flatMap((name, index) => (index % 2 === 0 ? [constant(name, headers[index + 1] ?? '')] : []))
}

/** Where a service of our own takes payments. */
export function ownPaymentsUrl(serviceUrl: string): string {
  return `${serviceUrl.replace(/\/$/, '')}${OWN_PATH}`
}
