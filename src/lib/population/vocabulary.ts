/**
 * The words of payment references. Faker is used here and nowhere else, with a seed of its own and a bounded number of
 * calls: references are the same in every run, so they tell nothing about a seed, and cost nothing per payment.
 */
import {faker} from '@faker-js/faker/locale/en'

/** Lists of reference texts by purpose; a payment refers to a text by its index in `texts`. */
export interface Vocabulary {
  readonly texts: readonly string[]
  /** Purpose p uses texts[starts[p], starts[p + 1]). */
  readonly starts: readonly number[]
}

export const REFERENCE_TOPICS = ['everyday', 'home', 'goods', 'business', 'contract', 'refund'] as const
export const TOPIC = {everyday: 0, home: 1, goods: 2, business: 3, contract: 4, refund: 5} as const

const FAKER_SEED = 20_260_105
const TEXTS_PER_TOPIC = 96
const MAX_TEXT_CHARS = 28

export function buildVocabulary(): Vocabulary {
  faker.seed(FAKER_SEED)
  const makers: Record<(typeof REFERENCE_TOPICS)[number], () => string> = {
    everyday: () =>
      faker.helpers.arrayElement([
        () => `Thanks ${faker.person.firstName()}`,
        () => `${faker.food.dish().split(' ').slice(0, 2).join(' ')}`,
        () => `For ${faker.person.firstName()}`,
        () => faker.helpers.arrayElement(['Dinner', 'Lunch', 'Cinema tickets', 'Birthday gift', 'Taxi', 'Groceries']),
      ])(),
    home: () =>
      `${faker.helpers.arrayElement(['Rent', 'Rent share', 'Household', 'Power share', 'Internet share'])} ${faker.date.month()}`,
    goods: () => faker.commerce.productName(),
    business: () => `Invoice ${faker.string.numeric(5)}`,
    contract: () => `Contract ${faker.string.alphanumeric({length: 8, casing: 'upper'})}`,
    refund: () => `Refund ${faker.string.numeric(6)}`,
  }
  const texts: string[] = []
  const starts = [0]
  for (const topic of REFERENCE_TOPICS) {
    for (let index = 0; index < TEXTS_PER_TOPIC; index++) {
      texts.push(
        makers[topic]()
          .replaceAll(/[^ -~]/g, '')
          .slice(0, MAX_TEXT_CHARS)
          .trim(),
      )
    }
    starts.push(texts.length)
  }
  return {texts, starts}
}
