/**
 * The embedded database's worker thread: engine and wire server together, away from the main thread, because the
 * engine blocks while it works. A process edge: errors cross to the parent as plain data.
 */
import {parentPort, workerData} from 'node:worker_threads'
import {systemClock} from '../../base/clock.js'
import {isP2payError, messageOf} from '../../base/errors.js'
import {Engine} from './engine.js'
import {DatabaseServer} from './server.js'
import type {FromWorker, Task} from './worker-messages.js'

const port = parentPort
if (port === null) throw new Error('the database worker must run in a worker thread')
const tell = (message: FromWorker): void => port.postMessage(message)

try {
  const task = workerData as Task
  if (task.kind === 'initialise') {
    const engine = await Engine.open(task.directory)
    await engine.close()
    tell({kind: 'done'})
    port.close()
  } else {
    const log = (line: string): void => tell({kind: 'log', line})
    const server = await DatabaseServer.start({...task, clock: systemClock, log})
    port.once('message', async () => {
      await server.stop().catch(error => log(`the database did not stop cleanly: ${messageOf(error)}`))
      tell({kind: 'done'})
      port.close()
    })
    tell({kind: 'started', port: server.port})
  }
} catch (error) {
  const known = isP2payError(error) ? {code: error.code, suggestions: error.suggestions} : {}
  tell({kind: 'failed', message: messageOf(error), ...known})
  port.close()
}
