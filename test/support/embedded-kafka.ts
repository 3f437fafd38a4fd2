import {onTestFinished} from 'vitest'
import type {EmbeddedBroker} from '../../src/lib/broker/broker.js'
import {startEmbeddedBroker} from '../../src/lib/broker/start.js'
import {connectKafka, type KafkaConnection} from '../../src/lib/kafka/connection.js'
import {temporaryDirectory} from './temp.js'

/** A broker of the test's own, which it may break. */
export class BreakableBroker {
  readonly #directory: string
  #broker: EmbeddedBroker
  #isUp = true

  static async start(): Promise<BreakableBroker> {
    const directory = await temporaryDirectory()
    const breakable = new BreakableBroker(directory, await startEmbeddedBroker({directory}))
    onTestFinished(() => breakable.stop())
    return breakable
  }

  private constructor(directory: string, broker: EmbeddedBroker) {
    this.#directory = directory
    this.#broker = broker
  }

  get address(): string {
    return this.#broker.address
  }

  get injectFaults(): EmbeddedBroker['injectFaults'] {
    return faults => this.#broker.injectFaults(faults)
  }

  async stop(): Promise<void> {
    if (!this.#isUp) return
    this.#isUp = false
    await this.#broker.stop()
  }

  /** Again on the same port, with its data. */
  async startAgain(): Promise<void> {
    const port = Number(this.address.split(':')[1])
    this.#broker = await startEmbeddedBroker({directory: this.#directory, port})
    this.#isUp = true
  }

  /** With short waits, closed when the test has finished. */
  async connect(properties: Readonly<Record<string, string>> = {}): Promise<KafkaConnection> {
    const connection = await connectKafka({
      brokers: this.address,
      properties: {
        'request.timeout.ms': '300',
        'delivery.timeout.ms': '5000',
        'socket.connection.setup.timeout.ms': '1000',
        ...properties,
      },
    })
    onTestFinished(() => connection.close())
    return connection
  }
}
