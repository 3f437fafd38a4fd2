/** What a connection leaves behind: nothing, also after its broker went away under several requests at once. */
import kafkajs, {type Cluster} from 'kafkajs'
import {describe, expect, it} from 'vitest'
import {present} from '../../src/lib/base/assert.js'
import type {KafkaConnection} from '../../src/lib/kafka/connection.js'
import {BreakableBroker} from '../support/embedded-kafka.js'
import {until} from '../support/pipeline.js'

function socketCount(): number {
  return process.getActiveResourcesInfo().filter(resource => resource === 'TCPSocketWrap').length
}

/** A client's cluster, which kafkajs shows to partition assigners: the way to send requests at one moment. */
function clusterOf(connection: KafkaConnection): Cluster {
  let cluster: Cluster | undefined
  connection.newClient().consumer({
    groupId: 'any',
    partitionAssigners: [
      config => {
        cluster = config.cluster
        return kafkajs.PartitionAssigners.roundRobin(config)
      },
    ],
  })
  return present(cluster, 'the cluster')
}

describe('a connection', () => {
  it('leaves no socket open that would keep the process alive', async () => {
    const broker = await BreakableBroker.forThisTest()
    const before = socketCount()
    const connection = await broker.connect()
    const cluster = clusterOf(connection)
    await cluster.connect()
    await cluster.refreshMetadata()
    const node = await cluster.findBroker({nodeId: '1'})
    await broker.injectFaults([{api: 'Metadata', action: {kind: 'close'}, times: 1}])
    await expect(node.metadata([])).rejects.toThrow()
    // The connection is gone, and each of them dials anew.
    await Promise.all(Array.from({length: 4}, () => node.metadata([])))
    await cluster.disconnect()
    await connection.close()
    await until('end of the sockets', async () => (socketCount() <= before ? true : undefined), 5000)
  })
})
