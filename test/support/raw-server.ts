/**
 * A TCP or TLS server that says exactly the bytes that a test wants, when it wants them: for what no proper HTTP server
 * would ever say.
 */
import {createServer, type Server, type Socket} from 'node:net'
import {createServer as createTlsServer} from 'node:tls'
import {onTestFinished} from 'vitest'
import {CERTIFICATE, PRIVATE_KEY} from './tls-identity.js'

export interface RawConnection {
  /** Counted from 0 in the order in which they were accepted. */
  readonly index: number
  readonly socket: Socket
  /** All that has come so far. */
  readonly received: () => string
  /** Resolves with the next request whole, head and body, by its Content-Length. */
  readonly request: () => Promise<string>
}

export interface RawServer {
  readonly url: URL
  readonly connections: readonly RawConnection[]
}

export interface RawServerOptions {
  readonly tls?: boolean
  readonly host?: string
}

/** Closed with its connections when the running test has finished. */
export async function startRawServer(
  onConnection: (connection: RawConnection) => void | Promise<void>,
  options: RawServerOptions = {},
): Promise<RawServer> {
  const connections: RawConnection[] = []
  const accept = (socket: Socket): void => {
    socket.on('error', () => {})
    const connection = rawConnection(connections.length, socket)
    connections.push(connection)
    void onConnection(connection)
  }
  const server: Server =
    options.tls === true ? createTlsServer({cert: CERTIFICATE, key: PRIVATE_KEY}, accept) : createServer(accept)
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, () => resolve())
  })
  onTestFinished(async () => {
    for (const {socket} of connections) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const scheme = options.tls === true ? 'https' : 'http'
  return {url: new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}/payments`), connections}
}

function rawConnection(index: number, socket: Socket): RawConnection {
  let received = ''
  let taken = 0
  const waiting: (() => void)[] = []
  socket.on('data', chunk => {
    received += chunk.toString('latin1')
    for (const wake of waiting.splice(0)) wake()
  })
  const request = async (): Promise<string> => {
    for (;;) {
      const rest = received.slice(taken)
      const head = rest.indexOf('\r\n\r\n')
      const length = Number(/^content-length: (\d+)/im.exec(rest)?.[1] ?? 0)
      if (head >= 0 && rest.length >= head + 4 + length) {
        taken += head + 4 + length
        return rest.slice(0, head + 4 + length)
      }
      await new Promise<void>(resolve => waiting.push(resolve))
    }
  }
  return {index, socket, received: () => received, request}
}
