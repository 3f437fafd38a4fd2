/** What an answer must be, in a user's words: sets of HTTP statuses, and paths into a JSON answer. */

/** Inclusive ranges. */
export type StatusSet = readonly {readonly from: number; readonly to: number}[]

/**
 * `2xx`, `200,202`, `200-299`, mixed with commas.
 *
 * @returns what is wrong with it, as a text, or the set
 */
export function parseStatuses(text: string): StatusSet | string {
  const ranges = text.split(',').map(part => rangeOf(part.trim()))
  return ranges.some(range => range === undefined)
    ? `"${text}" is no set of statuses: write such as 2xx, 200,202 or 200-299`
    : ranges.filter(range => range !== undefined)
}

export function includesStatus(set: StatusSet, status: number): boolean {
  return set.some(({from, to}) => status >= from && status <= to)
}

function rangeOf(part: string): StatusSet[number] | undefined {
  if (/^[1-5]xx$/i.test(part)) return {from: Number(part[0]) * 100, to: Number(part[0]) * 100 + 99}
  const [, first, last] = /^([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?$/.exec(part) ?? []
  if (first === undefined) return undefined
  const range = {from: Number(first), to: Number(last ?? first)}
  return range.from <= range.to ? range : undefined
}

/** Names and indexes from the outside in. */
export type FieldPath = readonly (string | number)[]

/**
 * `payment_id`, `data.id`, `items[0].id`, with or without a leading `$.`.
 *
 * @returns what is wrong with it, as a text, or the path
 */
export function parseFieldPath(text: string): FieldPath | string {
  const steps: (string | number)[] = []
  let rest = text.startsWith('$.') ? text.slice(2) : text
  for (let first = true; rest !== ''; first = false) {
    const [whole, index, name] = /^(?:\[(\d{1,9})\]|(?:\.)?([^.[\]\s]+))/.exec(rest) ?? []
    const isJoined = rest.startsWith('.') === (!first && index === undefined)
    if (whole === undefined || !isJoined) break
    steps.push(index === undefined ? (name ?? '') : Number(index))
    rest = rest.slice(whole.length)
  }
  return rest === '' && steps.length > 0
    ? steps
    : `"${text}" is no path: write such as payment_id, data.id or items[0].id`
}

/** The value at the path; undefined when there is none. */
export function valueAt(value: unknown, path: FieldPath): unknown {
  let current = value
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined
    current = Reflect.get(current, step)
  }
  return current
}
