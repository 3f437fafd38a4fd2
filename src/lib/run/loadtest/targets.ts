/**
 * A targets file in vegeta's JSON format (`vegeta attack -format=json`): one object a line with method, url, header
 * (names to lists of values) and body (base64). What a line does not say is left to the caller.
 */
import {createReadStream} from 'node:fs'
import {createInterface} from 'node:readline'
import {messageOf, UsageError} from '../../base/errors.js'
import {nearest} from '../../base/nearest.js'

export interface Target {
  readonly method: string
  readonly url: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Null: the line has none. */
  readonly body: Buffer | null
}

const MAX_TARGETS = 100_000
const MAX_BYTES = 64 * 1024 * 1024
const MAX_PROBLEMS = 20
const KEYS = ['method', 'url', 'header', 'body'] as const
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** @throws UsageError P2PAY_TARGETS with every problem by line, up to 20 */
export async function readTargets(path: string): Promise<readonly Target[]> {
  const targets: Target[] = []
  const problems: string[] = []
  let line = 0
  let byteCount = 0
  const lines = createInterface({input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY})
  try {
    for await (const text of lines) {
      line++
      byteCount += text.length + 1
      if (byteCount > MAX_BYTES || targets.length >= MAX_TARGETS) {
        problems.push(`the file has more than ${MAX_TARGETS.toLocaleString('en-US')} targets or 64 MiB`)
        break
      }
      if (text.trim() === '') continue
      const target = parseTarget(text)
      if ('url' in target) targets.push(target)
      else problems.push(...target.problems.map(problem => `${path}:${line} ${problem}`))
      if (problems.length >= MAX_PROBLEMS) break
    }
  } catch (error) {
    throw refusal(`the targets ${path} cannot be read: ${messageOf(error)}`, error)
  } finally {
    lines.close()
  }
  if (problems.length === 0 && targets.length === 0) problems.push(`${path} has no targets`)
  const [only] = problems
  if (only === undefined) return targets
  throw refusal(problems.length === 1 ? only : [`${path}: ${problems.length} problems`, ...problems].join('\n  '))
}

function parseTarget(text: string): Target | {readonly problems: readonly string[]} {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return {problems: [`is not JSON: ${messageOf(error)}`]}
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return {problems: ['is no JSON object such as {"method":"POST","url":"http://127.0.0.1:8000/"}']}
  }
  const problems: string[] = []
  for (const key of Object.keys(value)) {
    if (KEYS.some(known => known === key)) continue
    const meant = nearest(key, KEYS)
    problems.push(
      `${key}: unknown key; ${meant === undefined ? `expected ${KEYS.join(', ')}` : `did you mean "${meant}"?`}`,
    )
  }
  const {method, url, header, body}: Partial<Record<(typeof KEYS)[number], unknown>> = value
  if (typeof method !== 'string' || !/^[A-Z]{1,20}$/.test(method)) {
    problems.push(`method: ${shown(method)} is not a method such as POST, in capital letters`)
  }
  if (typeof url !== 'string') problems.push(`url: ${shown(url)} is not a URL`)
  const headers = headersOf(header, problems)
  const bytes = bodyOf(body, problems)
  if (problems.length > 0 || typeof method !== 'string' || typeof url !== 'string') return {problems}
  return {method, url, headers, body: bytes}
}

function headersOf(header: unknown, problems: string[]): (readonly [string, string])[] {
  if (header === undefined || header === null) return []
  if (typeof header !== 'object' || Array.isArray(header)) {
    problems.push(`header: ${shown(header)} is not an object such as {"X-Client":["load"]}`)
    return []
  }
  return Object.entries(header).flatMap(([name, given]: [string, unknown]) => {
    const values: readonly unknown[] = Array.isArray(given) ? given : [given]
    return values.flatMap(value => {
      if (typeof value === 'string') return [[name, value] as const]
      problems.push(`header.${name}: ${shown(value)} is not a text`)
      return []
    })
  })
}

function bodyOf(body: unknown, problems: string[]): Buffer | null {
  if (body === undefined || body === null) return null
  if (typeof body === 'string' && BASE64.test(body)) return Buffer.from(body, 'base64')
  problems.push(`body: ${shown(body)} is not base64`)
  return null
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function refusal(message: string, cause?: unknown): UsageError {
  return new UsageError(message, {
    code: 'P2PAY_TARGETS',
    suggestions: ['one JSON object a line, as vegeta’s -format=json reads them: {"method":"POST","url":"http://…"}'],
    cause,
  })
}
