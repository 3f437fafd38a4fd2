/**
 * The broker's worker thread: starts the server with the options it was given and obeys its parent's messages.
 * A process edge: errors cross to the parent as plain data.
 */
import {parentPort, workerData} from 'node:worker_threads'
import {isP2payError, messageOf} from '../base/errors.js'
import type {BrokerOptions} from './broker.js'
import {BrokerServer} from './server.js'
import type {FromWorker, ToWorker} from './worker-messages.js'

const port = parentPort
if (port === null) throw new Error('the broker worker must run in a worker thread')
const tell = (message: FromWorker): void => port.postMessage(message)

try {
  const options = workerData as BrokerOptions
  const server = await BrokerServer.start({...options, log: line => tell({kind: 'log', line})})
  port.on('message', async (message: ToWorker) => {
    switch (message.kind) {
      case 'faults':
        await server.injectFaults(message.faults)
        break
      case 'stop':
        await server
          .stop()
          .catch(error => tell({kind: 'log', line: `the broker did not stop cleanly: ${messageOf(error)}`}))
        break
    }
    tell({kind: 'done', id: message.id})
  })
  tell({kind: 'started', address: server.address, clusterId: server.clusterId})
} catch (error) {
  const known = isP2payError(error) ? error : undefined
  tell({
    kind: 'failed',
    message: messageOf(error),
    code: known?.code ?? 'P2PAY_BROKER_START',
    suggestions: known?.suggestions ?? [],
  })
  port.close()
}
