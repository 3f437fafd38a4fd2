/** From flags to what counts as an answer. */
import {messageOf} from '../base/errors.js'
import type {PipelineMap} from '../payment/pipeline-map.js'
import {parseFieldPath, parseStatuses} from '../payment/response-rule.js'
import type {ResponseJudge} from '../run/loadtest/options.js'
import {createResponseJudge} from '../run/loadtest/response-judge.js'
import type {LoadtestFlags} from './loadtest-flags.js'
import type {ReportFlag} from './loadtest-load.js'

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
