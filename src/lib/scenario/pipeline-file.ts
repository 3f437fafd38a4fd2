/**
 * A pipeline map's text → the map, or every problem with line and column. Strict: an unknown key is told with the
 * nearest known one. `${VAR}` is filled in from the environment, which is where secrets in headers belong.
 */
import {createHash} from 'node:crypto'
import {z} from 'zod'
import {nearest} from '../base/nearest.js'
import {PIPELINE_VERSION, type PipelineHeader, type PipelineMap, type PipelinePayload} from '../payment/pipeline-map.js'
import {parseFieldPath, parseStatuses} from '../payment/response-rule.js'
import {type Compiled, compileStructure, compileText, formatOfContentType} from '../payment/template.js'
import {type Environment, type Path, readDocument, type ScenarioDocument} from './document.js'
import {type Problem, quoted} from './problem.js'

/** Parts of a map that belong to commands which do not read one yet: refused, so that nobody relies on them. */
const RESERVED: readonly string[] = ['kafka', 'table', 'decision']

const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/
/** The client writes these itself: they follow from the request and the connection. */
const CLIENT_HEADERS: readonly string[] = ['content-length', 'transfer-encoding', 'connection']

const text = (what: string, maxLength = 2000) => {
  const error = `${what} of 1 to ${maxLength} characters`
  return z.string({error}).min(1, {error}).max(maxLength, {error})
}
const methodError = 'a method such as POST, in capital letters'
const pathError = 'a path that begins with /'
const headersError = 'headers by name, such as {x-client: load-test}'
const headerError = 'a text on one line'

/** What a map may say. docs/pipeline-v1.schema.json is generated from it. */
export const pipelineSchema = z
  .strictObject(
    {
      version: z.literal(PIPELINE_VERSION, {
        error: `${PIPELINE_VERSION}, the version of pipeline maps that this p2pay reads`,
      }),
      name: text('a name', 100).describe('What reports call the pipeline; the file’s name unless given.').optional(),
      payload: z
        .unknown()
        .describe(
          'What is sent for a payment: data with {{placeholders}} that becomes JSON, or a text. Wire format v1 unless given.',
        )
        .optional(),
      http: z
        .strictObject(
          {
            method: z
              .string({error: methodError})
              .regex(/^[A-Z]{1,20}$/, {error: methodError})
              .describe('POST unless given.')
              .optional(),
            path: z
              .string({error: pathError})
              .regex(/^\/[^\s#]*$/, {error: pathError})
              .describe('Where requests go when the URL names no path; may have placeholders.')
              .optional(),
            headers: z
              .record(z.string(), z.string({error: headerError}).regex(/^[\t\x20-\x7e]*$/, {error: headerError}), {
                error: headersError,
              })
              .describe('Values may have placeholders.')
              .optional(),
            success: text('statuses such as 2xx or 200,202', 200)
              .describe('Statuses that are success: 2xx unless given.')
              .optional(),
            id: text('a path such as data.id', 200)
              .describe('Where in an answer the service’s own id of the payment is; payment_id unless given.')
              .optional(),
          },
          {error: 'settings: {method, path, headers, success, id}'},
        )
        .describe('How payments are handed over by HTTP.')
        .optional(),
    },
    {error: 'a pipeline map: settings such as version, payload and http, each with its value'},
  )
  .meta({title: 'p2pay pipeline map', description: 'How p2pay meets a pipeline, version 1.'})

export type PipelineFile = z.infer<typeof pipelineSchema>

/** The JSON Schema (draft 7, which editors read best) of a pipeline map. */
export function pipelineJsonSchema(): unknown {
  return z.toJSONSchema(pipelineSchema, {target: 'draft-7'})
}

/** @param name what the map is called when it does not say */
export function readPipeline(
  source: string,
  {name, env}: {readonly name: string; readonly env: Environment},
): {readonly pipeline: PipelineMap | undefined; readonly problems: readonly Problem[]} {
  const document = readDocument(source, env)
  if (document.problems.length > 0) return {pipeline: undefined, problems: document.problems}
  const parsed = pipelineSchema.safeParse(document.value)
  const problems: Problem[] = []
  const report = (path: Path, message: string, of: 'key' | 'value' = 'value'): void => {
    problems.push({...document.positionOf(path, of), where: pathText(path), message})
  }
  if (!parsed.success) for (const issue of parsed.error.issues) reportIssue(issue, document, report)
  // Read from the raw data, so that a slip elsewhere does not hide those in templates.
  const raw = parsed.success ? parsed.data : looseFile(document.value)
  const headers = headersOf(raw.http?.headers ?? {}, report)
  const payload = payloadOf(raw, report)
  if (raw.http?.path !== undefined) take(compileText(raw.http.path, 'url'), ['http', 'path'], report)
  const terms = {success: parseStatuses(raw.http?.success ?? '2xx'), id: parseFieldPath(raw.http?.id ?? 'payment_id')}
  for (const [key, term] of Object.entries(terms)) if (typeof term === 'string') report(['http', key], term)
  if (!parsed.success || problems.length > 0) return {pipeline: undefined, problems: inOrder(problems)}
  const {http} = parsed.data
  return {
    pipeline: {
      name: parsed.data.name ?? name,
      sha256: createHash('sha256').update(source).digest('hex'),
      payload,
      http:
        http === undefined
          ? null
          : {
              method: http.method ?? null,
              path: http.path ?? null,
              headers,
              success: http.success ?? null,
              id: http.id ?? null,
            },
    },
    problems: [],
  }
}

type Report = (path: Path, message: string, of?: 'key' | 'value') => void

function payloadOf({payload, http}: Pick<PipelineFile, 'payload' | 'http'>, report: Report): PipelinePayload | null {
  if (payload === undefined) return null
  const named = Object.entries(http?.headers ?? {}).find(([header]) => header.toLowerCase() === 'content-type')?.[1]
  const contentType = named ?? 'application/json'
  if (typeof payload === 'string') {
    return {template: take(compileText(payload, formatOfContentType(contentType)), ['payload'], report), contentType}
  }
  const {template, problems} = compileStructure(payload)
  for (const {path, message} of problems) report(['payload', ...path], message)
  if (formatOfContentType(contentType) !== 'json') {
    report(['payload'], `data becomes JSON, and the content type is ${contentType}; write the payload as a text`)
  }
  return {template, contentType}
}

function headersOf(headers: Readonly<Record<string, string>>, report: Report): PipelineHeader[] {
  return Object.entries(headers).map(([name, value]) => {
    const path = ['http', 'headers', name]
    if (!TOKEN.test(name)) report(path, `${quoted(name)} is no name of a header`, 'key')
    if (CLIENT_HEADERS.includes(name.toLowerCase())) report(path, 'is written by the client itself', 'key')
    return {name, value: take(compileText(value, 'header'), path, report)}
  })
}

function take({template, problems}: Compiled, path: Path, report: Report): Compiled['template'] {
  for (const message of problems) report(path, message)
  return template
}

/** What can be looked at of a file with problems of its shape. */
function looseFile(value: unknown): Pick<PipelineFile, 'payload' | 'http'> {
  const http = memberOf(value, 'http')
  const headers = memberOf(http, 'headers')
  const known = ['path', 'success', 'id'].flatMap(key => {
    const text = memberOf(http, key)
    return typeof text === 'string' && text !== '' ? [[key, text] as const] : []
  })
  const texts =
    typeof headers === 'object' && headers !== null
      ? Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      : []
  return {
    payload: memberOf(value, 'payload'),
    http: {headers: Object.fromEntries(texts), ...Object.fromEntries(known)},
  }
}

function reportIssue(issue: z.core.$ZodIssue, document: ScenarioDocument, report: Report): void {
  if (issue.code === 'unrecognized_keys') {
    const known =
      issue.path.length === 0 ? Object.keys(pipelineSchema.shape) : ['method', 'path', 'headers', 'success', 'id']
    for (const key of issue.keys) {
      const meant = nearest(key, known)
      const isReserved = issue.path.length === 0 && RESERVED.includes(key)
      const hint = meant === undefined ? `expected ${known.join(', ')}` : `did you mean "${meant}"?`
      report([...issue.path, key], isReserved ? 'is not read by this version of p2pay' : `unknown key; ${hint}`, 'key')
    }
    return
  }
  const value = issue.path.reduce<unknown>((inner, step) => memberOf(inner, String(step)), document.value)
  if (issue.path.length === 0 && (value ?? null) === null) report([], `the file is empty; expected ${issue.message}`)
  else if (value === undefined && issue.path.length > 0) report(issue.path, `is missing; expected ${issue.message}`)
  else report(issue.path, `${quoted(value ?? null)} is not ${issue.message}`)
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([name]) => name === key)?.[1]
}

/** `payload.items[0].id` */
function pathText(path: Path): string {
  return path.reduce<string>(
    (whole, step) =>
      typeof step === 'number' ? `${whole}[${step}]` : `${whole}${whole === '' ? '' : '.'}${String(step)}`,
    '',
  )
}

function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}
