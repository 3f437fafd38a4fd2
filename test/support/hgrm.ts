/** Reads HdrHistogram's percentile distribution, as its plotter does; throws on a line of another form. */

export interface HgrmRow {
  readonly valueMs: number
  /** In [0, 1]. */
  readonly percentile: number
  /** Samples at or below the value. */
  readonly count: number
  /** 1 ÷ (1 − percentile); Infinity in the last line, which has none. */
  readonly inverse: number
}

export interface Hgrm {
  readonly rows: readonly HgrmRow[]
  /** Of the comments at the end; NaN for `n/a`. */
  readonly meanMs: number
  readonly maxMs: number
  readonly totalCount: number
  readonly title: string
}

export function parseHgrm(text: string): Hgrm {
  const [head, empty, ...lines] = text.split('\n')
  if (head?.trim().split(/\s+/).join(' ') !== 'Value Percentile TotalCount 1/(1-Percentile)' || empty !== '') {
    throw new Error(`not the head of a distribution: ${head}`)
  }
  if (lines.pop() !== '') throw new Error('the last line has no end')
  const comments = lines.filter(line => line.startsWith('#'))
  const field = (pattern: RegExp): string => {
    const found = comments.map(line => pattern.exec(line)?.[1]).find(value => value !== undefined)
    if (found === undefined) throw new Error(`no comment has ${pattern}`)
    return found
  }
  return {
    rows: lines.filter(line => !line.startsWith('#')).map(rowOf),
    meanMs: Number(field(/^#\[Mean\s+=\s*(\S+),/)),
    maxMs: Number(field(/^#\[Max\s+=\s*(\S+),/)),
    totalCount: Number(field(/Total count\s+=\s*(\d+)\]$/)),
    title: field(/^#\[Latency = (.*)\]$/),
  }
}

function rowOf(line: string): HgrmRow {
  const match = /^ *(\d+\.\d{3}) +(\d\.\d{12}) +(\d+)(?: +(\d+\.\d{2}))?$/.exec(line)
  if (match === null) throw new Error(`not a row of a distribution: "${line}"`)
  const [, value, percentile, count, inverse] = match
  return {
    valueMs: Number(value),
    percentile: Number(percentile),
    count: Number(count),
    inverse: inverse === undefined ? Number.POSITIVE_INFINITY : Number(inverse),
  }
}
