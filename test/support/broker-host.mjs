/** A process that hosts the embedded broker until it is killed: prints the address, for tests of what a kill leaves. */
import {startEmbeddedBroker} from '../../dist/lib/broker/start.js'

const [directory, port] = process.argv.slice(2)
const broker = await startEmbeddedBroker({directory, port: Number(port)})
process.stdout.write(`${broker.address}\n`)
