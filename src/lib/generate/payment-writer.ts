/**
 * Writes drafts as wire format v1 into a slab of bytes. All texts that a run repeats are rendered once, as JSON, and
 * copied; only numbers are formatted per payment. `encodePayment` is the readable reference of the same bytes.
 */
import {assert} from '../base/assert.js'
import {CHANNELS, CREDITOR_TYPES, PAYMENT_METHODS, PAYMENT_SCHEMA_VERSION, PAYMENT_TYPES} from '../payment/payment.js'
import type {Population} from '../population/population.js'
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
const MAX_FIXED_BYTES = 900

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
  readonly #head: Uint8Array
  readonly #types: readonly Uint8Array[]
  readonly #idPrefix: Uint8Array
  readonly #idDigits: number
  readonly #fixedIds: {readonly bytes: Uint8Array; readonly offsets: Uint32Array} | undefined
  readonly #creditorIds = ascii('","creditor_id":"')
  readonly #creditorTypes: readonly Uint8Array[]
  /** By market × method. */
  readonly #methods: readonly Uint8Array[]
  readonly #lastFours = ascii('","card_last_four":"')
  readonly #lastFourEnd = ascii('"')
  readonly #channels: readonly Uint8Array[]
  readonly #countries: readonly Uint8Array[]
  readonly #creditorCountries: readonly Uint8Array[]
  readonly #deviceIds: Uint8Array
  readonly #latitudes = ascii('","latitude":')
  readonly #longitudes = ascii(',"longitude":')
  readonly #categories: readonly Uint8Array[]
  readonly #references: readonly Uint8Array[]
  readonly #originalPayments: Uint8Array
  readonly #statuses: readonly Uint8Array[]
  readonly #simChanges = ascii(',"sim_changed_at":"')
  readonly #sequenceAt: number
  readonly #timeAt: number

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
    this.#types = PAYMENT_TYPES.map(type => ascii(`${type}","debtor_id":"`))
    this.#idPrefix = ascii(ids.prefix)
    this.#idDigits = ids.digits
    this.#fixedIds = ids.fixed
    this.#creditorTypes = CREDITOR_TYPES.map(type => ascii(`","creditor_type":"${type}","amount_minor":`))
    this.#methods = markets.flatMap(market =>
      PAYMENT_METHODS.map(method => {
        const card = method === 'card' ? `,"card_token":"${cardPrefix(runTag)}` : ''
        return ascii(`,"currency":"${market.currency}","method":"${method}"${card}`)
      }),
    )
    this.#channels = CHANNELS.map(channel => ascii(`,"channel":"${channel}","country":"`))
    this.#countries = markets.map(market => ascii(`${market.code}","creditor_country":"`))
    this.#creditorCountries = markets.map(market => ascii(`${market.code}","ip_address":"`))
    this.#deviceIds = ascii(`","device_id":"${devicePrefix(runTag)}`)
    this.#categories = population.categories.map(category => ascii(`,"merchant_category":"${category.code}"`))
    this.#references = vocabulary.texts.map(text => ascii(`,"reference":${JSON.stringify(text)}`))
    this.#originalPayments = ascii(`,"original_payment_id":"${idHead}`)
    this.#statuses = ['accepted', 'declined'].map(status => ascii(`,"status":"${status}"`))
    this.maxBytes = MAX_FIXED_BYTES + 2 * ids.maxBytes
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
    const population = this.#population
    const {type, method} = draft
    target.set(this.#head, start)
    putHex12(target, start + this.#sequenceAt, sequence)
    this.#times.put(target, start + this.#timeAt, createdAtMs)
    let at = putBytes(target, start + this.#head.length, this.#types[type])
    const debtorAt = at
    at = this.#putId(target, at, draft.debtor)
    const debtorEnd = at
    at = putBytes(target, at, this.#creditorIds)
    const creditorAt = at
    at = this.#putId(target, at, draft.creditor)
    this.#placeKey(start, debtorAt, debtorEnd, creditorAt, at)
    const merchant = hasMerchantCreditor(type)
    at = putBytes(target, at, this.#creditorTypes[merchant ? 1 : 0])
    at = putInteger(target, at, draft.amountMinor)
    at = putBytes(target, at, this.#methods[draft.currencyMarket * PAYMENT_METHODS.length + method])
    if (hasCard(method)) {
      at = putHex8(target, at, draft.card)
      at = putBytes(target, at, this.#lastFours)
      at = putDigits(target, at, lastFourOf(draft.card), 4)
      at = putBytes(target, at, this.#lastFourEnd)
    }
    at = putBytes(target, at, this.#channels[draft.channel])
    at = putBytes(target, at, this.#countries[draft.market])
    at = putBytes(target, at, this.#creditorCountries[population.market[draft.creditor]])
    at = putIp(target, at, draft.ip)
    at = putBytes(target, at, this.#deviceIds)
    at = putHex8(target, at, draft.device)
    at = putBytes(target, at, this.#latitudes)
    at = putE5(target, at, draft.latitudeE5)
    at = putBytes(target, at, this.#longitudes)
    at = putE5(target, at, draft.longitudeE5)
    if (merchant) at = putBytes(target, at, this.#categories[population.category[draft.creditor]])
    if (hasReference(type)) at = putBytes(target, at, this.#references[draft.reference])
    if (hasOriginalPayment(type)) {
      at = putBytes(target, at, this.#originalPayments)
      at = putHex12(target, at, draft.originalSequence)
      target[at++] = QUOTE
    }
    if (hasStatus(method)) at = putBytes(target, at, this.#statuses[draft.declined ? 1 : 0])
    if (hasSimChange(method)) {
      at = putBytes(target, at, this.#simChanges)
      at = this.#simTimes.put(target, at, draft.simChangedAtMs)
      target[at++] = QUOTE
    }
    target[at++] = CLOSING_BRACE
    return at
  }

  #putId(target: Uint8Array, position: number, account: number): number {
    if (this.#fixedIds === undefined) {
      return putDigits(target, putBytes(target, position, this.#idPrefix), account, this.#idDigits)
    }
    const {bytes, offsets} = this.#fixedIds
    const end = offsets[account + 1]
    let at = position
    for (let index = offsets[account]; index < end; index++) target[at++] = bytes[index]
    return at
  }

  #placeKey(start: number, debtorAt: number, debtorEnd: number, creditorAt: number, creditorEnd: number): void {
    switch (this.#key) {
      case 'debtor_id':
        this.keyStart = debtorAt
        this.keyLength = debtorEnd - debtorAt
        return
      case 'creditor_id':
        this.keyStart = creditorAt
        this.keyLength = creditorEnd - creditorAt
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

const QUOTE = 34
const CLOSING_BRACE = 125
const PAYMENT_ID_BYTES = 36
const SEQUENCE_BYTES = 12
