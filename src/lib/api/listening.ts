/** Whether a server can listen somewhere, and what to say when it cannot. */
import {createServer} from 'node:net'
import {EnvironmentError, messageOf} from '../base/errors.js'

export interface ListenAddress {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
}

/** Both families of localhost would be two servers, the second without our listeners. */
export function hostToListenOn({host}: ListenAddress): string {
  return host === 'localhost' ? '127.0.0.1' : host
}

/**
 * Listens for a moment, so that whoever has much to open first hears of trouble before. Somebody else may take the port
 * afterwards all the same.
 *
 * @throws EnvironmentError P2PAY_LISTEN
 */
export async function tryToListen(listen: ListenAddress): Promise<void> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({host: hostToListenOn(listen), port: listen.port}, () => resolve())
    })
  } catch (error) {
    throw cannotListen(listen, error)
  }
  await new Promise<void>(resolve => server.close(() => resolve()))
}

export function cannotListen(listen: ListenAddress, error: unknown): EnvironmentError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  return new EnvironmentError(`Cannot listen on ${listen.host}:${listen.port}: ${messageOf(error)}`, {
    code: 'P2PAY_LISTEN',
    suggestions: SUGGESTIONS[code] ?? OTHER_PORT,
    cause: error,
  })
}

const OTHER_PORT = ['choose another port with --port, or 0 for any free one', 'or stop who has it']
const OTHER_HOST = [
  'name an address of this machine with --host: 127.0.0.1 for this machine alone, 0.0.0.0 for every IPv4 one',
]
const SUGGESTIONS: Readonly<Record<string, readonly string[]>> = {
  EADDRINUSE: OTHER_PORT,
  EACCES: ['choose a port from 1024 on with --port: those below are for privileged users'],
  EADDRNOTAVAIL: OTHER_HOST,
  ENOTFOUND: OTHER_HOST,
  EAI_AGAIN: OTHER_HOST,
  EINVAL: OTHER_HOST,
  EAFNOSUPPORT: OTHER_HOST,
}
