/**
 * Writes drafts as wire format v1 into a slab of bytes. All texts that a run repeats are rendered once, as JSON, and
 * copied; only numbers are formatted per payment. `encodePayment` is the readable reference of the same bytes.
 */
import {assert, present} from '../base/assert.js'
import {CHANNELS, PAYMENT_METHODS, PAYMENT_SCHEMA_VERSION, PAYMENT_TYPES} from '../payment/payment.js'
import type {AccountIds, Population} from '../population/population.js'
import {ascii, IsoTimes, putBytes, putDigits, putE5, putHex8, putHex12, putInteger, putIp} from './bytes.js'
import {
  hasCard,
  hasMerchantCreditor,
  hasOriginalPayment,
  hasReference,
  hasSimChange,
  hasStatus,
  type PaymentDraft,
} from './draft.js'
import {cardPrefix, devicePrefix, lastFourOf} from './identity.js'
import type {KeyField} from './stream.js'

/** Everything but ids and references, generously. */
const MAX_FIXED_BYTES = 800

export class PaymentWriter {
  /** No payment is longer than this. */
  readonly maxBytes: number
  /** Where the record key of the last written payment starts, and its length. */
  keyStart = 0
  keyLength = 0

  readonly #population: Population
  readonly #key: KeyField
  readonly #times = new IsoTimes()
  readonly #simTimes = new IsoTimes()
  /** Up to the payment type; id and time are patched. */
  readonly #head: Uint8Array
  readonly #sequenceAt: number
  readonly #timeAt: number
  /** By type, with made ids: from the type to the amount; the numbers of debtor and creditor are patched. */
  readonly #parties: readonly Parties[]
  readonly #idDigits: number
  /** With given ids. */
  readonly #givenIds: {readonly bytes: Uint8Array; readonly offsets: Uint32Array} | undefined
  readonly #types: readonly Uint8Array[]
  readonly #creditorIds = ascii('","creditor_id":"')
  readonly #creditorTypes: readonly Uint8Array[]
  /** By (market × methods + method) × channels + channel: from the currency to the address. */
  readonly #means: readonly Means[]
  /** Two letters by market. */
  readonly #countries: Uint8Array
  readonly #device: Uint8Array
  readonly #deviceAt: number
  readonly #longitudes = ascii(',"longitude":')
  readonly #categories: readonly Uint8Array[]
  readonly #references: readonly Uint8Array[]
  readonly #originalPayments: Uint8Array
  readonly #accepted = ascii(',"status":"accepted"')
  readonly #declined = ascii(',"status":"declined"')
  readonly #simChanges = ascii(',"sim_changed_at":"0000-00-00T00:00:00.000Z"')

  constructor(population: Population, key: KeyField) {
    const {runTag, ids, markets, vocabulary} = population
    const idHead = `${runTag.slice(0, 8)}-${runTag.slice(8)}-8000-8000-`
    const beforeSequence = `{"schema_version":${PAYMENT_SCHEMA_VERSION},"payment_id":"${idHead}`
    const beforeTime = `${beforeSequence}000000000000","created_at":"`
    this.#population = population
    this.#key = key
    this.#sequenceAt = beforeSequence.length
    this.#timeAt = beforeTime.length
    this.#head = ascii(`${beforeTime}0000-00-00T00:00:00.000Z","payment_type":"`)
    this.#parties = PAYMENT_TYPES.map((_, type) => partiesOf(type, ids))
    this.#idDigits = ids.digits
    this.#givenIds = ids.fixed
    this.#types = PAYMENT_TYPES.map(type => ascii(`${type}","debtor_id":"`))
    this.#creditorTypes = PAYMENT_TYPES.map((_, type) => ascii(creditorTypeText(type)))
    this.#means = markets.flatMap(market =>
      PAYMENT_METHODS.flatMap((_, method) =>
        CHANNELS.map((_, channel) => meansOf(market.currency, method, channel, runTag)),
      ),
    )
    this.#countries = ascii(markets.map(market => market.code).join(''))
    const beforeDevice = `","device_id":"${devicePrefix(runTag)}`
    this.#deviceAt = beforeDevice.length
    this.#device = ascii(`${beforeDevice}00000000","latitude":`)
    this.#categories = population.categories.map(category => ascii(`,"merchant_category":"${category.code}"`))
    this.#references = vocabulary.texts.map(text => ascii(`,"reference":${JSON.stringify(text)}`))
    this.#originalPayments = ascii(`,"original_payment_id":"${idHead}000000000000"`)
    this.maxBytes = MAX_FIXED_BYTES + 2 * ids.maxBytes
    assert(
      markets.every(market => /^[A-Z]{2}$/.test(market.code)),
      'country codes have two letters',
    )
    assert(
      this.#references.every(text => text.length < 200),
      'references are short',
    )
  }

  /**
   * Writes the payment; there must be `maxBytes` of room.
   *
   * @param createdAtMs whole ms since the epoch
   * @returns the position behind it
   */
  write(target: Uint8Array, start: number, draft: PaymentDraft, sequence: number, createdAtMs: number): number {
    const {type, method} = draft
    // The head keeps what it last held, so that only what changed is formatted.
    putHex12(this.#head, this.#sequenceAt, sequence)
    this.#times.put(this.#head, this.#timeAt, createdAtMs)
    target.set(this.#head, start)
    let at = start + this.#head.length
    at =
      this.#givenIds === undefined
        ? this.#putParties(target, start, at, draft)
        : this.#putGiven(target, start, at, draft)
    at = putInteger(target, at, draft.amountMinor)
    at = this.#putMeans(target, at, draft)
    at = putIp(target, at, draft.ip)
    target.set(this.#device, at)
    putHex8(target, at + this.#deviceAt, draft.device)
    at = putE5(target, at + this.#device.length, draft.latitudeE5)
    at = putBytes(target, at, this.#longitudes)
    at = putE5(target, at, draft.longitudeE5)
    if (hasMerchantCreditor(type)) {
      at = putBytes(target, at, this.#categories[this.#population.category[draft.creditor]])
    }
    if (hasReference(type)) at = putBytes(target, at, this.#references[draft.reference])
    if (hasOriginalPayment(type)) {
      at = putBytes(target, at, this.#originalPayments)
      putHex12(target, at - 1 - SEQUENCE_BYTES, draft.originalSequence)
    }
    if (hasStatus(method)) at = putBytes(target, at, draft.declined ? this.#declined : this.#accepted)
    if (hasSimChange(method)) {
      at = putBytes(target, at, this.#simChanges)
      this.#simTimes.put(target, at - 1 - TIME_BYTES, draft.simChangedAtMs)
    }
    target[at++] = CLOSING_BRACE
    return at
  }

  #putParties(target: Uint8Array, start: number, position: number, draft: PaymentDraft): number {
    const {template, debtorAt, creditorAt, idBytes} = this.#parties[draft.type]
    const digits = this.#idDigits
    target.set(template, position)
    putDigits(target, position + debtorAt + idBytes - digits, draft.debtor, digits)
    putDigits(target, position + creditorAt + idBytes - digits, draft.creditor, digits)
    this.#placeKey(start, position + debtorAt, idBytes, position + creditorAt, idBytes)
    return position + template.length
  }

  #putGiven(target: Uint8Array, start: number, position: number, draft: PaymentDraft): number {
    const debtorAt = putBytes(target, position, this.#types[draft.type])
    const debtorEnd = this.#putGivenId(target, debtorAt, draft.debtor)
    const creditorAt = putBytes(target, debtorEnd, this.#creditorIds)
    const creditorEnd = this.#putGivenId(target, creditorAt, draft.creditor)
    this.#placeKey(start, debtorAt, debtorEnd - debtorAt, creditorAt, creditorEnd - creditorAt)
    return putBytes(target, creditorEnd, this.#creditorTypes[draft.type])
  }

  #putGivenId(target: Uint8Array, position: number, account: number): number {
    const {bytes, offsets} = present(this.#givenIds, 'given account ids')
    const end = offsets[account + 1]
    let at = position
    for (let index = offsets[account]; index < end; index++) target[at++] = bytes[index]
    return at
  }

  #putMeans(target: Uint8Array, position: number, draft: PaymentDraft): number {
    const {method, currencyMarket, market} = draft
    const means = this.#means[(currencyMarket * PAYMENT_METHODS.length + method) * CHANNELS.length + draft.channel]
    const {template} = means
    target.set(template, position)
    if (hasCard(method)) {
      putHex8(target, position + means.tokenAt, draft.card)
      putDigits(target, position + means.lastFourAt, lastFourOf(draft.card), 4)
    }
    const countries = this.#countries
    const creditorMarket = this.#population.market[draft.creditor]
    target[position + means.countryAt] = countries[2 * market]
    target[position + means.countryAt + 1] = countries[2 * market + 1]
    target[position + means.creditorCountryAt] = countries[2 * creditorMarket]
    target[position + means.creditorCountryAt + 1] = countries[2 * creditorMarket + 1]
    return position + template.length
  }

  #placeKey(start: number, debtorAt: number, debtorBytes: number, creditorAt: number, creditorBytes: number): void {
    switch (this.#key) {
      case 'debtor_id':
        this.keyStart = debtorAt
        this.keyLength = debtorBytes
        return
      case 'creditor_id':
        this.keyStart = creditorAt
        this.keyLength = creditorBytes
        return
      case 'payment_id':
        this.keyStart = start + this.#sequenceAt - PAYMENT_ID_BYTES + SEQUENCE_BYTES
        this.keyLength = PAYMENT_ID_BYTES
        return
      case 'none':
        this.keyStart = start
        this.keyLength = 0
    }
  }
}

/** Text from the type to the amount, with the places of the two ids. */
interface Parties {
  readonly template: Uint8Array
  readonly debtorAt: number
  readonly creditorAt: number
  readonly idBytes: number
}

function partiesOf(type: number, ids: AccountIds): Parties {
  const id = ids.prefix + '0'.repeat(ids.digits)
  const beforeDebtor = `${PAYMENT_TYPES[type]}","debtor_id":"`
  const beforeCreditor = `${beforeDebtor}${id}","creditor_id":"`
  return {
    template: ascii(`${beforeCreditor}${id}${creditorTypeText(type)}`),
    debtorAt: beforeDebtor.length,
    creditorAt: beforeCreditor.length,
    idBytes: id.length,
  }
}

function creditorTypeText(type: number): string {
  return `","creditor_type":"${hasMerchantCreditor(type) ? 'merchant' : 'person'}","amount_minor":`
}

/** Text from the currency to the address, with the places of what is patched. */
interface Means {
  readonly template: Uint8Array
  readonly tokenAt: number
  readonly lastFourAt: number
  readonly countryAt: number
  readonly creditorCountryAt: number
}

function meansOf(currency: string, method: number, channel: number, runTag: string): Means {
  const beforeCard = `,"currency":"${currency}","method":"${PAYMENT_METHODS[method]}"`
  const beforeToken = `,"card_token":"${cardPrefix(runTag)}`
  const beforeLastFour = `${beforeToken}00000000","card_last_four":"`
  const card = hasCard(method) ? `${beforeLastFour}0000"` : ''
  const beforeCountry = `${beforeCard}${card},"channel":"${CHANNELS[channel]}","country":"`
  const beforeCreditorCountry = `${beforeCountry}XX","creditor_country":"`
  return {
    template: ascii(`${beforeCreditorCountry}XX","ip_address":"`),
    tokenAt: beforeCard.length + beforeToken.length,
    lastFourAt: beforeCard.length + beforeLastFour.length,
    countryAt: beforeCountry.length,
    creditorCountryAt: beforeCreditorCountry.length,
  }
}

const CLOSING_BRACE = 125
const PAYMENT_ID_BYTES = 36
const SEQUENCE_BYTES = 12
const TIME_BYTES = 24
