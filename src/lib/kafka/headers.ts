import type {IHeaders} from 'kafkajs'
import type {Headers} from '../payment/record.js'

/** kafkajs's headers as ours: of a repeated header the last value counts, as in Java's `lastHeader`. */
export function toHeaders(headers: IHeaders | undefined): Headers {
  if (headers === undefined) return {}
  const result: Record<string, Buffer | string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const last = Array.isArray(value) ? value.at(-1) : value
    if (last !== undefined && last !== null) result[name] = last
  }
  return result
}
