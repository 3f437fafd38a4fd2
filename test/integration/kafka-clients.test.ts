import {startEmbeddedBroker} from '../../src/lib/broker/start.js'
import {describeKafkaClients} from '../support/kafka-contract.js'
import {makeTemporaryDirectory, removeDirectory} from '../support/temp.js'

describeKafkaClients('the embedded broker', async () => {
  const directory = await makeTemporaryDirectory()
  const broker = await startEmbeddedBroker({directory})
  return {
    brokers: broker.address,
    sessionTimeoutMs: 1000,
    close: async () => {
      await broker.stop()
      await removeDirectory(directory)
    },
  }
})
