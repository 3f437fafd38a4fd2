/**
 * A client of the ingest API that does not give up: whatever is not answered, or answered with 503, is sent again with
 * the same id or key until the service says what became of it. It keeps what it was told, to be held against the topic.
 */
import {setTimeout as delay} from 'node:timers/promises'

const PAUSE_MS = 100
const WORKERS = 32

export interface Order {
  /** The same for everything that must be one payment. */
  readonly name: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Told {
  readonly order: Order
  readonly status: 202 | 409
  /** Of the payment that was taken, or of the one in the way. */
  readonly paymentId: string | undefined
  readonly isReplayed: boolean
}

export class StubbornClient {
  readonly told: Told[] = []
  /** Answers that name neither, by status and code; they are bugs of the service. */
  readonly surprises: string[] = []
  /** How often something was sent again. */
  retryCount = 0
  readonly #url: string
  readonly #watchers: (() => void)[] = []

  constructor(url: string) {
    this.#url = url
  }

  /** Sends every order until it is answered, a few at once. */
  async send(orders: readonly Order[]): Promise<void> {
    let next = 0
    const work = async (): Promise<void> => {
      while (next < orders.length) await this.#sendOne(orders[next++])
    }
    await Promise.all(Array.from({length: WORKERS}, work))
  }

  /** Resolves when so many have been answered. */
  async untilTold(count: number): Promise<void> {
    while (this.told.length < count) await new Promise<void>(resolve => this.#watchers.push(resolve))
  }

  async #sendOne(order: Order): Promise<void> {
    for (;;) {
      const told = await this.#try(order).catch(() => undefined)
      if (told !== undefined) {
        this.told.push(told)
        for (const wake of this.#watchers.splice(0)) wake()
        return
      }
      this.retryCount++
      await delay(PAUSE_MS)
    }
  }

  /** Undefined: nobody knows yet. */
  async #try(order: Order): Promise<Told | undefined> {
    const response = await fetch(`${this.#url}/api/v1/payments`, {
      method: 'POST',
      headers: {'content-type': 'application/json', ...order.headers},
      body: order.body,
    })
    const body = (await response.json()) as Readonly<Record<string, unknown>>
    const {status, headers} = response
    if (status === 503) return undefined
    if (status !== 202 && status !== 409) {
      this.surprises.push(`${status} ${String(body['code'])} on ${order.name}`)
      return undefined
    }
    const paymentId = typeof body['payment_id'] === 'string' ? body['payment_id'] : undefined
    return {order, status, paymentId, isReplayed: headers.get('idempotent-replayed') === 'true'}
  }
}
