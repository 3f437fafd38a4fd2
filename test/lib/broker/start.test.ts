/** The broker in its worker thread; the thread's code comes from dist, so `npm run build` comes first. */
import {Kafka, logLevel} from 'kafkajs'
import {describe, expect, it, onTestFinished} from 'vitest'
import type {BrokerOptions, EmbeddedBroker} from '../../../src/lib/broker/broker.js'
import {startEmbeddedBroker} from '../../../src/lib/broker/start.js'
import {requestFrame, WireClient} from '../../support/kafka-wire.js'
import {temporaryDirectory} from '../../support/temp.js'

async function start(options: Partial<BrokerOptions> = {}): Promise<{broker: EmbeddedBroker; directory: string}> {
  const directory = options.directory ?? (await temporaryDirectory())
  const broker = await startEmbeddedBroker({...options, directory})
  onTestFinished(() => broker.stop())
  return {broker, directory}
}

async function topicNames(address: string): Promise<string[]> {
  const admin = new Kafka({brokers: [address], logLevel: logLevel.NOTHING}).admin()
  await admin.connect()
  try {
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

async function createTopic(address: string): Promise<void> {
  const admin = new Kafka({brokers: [address], logLevel: logLevel.NOTHING}).admin()
  await admin.connect()
  await admin.createTopics({topics: [{topic: 'payments.raw'}]})
  await admin.disconnect()
}

describe('the embedded broker in its worker', () => {
  it('serves, stops, and finds its data again at the same port', async () => {
    const {broker, directory} = await start()
    expect(broker.address).toMatch(/^127\.0\.0\.1:\d+$/)
    await createTopic(broker.address)
    await broker.stop()
    await expect(broker.closed).resolves.toBeUndefined()
    const {broker: again} = await start({directory, port: Number(broker.address.split(':')[1])})
    expect(again).toMatchObject({address: broker.address, clusterId: broker.clusterId})
    expect(await topicNames(again.address)).toEqual(['payments.raw'])
  })

  it('says why it cannot start', async () => {
    const {broker, directory} = await start()
    const taken = {code: 'P2PAY_BROKER_START', oclif: {exit: 3}, suggestions: [expect.any(String)]}
    await expect(
      startEmbeddedBroker({directory: await temporaryDirectory(), port: Number(broker.address.split(':')[1])}),
    ).rejects.toMatchObject({...taken, message: expect.stringContaining('cannot listen')})
    await expect(startEmbeddedBroker({directory})).rejects.toMatchObject({
      code: 'P2PAY_BROKER_START',
      message: expect.stringContaining(`process ${process.pid}`),
    })
  })

  it('takes faults and tells its log lines', async () => {
    const lines: string[] = []
    const {broker} = await start({log: line => lines.push(line)})
    await broker.injectFaults([{api: 'Metadata', action: {kind: 'close'}}])
    const client = await WireClient.connect(broker.address)
    client.send(requestFrame(3, 1, {body: writer => writer.array(null, () => {})}))
    expect(await client.receive()).toBeUndefined()
    await broker.stop()
    expect(lines).toEqual([expect.stringContaining('fault: Metadata closes the connection')])
  })

  it('stops twice as well as once', async () => {
    const {broker} = await start()
    await Promise.all([broker.stop(), broker.stop()])
    await broker.stop()
    await expect(broker.injectFaults([])).rejects.toMatchObject({code: 'P2PAY_BROKER_FAILED'})
  })
})
