/**
 * `{{name}}` and `{{name|filter|filter:argument}}`: what a template may say of a payment. Names are the wire's own,
 * and some that many services want instead. Every name has two forms: as JSON, with its type, and as plain text.
 */
import {nearest} from '../base/nearest.js'
import {formatMinor} from './money.js'

/** The payment that a template is filled with. */
export interface TemplateSubject {
  /** Number within the run. */
  readonly sequence: number
  /** Wire format v1, whole. */
  readonly text: string
  /** The same parsed: names as on the wire. */
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Placeholder {
  readonly name: string
  /** Instead of a field that the payment does not have. */
  readonly fallback: string | boolean | null | undefined
  /** As a JSON string, whatever the type. */
  readonly isString: boolean
  /** A member whose field is absent is left out. */
  readonly isOmitted: boolean
}

export const WIRE_FIELDS = [
  ...['schema_version', 'payment_id', 'created_at', 'payment_type', 'debtor_id', 'creditor_id', 'creditor_type'],
  ...['amount_minor', 'currency', 'method', 'card_token', 'card_last_four', 'channel', 'country', 'creditor_country'],
  ...['ip_address', 'device_id', 'latitude', 'longitude', 'merchant_category', 'reference', 'original_payment_id'],
  ...['status', 'sim_changed_at'],
] as const

/** Beside the fields: decimal amount in major units, times as numbers, number within the run, the whole payment. */
const DERIVED = ['amount', 'created_at_ms', 'created_at_s', 'sequence', 'payment'] as const

export const PLACEHOLDER_NAMES: readonly string[] = [...WIRE_FIELDS, ...DERIVED]
const FILTERS = ['default', 'string', 'omit'] as const

/** A payment with every field, to try a template on. */
export const SAMPLE_SUBJECT: TemplateSubject = sampleSubject()

/** A `{{…}}` in a text, without nesting. */
export const PLACEHOLDER = /\{\{([^{}]*)\}\}/g

/** @param inner what stands between the braces @returns what is wrong with it, as a text, or the placeholder */
export function parsePlaceholder(inner: string): Placeholder | string {
  const [name = '', ...filters] = inner.split('|').map(part => part.trim())
  if (!PLACEHOLDER_NAMES.includes(name)) {
    const meant = nearest(name, PLACEHOLDER_NAMES)
    const hint = meant === undefined ? `placeholders are ${PLACEHOLDER_NAMES.join(', ')}` : `did you mean {{${meant}}}?`
    return `unknown placeholder {{${name}}}; ${hint}`
  }
  let placeholder: Placeholder = {name, fallback: undefined, isString: false, isOmitted: false}
  for (const filter of filters) {
    const colon = filter.indexOf(':')
    const verb = colon < 0 ? filter : filter.slice(0, colon).trimEnd()
    if (verb === 'default' && colon >= 0) placeholder = {...placeholder, fallback: literalOf(filter.slice(colon + 1))}
    else if (verb === 'default') return `{{${name}|default}} has no value: write {{${name}|default:…}}`
    else if (verb === 'string' && colon < 0) placeholder = {...placeholder, isString: true}
    else if (verb === 'omit' && colon < 0) placeholder = {...placeholder, isOmitted: true}
    else {
      const meant = nearest(verb, FILTERS)
      const hint = meant === undefined ? `filters are ${FILTERS.join(', ')}` : `did you mean ${meant}?`
      return `{{${name}}}: unknown filter "${filter}"; ${hint}`
    }
  }
  return placeholder
}

/** The value as JSON text; undefined when the payment has no such field and no default stands in. */
export function jsonOf(placeholder: Placeholder, subject: TemplateSubject): string | undefined {
  if (placeholder.isString) {
    const text = textOf(placeholder, subject)
    return text === undefined ? undefined : JSON.stringify(text)
  }
  const derived = derivedOf(placeholder.name, subject)
  if (derived !== undefined) return derived
  const value = subject.fields[placeholder.name]
  if (value !== undefined) return JSON.stringify(value)
  return placeholder.fallback === undefined ? undefined : JSON.stringify(placeholder.fallback)
}

/** The value as plain text; undefined as above. */
export function textOf(placeholder: Placeholder, subject: TemplateSubject): string | undefined {
  const derived = derivedOf(placeholder.name, subject)
  if (derived !== undefined) return derived
  const value = subject.fields[placeholder.name] ?? placeholder.fallback
  return value === undefined ? undefined : String(value)
}

/** These are numbers or JSON: one text serves both forms. */
function derivedOf(name: string, {sequence, text, fields}: TemplateSubject): string | undefined {
  switch (name) {
    case 'amount':
      return formatMinor(Number(fields['amount_minor']), String(fields['currency']))
    case 'created_at_ms':
      return String(createdAtMs(fields))
    case 'created_at_s':
      return String(Math.floor(createdAtMs(fields) / 1000))
    case 'sequence':
      return String(sequence)
    case 'payment':
      return text
    default:
      return undefined
  }
}

function createdAtMs(fields: TemplateSubject['fields']): number {
  return Date.parse(String(fields['created_at']))
}

/** `null`, `true` and `false` are themselves; all else is text, as every optional field is. */
function literalOf(text: string): string | boolean | null {
  const trimmed = text.trim()
  if (trimmed === 'null') return null
  return trimmed === 'true' || trimmed === 'false' ? trimmed === 'true' : trimmed
}

function sampleSubject(): TemplateSubject {
  const id = '00000000-0000-8000-8000-000000000000'
  const time = '2026-01-01T00:00:00.000Z'
  const fields = {
    ...{schema_version: 1, payment_id: id, created_at: time, payment_type: 'refund', debtor_id: 'a', creditor_id: 'b'},
    ...{creditor_type: 'merchant', amount_minor: 1250, currency: 'EUR', method: 'card', card_token: 'c'},
    ...{card_last_four: '0000', channel: 'app', country: 'DE', creditor_country: 'DE', ip_address: '10.0.0.1'},
    ...{device_id: 'd', latitude: 52.5, longitude: 13.4, merchant_category: '5411', reference: 'r'},
    ...{original_payment_id: id, status: 'accepted', sim_changed_at: time},
  }
  return {sequence: 0, text: JSON.stringify(fields), fields}
}
