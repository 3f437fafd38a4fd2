import {describeKafkaClients} from '../support/kafka-contract.js'
import {services} from './context.js'

describeKafkaClients('Apache Kafka', async () => ({
  brokers: services().brokers,
  // Apache Kafka's own minimum (group.min.session.timeout.ms).
  sessionTimeoutMs: 6000,
  close: async () => {},
}))
