/**
 * Money is an integer in minor units. Scales are ISO 4217's (the currencies with other than two decimals are listed).
 * Totals are bigint; formatting belongs to reports.
 */
const SCALES: Readonly<Record<string, number>> = {
  BHD: 3,
  BIF: 0,
  CLF: 4,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  IQD: 3,
  ISK: 0,
  JOD: 3,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  PYG: 0,
  RWF: 0,
  TND: 3,
  UGX: 0,
  UYI: 0,
  UYW: 4,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
}

/** Decimal places of the minor unit. */
export function scaleOf(currency: string): number {
  return SCALES[currency] ?? 2
}

/** `12345, 'EUR'` → `123.45`; exact for any bigint. */
export function formatMinor(amountMinor: number | bigint, currency: string): string {
  const scale = scaleOf(currency)
  const digits = (amountMinor < 0 ? -BigInt(amountMinor) : BigInt(amountMinor)).toString().padStart(scale + 1, '0')
  const sign = amountMinor < 0 ? '-' : ''
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
