import {afterAll, afterEach, beforeAll, onTestFinished} from 'vitest'
import type {EmbeddedBroker} from '../../src/lib/broker/broker.js'
import {startEmbeddedBroker} from '../../src/lib/broker/start.js'
import {connectKafka, type KafkaConnection} from '../../src/lib/kafka/connection.js'
import {makeTemporaryDirectory, removeDirectory} from './temp.js'

/** One broker for all tests of a file: they may inject faults, which end with the test, but must not stop it. */
export function sharedBroker(): () => BreakableBroker {
  let broker: BreakableBroker | undefined
  const get = (): BreakableBroker => {
    if (broker === undefined) throw new Error('the shared broker runs only while tests do')
    return broker
  }
  beforeAll(async () => {
    broker = await BreakableBroker.start()
  })
  afterEach(() => get().injectFaults([]))
  afterAll(() => get().remove())
  return get
}

/** A broker that a test may break. */
export class BreakableBroker {
  readonly #directory: string
  #broker: EmbeddedBroker
  #isUp = true

  /** To be removed by the caller. */
  static async start(): Promise<BreakableBroker> {
    const directory = await makeTemporaryDirectory()
    return new BreakableBroker(directory, await startEmbeddedBroker({directory}))
  }

  /** Of the running test's own: it may stop it. */
  static async forThisTest(): Promise<BreakableBroker> {
    const broker = await BreakableBroker.start()
    onTestFinished(() => broker.remove())
    return broker
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

  async remove(): Promise<void> {
    await this.stop()
    await removeDirectory(this.#directory)
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
        'request.timeout.ms': '250',
        'delivery.timeout.ms': '5000',
        'socket.connection.setup.timeout.ms': '1000',
        ...properties,
      },
    })
    onTestFinished(() => connection.close())
    return connection
  }
}
