/** From flags to what counts as an answer, and how long and how safely it is waited for. */
import {readFile} from 'node:fs/promises'
import {parseDurationMs} from '../base/duration.js'
import {messageOf} from '../base/errors.js'
import type {TlsOptions} from '../http/http-client.js'
import type {PipelineMap} from '../payment/pipeline-map.js'
import {parseFieldPath, parseStatuses} from '../payment/response-rule.js'
import type {ResponseJudge} from '../run/loadtest/options.js'
import {createResponseJudge} from '../run/loadtest/response-judge.js'
import type {LoadtestFlags} from './loadtest-flags.js'
import type {ReportFlag} from './loadtest-load.js'
import {problemsOfTlsMaterial} from './tls-material.js'

export function judgeOf(
  flags: LoadtestFlags,
  pipeline: PipelineMap | null,
  {isOwn}: {readonly isOwn: boolean},
  report: ReportFlag,
): ResponseJudge {
  const statusText = flags.success ?? pipeline?.http?.success ?? (isOwn ? '202' : '2xx')
  const statuses = parseStatuses(statusText)
  if (typeof statuses === 'string') report('--success', statuses)
  const idText = flags['response-id'] ?? pipeline?.http?.id ?? 'payment_id'
  const idPath = idText === 'none' ? null : parseFieldPath(idText)
  if (typeof idPath === 'string') report('--response-id', idPath)
  let body: RegExp | undefined
  try {
    if (flags['success-body'] !== undefined) body = new RegExp(flags['success-body'])
  } catch (error) {
    report('--success-body', messageOf(error))
  }
  return createResponseJudge({
    statuses: typeof statuses === 'string' ? [] : statuses,
    statusText,
    body,
    idPath: typeof idPath === 'string' ? null : idPath,
  })
}

export async function tlsOf(flags: LoadtestFlags, isSecure: boolean, report: ReportFlag): Promise<TlsOptions> {
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
