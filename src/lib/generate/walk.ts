/**
 * The stream, one payment at a time: walks the slots, merges ordinary payments with the agenda's campaigns by time and
 * fills the draft. A payment's sequence number is its rank in the whole stream; its details come from a seed of its
 * own (slot, index) or (campaign, step), so payments can be passed over without being made. That is what workers and
 * shards do: all of them walk the same slots and make only their own payments.
 */
import {deriveSeed, Random} from '../base/random.js'
import type {Population} from '../population/population.js'
import {Agenda, type Campaign, type DueStep} from './agenda.js'
import {PaymentDraft} from './draft.js'
import {Life} from './life.js'
import type {StreamInputs} from './stream.js'
import {drawPoisson, Timeline} from './timeline.js'

const COMPONENT_SLOTS = 0x736c6f74

/** A payment of the stream with its place in it; filled by `advance`, reused by its owner. */
export class WalkedPayment {
  readonly draft = new PaymentDraft()
  sequence = 0
  /** Event time on the population's clock, whole ms since the epoch. */
  timeMs = 0
  /** undefined for ordinary payments. */
  campaign: Campaign | undefined
  /** From 1 within the campaign. */
  step = 0
}

export class Walk {
  readonly #life: Life
  readonly #timeline: Timeline
  readonly #agenda: Agenda
  readonly #slotsSeed: number
  readonly #ordinaryPerSlot: number
  readonly #shardIndex: number
  readonly #shardCount: number
  readonly #draw = new Random(0)

  #slot = -1
  /** Sequence number of the slot's first payment. */
  #slotSequence = 0
  #slotKey = 0
  #ordinaryCount = 0
  #steps: DueStep[] = []
  /** Times of ordinary payments within the slot as 32-bit fractions; sorted when `#sorted`. */
  #fractions = new Uint32Array(1024)
  #drawn = false
  #sorted = false
  #nextOrdinary = 0
  #nextStep = 0

  constructor(inputs: StreamInputs, population: Population) {
    this.#slotsSeed = deriveSeed(inputs.seed, COMPONENT_SLOTS)
    this.#life = new Life(population, inputs.startMs)
    this.#timeline = new Timeline(population, inputs.startMs)
    this.#agenda = new Agenda(this.#life, this.#timeline, inputs)
    this.#ordinaryPerSlot = this.#timeline.meanPerSlot * Math.max(0, 1 - inputs.fraudRate - inputs.lookAlikeRate)
    this.#shardIndex = inputs.shard?.index ?? 0
    this.#shardCount = inputs.shard?.count ?? 1
    this.#openNextSlot()
  }

  /** Sequence number of the next payment of the whole stream, whether or not it belongs to this shard. */
  get nextSequence(): number {
    return this.#slotSequence + this.#nextOrdinary + this.#nextStep
  }

  /**
   * Makes the next payment of this shard.
   *
   * @param endSequence stops before this sequence number of the whole stream
   * @returns false when it stopped
   */
  advance(into: WalkedPayment, endSequence: number): boolean {
    while (this.nextSequence < endSequence) {
      if (this.#slotIsDone()) {
        this.#openNextSlot()
        continue
      }
      this.#prepareTimes()
      into.sequence = this.nextSequence
      const made = this.#stepIsNext() ? this.#makeStep(into) : this.#makeOrdinary(into)
      if (made) return true
    }
    return false
  }

  /** Passes over payments up to the given sequence number, at the cost of counting them. */
  skipTo(sequence: number): void {
    while (this.#slotSequence + this.#ordinaryCount + this.#steps.length <= sequence) this.#openNextSlot()
    if (this.nextSequence < sequence) this.#prepareTimes()
    while (this.nextSequence < sequence) {
      if (this.#stepIsNext()) this.#nextStep++
      else this.#nextOrdinary++
    }
  }

  #slotIsDone(): boolean {
    return this.#nextOrdinary === this.#ordinaryCount && this.#nextStep === this.#steps.length
  }

  #stepIsNext(): boolean {
    if (this.#nextStep === this.#steps.length) return false
    if (this.#nextOrdinary === this.#ordinaryCount) return true
    return this.#steps[this.#nextStep].timeMs < this.#ordinaryTimeMs(this.#nextOrdinary)
  }

  #ordinaryTimeMs(index: number): number {
    return this.#timeline.slotStartMs(this.#slot) + (this.#fractions[index] / 4_294_967_296) * this.#timeline.slotMs
  }

  #makeStep(into: WalkedPayment): boolean {
    const {timeMs, campaign, step} = this.#steps[this.#nextStep++]
    campaign.plan.shape(into.draft, step, timeMs, this.#draw.reseed(campaign.key, step))
    if (!this.#isMine(into.draft.debtor)) return false
    into.timeMs = Math.floor(timeMs)
    into.campaign = campaign.number === 0 ? undefined : campaign
    into.step = step + 1
    return true
  }

  #makeOrdinary(into: WalkedPayment): boolean {
    const index = this.#nextOrdinary++
    const draw = this.#draw.reseed(this.#slotKey, index)
    const debtor = this.#timeline.drawAccount(draw)
    if (!this.#isMine(debtor)) return false
    const timeMs = this.#ordinaryTimeMs(index)
    this.#life.ordinary(into.draft, debtor, timeMs, draw)
    into.timeMs = Math.floor(timeMs)
    into.campaign = undefined
    return true
  }

  #isMine(debtor: number): boolean {
    return this.#shardCount === 1 || debtor % this.#shardCount === this.#shardIndex
  }

  #openNextSlot(): void {
    this.#slotSequence += this.#ordinaryCount + this.#steps.length
    this.#slot++
    const intensity = this.#timeline.open(this.#slot)
    this.#steps = this.#agenda.advance(this.#slot, intensity)
    const draw = this.#draw.reseed(this.#slotsSeed, this.#slot)
    this.#slotKey = draw.uint32() * 2_097_152 + (draw.uint32() >>> 11)
    this.#ordinaryCount = drawPoisson(this.#ordinaryPerSlot * intensity, draw)
    this.#drawn = false
    this.#sorted = false
    this.#nextOrdinary = 0
    this.#nextStep = 0
    this.#announceSequences()
  }

  /** Refunds name the purchase's sequence number, which is known here and needs no sorting: count what comes before. */
  #announceSequences(): void {
    for (const [index, due] of this.#steps.entries()) {
      const {plan} = due.campaign
      if (due.step !== 0 || plan.learnSequence === undefined) continue
      this.#drawTimes()
      let before = 0
      for (let ordinary = 0; ordinary < this.#ordinaryCount; ordinary++) {
        if (this.#ordinaryTimeMs(ordinary) <= due.timeMs) before++
      }
      plan.learnSequence(this.#slotSequence + index + before)
    }
  }

  #prepareTimes(): void {
    if (this.#sorted) return
    this.#drawTimes()
    this.#fractions.subarray(0, this.#ordinaryCount).sort()
    this.#sorted = true
  }

  #drawTimes(): void {
    if (this.#drawn) return
    const count = this.#ordinaryCount
    if (count > this.#fractions.length) this.#fractions = new Uint32Array(count * 2)
    const draw = this.#draw.reseed(this.#slotKey, -1)
    for (let index = 0; index < count; index++) this.#fractions[index] = draw.uint32()
    this.#drawn = true
  }
}
