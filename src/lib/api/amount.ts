/** Decimal amounts to minor units, exactly: from the text as the client wrote it, never by way of a double. */

export type MinorResult =
  | {readonly ok: true; readonly amountMinor: number}
  | {readonly ok: false; readonly problem: string}

const DECIMAL = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/
/** What needs no care: so many digits are always a safe integer. */
const PLAIN = /^[1-9][0-9]{0,14}$/
/** More digits than any safe integer has. */
const MAX_DIGITS = 20

/**
 * `'12.50', 2` → 1250; `'1.25e1', 2` → 1250.
 *
 * @param text a decimal number, with or without an exponent
 * @param scale decimals of the minor unit
 */
export function minorOf(text: string, scale: number): MinorResult {
  if (scale === 0 && PLAIN.test(text)) return {ok: true, amountMinor: Number(text)}
  const match = DECIMAL.exec(text)
  if (match === null) return wrong('must be a decimal number such as 12.50')
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '' || sign === '-') return wrong('must be more than zero')
  /** Of ten, to be multiplied with what is significant. */
  const power = Number(exponent) - fraction.length + (digits.length - significant.length) + scale
  if (power < 0) {
    return wrong(scale === 0 ? 'must be whole: the currency has no decimals' : `has more than ${scale} decimals`)
  }
  if (significant.length + power <= MAX_DIGITS) {
    const minor = BigInt(significant) * 10n ** BigInt(power)
    if (minor <= BigInt(Number.MAX_SAFE_INTEGER)) return {ok: true, amountMinor: Number(minor)}
  }
  return wrong(`must not be more than ${Number.MAX_SAFE_INTEGER} minor units`)
}

function wrong(problem: string): MinorResult {
  return {ok: false, problem}
}
