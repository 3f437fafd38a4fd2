/** What is the same for all requests to a target, made once: the head as bytes, where to connect to, what is wrong with it. */
import type {HttpTarget} from './http-client.js'

export interface PreparedTarget {
  /** `http://127.0.0.1:8000`: what connections are shared by. */
  readonly origin: string
  readonly isSecure: boolean
  /** For connecting: without brackets around an IPv6 address. */
  readonly host: string
  readonly port: number
  readonly method: string
  /** With the query. */
  readonly path: string
  /** Names and values alternating; with Authorization when the URL brings a user. */
  readonly headers: readonly string[]
  /** Request line and headers, up to where those of one request begin; a character for a byte. */
  readonly head: string
  readonly isHeadRequest: boolean
  /** The method calls for a body, so that none at all is announced as 0 bytes. */
  readonly expectsBody: boolean
}

/** Methods whose requests have a length even when it is 0 (RFC 9110, section 8.6). */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])
const OWN_HEADERS = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
])
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Visible ASCII, blanks, and the upper half of Latin 1 (RFC 9110, section 5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** All that is wrong with a target, in words; empty when it can be used. */
export function problemsOfTarget({method, url, headers}: HttpTarget): string[] {
  const problems: string[] = []
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    problems.push(`${url.href}: the scheme is ${url.protocol.slice(0, -1)}, not http or https`)
  }
  if (!TOKEN.test(method)) problems.push(`the method ${JSON.stringify(method)} is no word`)
  else if (method === 'CONNECT') problems.push('CONNECT asks for a tunnel, not for an answer')
  return [...problems, ...problemsOfHeaders(headers)]
}

/** All that is wrong with headers, names and values alternating. */
export function problemsOfHeaders(headers: readonly string[]): string[] {
  const problems: string[] = []
  if (headers.length % 2 !== 0) problems.push('a header has a name and no value')
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (!TOKEN.test(name)) problems.push(`the header name ${JSON.stringify(name)} is no word`)
    else if (OWN_HEADERS.has(name.toLowerCase())) problems.push(`the header ${name} is the client's own`)
    if (!VALUE.test(headers[i + 1] ?? '')) {
      problems.push(`the value of the header ${JSON.stringify(name)} has a character that no header may have`)
    }
  }
  return problems
}

/** @param target without problems */
export function prepareTarget(target: HttpTarget, {keepAlive}: {readonly keepAlive: boolean}): PreparedTarget {
  const {method, url} = target
  const path = `${url.pathname}${url.search}`
  const isSecure = url.protocol === 'https:'
  const headers = [...target.headers, ...authorizationOf(target)]
  // A host of the user's own is for a server that answers to several names.
  const hostLine = hasHeader(headers, 'host') ? '' : `Host: ${url.host}\r\n`
  const connection = keepAlive ? 'keep-alive' : 'close'
  return {
    origin: url.origin,
    isSecure,
    host: url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname,
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    method,
    path,
    headers,
    head: `${method} ${path} HTTP/1.1\r\n${hostLine}Connection: ${connection}\r\n${linesOf(headers)}`,
    isHeadRequest: method === 'HEAD',
    expectsBody: WITH_BODY.has(method),
  }
}

/** As they go on the wire. */
export function linesOf(headers: readonly string[]): string {
  let lines = ''
  for (let i = 0; i + 1 < headers.length; i += 2) lines += `${headers[i]}: ${headers[i + 1]}\r\n`
  return lines
}

function authorizationOf({url, headers}: HttpTarget): string[] {
  if ((url.username === '' && url.password === '') || hasHeader(headers, 'authorization')) return []
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return ['Authorization', `Basic ${Buffer.from(user).toString('base64')}`]
}

function hasHeader(headers: readonly string[], name: string): boolean {
  return headers.some((header, index) => index % 2 === 0 && header.toLowerCase() === name)
}
