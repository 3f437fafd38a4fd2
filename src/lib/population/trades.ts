/** What merchants sell: ISO 18245 categories with their trade and typical basket. */

export const TRADES = ['retail', 'small', 'biller', 'cash'] as const
export type Trade = (typeof TRADES)[number]
export const TRADE = {retail: 0, small: 1, biller: 2, cash: 3} as const

export interface Category {
  /** ISO 18245 merchant category code. */
  readonly code: string
  readonly trade: Trade
  /** Median basket in euro. */
  readonly medianEuro: number
}

/** Made merchants take their category from this list in turn, so that even a few of them cover the trades. */
export const CATEGORIES: readonly Category[] = [
  {code: '5411', trade: 'retail', medianEuro: 26},
  {code: '4900', trade: 'biller', medianEuro: 85},
  {code: '5814', trade: 'small', medianEuro: 4},
  {code: '6011', trade: 'cash', medianEuro: 60},
  {code: '5812', trade: 'retail', medianEuro: 24},
  {code: '4814', trade: 'biller', medianEuro: 30},
  {code: '7523', trade: 'small', medianEuro: 3},
  {code: '5732', trade: 'retail', medianEuro: 90},
  {code: '5541', trade: 'retail', medianEuro: 45},
  {code: '6513', trade: 'biller', medianEuro: 640},
  {code: '5816', trade: 'small', medianEuro: 5},
  {code: '5691', trade: 'retail', medianEuro: 42},
  {code: '4121', trade: 'small', medianEuro: 12},
  {code: '6300', trade: 'biller', medianEuro: 55},
  {code: '5912', trade: 'retail', medianEuro: 15},
  {code: '7011', trade: 'retail', medianEuro: 130},
]

const DEFAULT_MEDIAN_EURO = 30

/** The category of a code; codes that the list does not have are retail with a middling basket. */
export function categoryOf(code: string): Category {
  return CATEGORIES.find(item => item.code === code) ?? {code, trade: 'retail', medianEuro: DEFAULT_MEDIAN_EURO}
}
