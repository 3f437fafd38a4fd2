/**
 * Free loopback ports for services that are restarted on the same address. They lie below the range from which the
 * kernel picks source ports (32768 and up on Linux): a client that keeps dialling a stopped service would otherwise
 * now and then be given that very port and take it, or talk to itself.
 */
import {randomInt} from 'node:crypto'
import {createServer} from 'node:net'

const LOWEST_PORT = 20_000
const HIGHEST_PORT = 32_000
const MAX_TRIES = 200

/** @throws Error when no free ports are found within a bounded number of tries */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count; tries++) {
    if (tries === MAX_TRIES) throw new Error(`No ${count} free ports between ${LOWEST_PORT} and ${HIGHEST_PORT}`)
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT)
    if (!ports.has(port) && (await isFree(port))) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({host: '127.0.0.1', port, exclusive: true}, () => server.close(() => resolve(true)))
  })
}
