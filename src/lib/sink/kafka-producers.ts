/**
 * The producer of a sink, and its successors. A producer is retired after an outcome that stayed unknown: deliveries
 * that still need it keep it, everybody else gets a new one with a new producer id.
 */
import type {KafkaClients} from '../kafka/client.js'
import {IdempotentProducer} from '../kafka/idempotent-producer.js'

/** The right to use a producer until released. */
export interface Lease {
  readonly producer: IdempotentProducer
  readonly isRetired: boolean
}

interface HeldLease extends Lease {
  userCount: number
  isRetired: boolean
}

export class KafkaProducers {
  readonly #clients: KafkaClients
  readonly #topic: string
  readonly #held = new Map<Lease, HeldLease>()
  #current: HeldLease | undefined
  #opening: Promise<HeldLease> | undefined

  constructor(clients: KafkaClients, topic: string) {
    this.#clients = clients
    this.#topic = topic
  }

  /** The current producer, or a new one. @throws EnvironmentError when none can be opened now */
  async acquire(): Promise<Lease> {
    const lease = this.#current ?? (await this.#open())
    lease.userCount++
    return lease
  }

  release(lease: Lease): void {
    const held = this.#held.get(lease)
    if (held === undefined) return
    held.userCount--
    this.#closeIfUnused(held)
  }

  /** Nobody new gets it; it is closed when the last user releases it. */
  retire(lease: Lease): void {
    const held = this.#held.get(lease)
    if (held === undefined) return
    held.isRetired = true
    if (this.#current === held) this.#current = undefined
    this.#closeIfUnused(held)
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => {})
    const leases = [...this.#held.values()]
    this.#held.clear()
    this.#current = undefined
    await Promise.all(leases.map(lease => lease.producer.close()))
  }

  async #open(): Promise<HeldLease> {
    this.#opening ??= this.#openOne().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #openOne(): Promise<HeldLease> {
    const producer = await IdempotentProducer.open(this.#clients, this.#topic)
    const lease: HeldLease = {producer, userCount: 0, isRetired: false}
    this.#held.set(lease, lease)
    this.#current = lease
    return lease
  }

  #closeIfUnused(lease: HeldLease): void {
    if (!lease.isRetired || lease.userCount > 0) return
    this.#held.delete(lease)
    void lease.producer.close()
  }
}
