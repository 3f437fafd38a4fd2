/** JSON with sorted keys and without spaces: equal values have equal texts. Infinity, which JSON lacks, is a word. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => sortKeys(nameUnbounded(inner)))
}

/** How an unbounded number is written in JSON. */
export const UNBOUNDED = 'Infinity'

export function nameUnbounded(value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? UNBOUNDED : value
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}
