/**
 * Elementary functions made of basic arithmetic alone. ECMAScript leaves Math.exp, log, pow, sin and cos to the engine,
 * so their last bit differs between Node versions; bytes that must be equal everywhere are computed with these.
 * Accurate to about 1e-14 relative (the quantile to 1e-9), far beyond what a simulation needs.
 */
const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10
const EXP_TERMS = 14

/** e^x for |x| ≤ 700. */
export function exp(x: number): number {
  const power = Math.floor(x / (LN2_HIGH + LN2_LOW) + 0.5)
  const rest = x - power * LN2_HIGH - power * LN2_LOW
  let sum = 1
  for (let term = EXP_TERMS; term >= 1; term--) sum = 1 + (sum * rest) / term
  return sum * powerOfTwo(power)
}

/** Natural logarithm of x > 0. */
export function ln(x: number): number {
  let mantissa = x
  let power = 0
  while (mantissa > Math.SQRT2) {
    mantissa /= 2
    power++
  }
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2
    power--
  }
  // ln m = 2 artanh((m − 1) / (m + 1)), |argument| < 0.172: twelve odd terms are enough.
  const ratio = (mantissa - 1) / (mantissa + 1)
  const square = ratio * ratio
  let sum = 0
  for (let odd = 25; odd >= 1; odd -= 2) sum = sum * square + 1 / odd
  return 2 * ratio * sum + power * LN2_LOW + power * LN2_HIGH
}

/**
 * Quantile of the standard normal distribution: P. J. Acklam's rational approximation, relative error below 1.2e-9.
 *
 * @param p in (0, 1)
 */
export function normalQuantile(p: number): number {
  if (p < 0.02425) return tailQuantile(p)
  if (p > 1 - 0.02425) return -tailQuantile(1 - p)
  const q = p - 0.5
  const r = q * q
  return (
    ((((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
      r +
      2.506628277459239) *
      q) /
    (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
      r +
      1)
  )
}

function tailQuantile(p: number): number {
  const q = Math.sqrt(-2 * ln(p))
  return (
    (((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q +
      4.374664141464968) *
      q +
      2.938163982698783) /
    ((((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1)
  )
}

function powerOfTwo(power: number): number {
  let factor = power < 0 ? 0.5 : 2
  let result = 1
  for (let rest = power < 0 ? -power : power; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= factor
    factor *= factor
  }
  return result
}
