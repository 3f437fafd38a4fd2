/** Flags of whoever sends over HTTP, as what the client takes: headers, keys, time and TLS. Problems come all at once. */
import {readFile} from 'node:fs/promises'
import {parseDurationMs} from '../base/duration.js'
import {messageOf} from '../base/errors.js'
import type {TlsOptions} from '../http/http-client.js'
import {problemsOfHeaders} from '../http/prepared-target.js'
import type {ReportFlag} from './loadtest-load.js'
import {problemsOfTlsMaterial} from './tls-material.js'

export interface TlsFlags {
  readonly insecure: boolean
  readonly cacert: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

/** `Name: value`. */
export function splitHeader(
  text: string,
  report: ReportFlag,
): {readonly name: string; readonly value: string} | undefined {
  const colon = text.indexOf(':')
  if (colon > 0) return {name: text.slice(0, colon).trim(), value: text.slice(colon + 1).trim()}
  report('--header', `"${text}" is not “Name: value”`)
  return undefined
}

export function keyHeadersOf(variable: string | undefined, report: ReportFlag): readonly string[] {
  if (variable === undefined) return []
  const key = process.env[variable]
  if (key === undefined || key === '') report('--api-key-env', `the environment variable ${variable} is not set`)
  const headers = ['X-API-Key', key ?? '']
  // Never with its value.
  if (problemsOfHeaders(headers).length > 0)
    report('--api-key-env', `the value of ${variable} cannot stand in a header`)
  return headers
}

/** @param isSecure the URL is https; otherwise none of these flags means anything */
export async function tlsOf(flags: TlsFlags, isSecure: boolean, report: ReportFlag): Promise<TlsOptions> {
  const files = {ca: 'cacert', certificate: 'cert', key: 'key'} as const
  const texts: {ca?: string; certificate?: string; key?: string} = {}
  if (!isSecure) {
    for (const flag of ['insecure', ...Object.values(files)] as const) {
      if (flags[flag] !== undefined && flags[flag] !== false) report(`--${flag}`, 'is for https, and the URL is http')
    }
  }
  for (const [name, flag] of [
    ['ca', files.ca],
    ['certificate', files.certificate],
    ['key', files.key],
  ] as const) {
    const path = flags[flag]
    if (path === undefined) continue
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      report(`--${flag}`, `${path} cannot be read: ${messageOf(error)}`)
      return undefined
    })
    if (text === undefined) continue
    if (!text.includes('-----BEGIN ')) report(`--${flag}`, `${path} is no PEM file`)
    else texts[name] = text
  }
  for (const {part, message} of problemsOfTlsMaterial(texts)) {
    report(`--${files[part]}`, `${flags[files[part]]} ${message}`)
  }
  return {verify: !flags.insecure, ...texts}
}

export function timeoutOf(text: string, report: ReportFlag): number {
  if (text === 'none') return Number.POSITIVE_INFINITY
  try {
    return parseDurationMs(text)
  } catch (error) {
    report('--timeout', `${messageOf(error)}, such as 250ms, 10s or none`)
    return 1
  }
}
