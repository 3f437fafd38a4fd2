/**
 * Where the population lives, shops and travels: countries with their currencies and a few cities each.
 * Coordinates are city centres in 1e-5 degrees; shares and exchange rates are rounded facts, fixed with the version.
 */

/** A country with its currency. */
export interface Market {
  readonly code: string
  readonly currency: string
}

export interface City {
  readonly latitudeE5: number
  readonly longitudeE5: number
}

export interface Country extends Market {
  /** Share of accounts that live here, relative; 0 = only visited. */
  readonly weight: number
  readonly cities: readonly City[]
}

export const COUNTRIES: readonly Country[] = [
  country('DE', 'EUR', 24, [52.52, 13.405], [53.5511, 9.9937], [48.1351, 11.582], [50.9375, 6.9603]),
  country('FR', 'EUR', 16, [48.8566, 2.3522], [45.764, 4.8357], [43.2965, 5.3698]),
  country('GB', 'GBP', 12, [51.5074, -0.1278], [53.4808, -2.2426], [52.4862, -1.8904]),
  country('ES', 'EUR', 9, [40.4168, -3.7038], [41.3874, 2.1686]),
  country('IT', 'EUR', 9, [41.9028, 12.4964], [45.4642, 9.19]),
  country('NL', 'EUR', 8, [52.3676, 4.9041], [51.9244, 4.4777]),
  country('US', 'USD', 6, [40.7128, -74.006], [41.8781, -87.6298]),
  country('AT', 'EUR', 4, [48.2082, 16.3738]),
  country('BE', 'EUR', 4, [50.8503, 4.3517]),
  country('PL', 'PLN', 3, [52.2297, 21.0122], [50.0647, 19.945]),
  country('SE', 'SEK', 2, [59.3293, 18.0686]),
  country('CH', 'CHF', 2, [47.3769, 8.5417]),
  country('JP', 'JPY', 1, [35.6762, 139.6503], [34.6937, 135.5023]),
  country('TR', 'TRY', 0, [41.0082, 28.9784]),
  country('AE', 'AED', 0, [25.2048, 55.2708]),
  country('TH', 'THB', 0, [13.7563, 100.5018]),
  country('MA', 'MAD', 0, [31.6295, -7.9811]),
  country('EG', 'EGP', 0, [30.0444, 31.2357]),
  country('NG', 'NGN', 0, [6.5244, 3.3792]),
  country('VN', 'VND', 0, [21.0278, 105.8342]),
  country('PA', 'PAB', 0, [8.9824, -79.5199]),
  country('MM', 'MMK', 0, [16.8409, 96.1735]),
]

/** Countries that have inhabitants come first; the rest are only visited. */
export const HOME_COUNTRY_COUNT = COUNTRIES.filter(place => place.weight > 0).length

/** Units of the currency for one euro, to put amounts in proportion; unknown currencies count as 1. */
const UNITS_PER_EURO: Readonly<Record<string, number>> = {
  AED: 4,
  AUD: 1.7,
  BRL: 6,
  CAD: 1.5,
  CHF: 0.96,
  CNY: 7.8,
  CZK: 25,
  DKK: 7.5,
  EGP: 54,
  EUR: 1,
  GBP: 0.86,
  HUF: 400,
  IDR: 17_500,
  INR: 91,
  JPY: 160,
  KES: 140,
  KRW: 1480,
  KWD: 0.33,
  MAD: 10.8,
  MMK: 2300,
  MXN: 20,
  NGN: 1650,
  NOK: 11.6,
  PAB: 1.08,
  PHP: 62,
  PLN: 4.3,
  SEK: 11.2,
  SGD: 1.45,
  THB: 39,
  TRY: 35,
  USD: 1.08,
  VND: 27_000,
  ZAR: 20,
}

export function unitsPerEuro(currency: string): number {
  return UNITS_PER_EURO[currency] ?? 1
}

function country(code: string, currency: string, weight: number, ...cities: [number, number][]): Country {
  return {
    code,
    currency,
    weight,
    cities: cities.map(([latitude, longitude]) => ({
      latitudeE5: Math.round(latitude * 100_000),
      longitudeE5: Math.round(longitude * 100_000),
    })),
  }
}
