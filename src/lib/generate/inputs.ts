import {UsageError} from '../base/errors.js'
import {TYPOLOGIES} from '../payment/label.js'
import {parseRunTag} from '../payment/payment-id.js'
import {checkAccounts} from '../population/population.js'
import {KEY_FIELDS, type StreamInputs} from './stream.js'

/** The year 9999 ends here; ISO times have four digits for the year. A stream has decades of room before it. */
const MAX_START_MS = 253_402_300_799_999 - 100 * 365 * 86_400_000
/** SIM changes lie some years before the start and must be valid times as well. */
const MIN_START_MS = 0

/**
 * Refuses inputs that do not make a stream, all problems at once.
 *
 * @throws UsageError
 */
export function checkInputs(inputs: StreamInputs): void {
  parseRunTag(inputs.runTag)
  checkAccounts(inputs)
  const problems = [
    ...isWithin('seed', inputs.seed, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    ...(Number.isSafeInteger(inputs.seed) ? [] : [`seed ${inputs.seed} is not an integer`]),
    ...(Number.isSafeInteger(inputs.startMs) ? [] : [`start ${inputs.startMs} is not a whole number of ms`]),
    ...isWithin('start', inputs.startMs, MIN_START_MS, MAX_START_MS),
    ...isWithin('fraud rate', inputs.fraudRate, 0, 0.5),
    ...isWithin('look-alike rate', inputs.lookAlikeRate, 0, 0.5),
    ...TYPOLOGIES.flatMap(name => isWithin(`weight of ${name}`, inputs.typologies[name] ?? 0, 0, Number.MAX_VALUE)),
    ...(KEY_FIELDS.includes(inputs.key) ? [] : [`key ${inputs.key} is none of ${KEY_FIELDS.join(', ')}`]),
    ...shardProblems(inputs.shard),
  ]
  const total = TYPOLOGIES.reduce((sum, name) => sum + (inputs.typologies[name] ?? 0), 0)
  if (total === 0 && inputs.fraudRate > 0) problems.push(`fraud rate ${inputs.fraudRate}, but no typology has a weight`)
  if (problems.length === 0) return
  throw new UsageError(`these inputs do not make a stream: ${problems.join('; ')}`, {code: 'P2PAY_STREAM_INPUTS'})
}

function isWithin(name: string, value: number, low: number, high: number): string[] {
  return value >= low && value <= high ? [] : [`${name} ${value} is not in [${low}, ${high}]`]
}

function shardProblems(shard: StreamInputs['shard']): string[] {
  if (shard === undefined) return []
  const {index, count} = shard
  const valid = Number.isSafeInteger(index) && Number.isSafeInteger(count) && index >= 0 && index < count
  return valid ? [] : [`shard ${index}/${count} does not exist`]
}
