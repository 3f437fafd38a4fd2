/**
 * Topic configuration. `max.message.bytes` has an effect; the others are accepted, kept and shown, so that scripts
 * written for Kafka run, as long as keeping everything forever (within the disk quota) does not contradict them.
 */

export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588

interface ConfigRule {
  readonly defaultValue: string
  readonly problem: (value: string) => string | undefined
}

const only =
  (wanted: string): ConfigRule['problem'] =>
  value =>
    value === wanted ? undefined : `the embedded broker supports only "${wanted}"`

const integer =
  (min: number): ConfigRule['problem'] =>
  value =>
    /^-?\d+$/.test(value) && Number(value) >= min ? undefined : `"${value}" is not a whole number from ${min} up`

const RULES: ReadonlyMap<string, ConfigRule> = new Map([
  ['max.message.bytes', {defaultValue: String(DEFAULT_MAX_MESSAGE_BYTES), problem: integer(0)}],
  ['cleanup.policy', {defaultValue: 'delete', problem: only('delete')}],
  ['compression.type', {defaultValue: 'producer', problem: only('producer')}],
  ['message.timestamp.type', {defaultValue: 'CreateTime', problem: only('CreateTime')}],
  ['min.insync.replicas', {defaultValue: '1', problem: integer(1)}],
  ['retention.ms', {defaultValue: '-1', problem: integer(-1)}],
  ['retention.bytes', {defaultValue: '-1', problem: integer(-1)}],
  ['segment.bytes', {defaultValue: String(64 * 1024 * 1024), problem: integer(14)}],
  ['segment.ms', {defaultValue: '604800000', problem: integer(1)}],
])

/** Why a configuration is refused, or undefined. */
export function configProblem(name: string, value: string | null): string | undefined {
  const rule = RULES.get(name)
  if (rule === undefined) return `"${name}" is not a topic setting of the embedded broker`
  return value === null ? undefined : rule.problem(value)
}

export interface ConfigValue {
  readonly name: string
  readonly value: string
  readonly isDefault: boolean
}

/** All settings of a topic, the given ones and the defaults. */
export function effectiveConfigs(configs: ReadonlyMap<string, string>): ConfigValue[] {
  return [...RULES].map(([name, rule]) => {
    const given = configs.get(name)
    return {name, value: given ?? rule.defaultValue, isDefault: given === undefined}
  })
}

export function topicMaxMessageBytes(configs: ReadonlyMap<string, string>, defaultBytes: number): number {
  const given = configs.get('max.message.bytes')
  return given === undefined ? defaultBytes : Number(given)
}
