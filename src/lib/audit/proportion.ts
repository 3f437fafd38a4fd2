/** A share with what it rests on. */
export interface Proportion {
  readonly count: number
  readonly total: number
  readonly share: number | null
  /** 95 % Wilson interval; null when total is 0. */
  readonly low: number | null
  readonly high: number | null
}

/** Two-sided 95 % quantile of the normal distribution. */
const Z = 1.959963984540054

/**
 * Share with its 95 % score interval (E. B. Wilson, Probable Inference, J. Am. Stat. Assoc. 22, 1927; without
 * continuity correction). It holds for few and for extreme counts, where the textbook interval leaves [0, 1]; it
 * does not cover that payments of one campaign stand or fall together, so true uncertainty is larger.
 */
export function proportion(count: number, total: number): Proportion {
  if (total === 0) return {count, total, share: null, low: null, high: null}
  const share = count / total
  const squared = Z * Z
  const centre = share + squared / (2 * total)
  const spread = Z * Math.sqrt((share * (1 - share)) / total + squared / (4 * total * total))
  const scale = 1 + squared / total
  // At the ends the formula gives them exactly, but for the last bits.
  const low = count === 0 ? 0 : Math.max(0, (centre - spread) / scale)
  const high = count === total ? 1 : Math.min(1, (centre + spread) / scale)
  return {count, total, share, low, high}
}
