/** A process that hosts the embedded database until it is killed: prints the URL, for tests of what a kill leaves. */
import {startEmbeddedDatabase} from '../../dist/lib/store/embedded/start.js'

const [directory, port] = process.argv.slice(2)
const database = await startEmbeddedDatabase({directory, port: Number(port)})
process.stdout.write(`${database.url}\n`)
