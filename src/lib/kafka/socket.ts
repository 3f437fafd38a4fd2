/**
 * Sockets for kafkajs, without Nagle's algorithm (a commit behind a fetch must not wait for a delayed acknowledgement)
 * and with an ear on what is written: after a failure, whether a Produce request left this process decides between
 * *failed* and *unknown*, and kafkajs does not tell (a failed reconnection replaces the error of the lost request).
 */
import {connect, isIP, type Socket} from 'node:net'
import {connect as connectTls} from 'node:tls'
import type {ISocketFactory} from 'kafkajs'

/** Called with the API key of each request before it is written. */
export type RequestListener = (apiKey: number) => void

export const PRODUCE_API_KEY = 0
const KEEP_ALIVE_DELAY_MS = 60_000
/** Requests begin with their length (int32); the API key (int16) follows. */
const API_KEY_AT = 4

/** The sockets of a connection's clients. */
export class Sockets {
  readonly #open = new Set<Socket>()

  factory(onRequest?: RequestListener): ISocketFactory {
    return ({host, port, ssl, onConnect}) => {
      const socket =
        ssl === null || ssl === undefined
          ? connect({host, port, noDelay: true}, onConnect)
          : connectTls({host, port, ...(isIP(host) === 0 ? {servername: host} : {}), ...ssl}, onConnect)
      socket.setNoDelay(true)
      socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
      if (onRequest !== undefined) listen(socket, onRequest)
      this.#open.add(socket)
      socket.once('close', () => this.#open.delete(socket))
      return socket
    }
  }

  /**
   * Ends what is left once every client was disconnected. When a broker goes away, requests that come together each
   * dial anew in kafkajs 2.2, and it forgets all of their sockets but the last: those, with their timers, would keep
   * the process alive. An error is what makes kafkajs clear the timers too.
   */
  end(): void {
    for (const socket of this.#open) socket.destroy(new Error('the client is closed'))
  }
}

type Written = (error?: Error | null) => void

function listen(socket: Socket, onRequest: RequestListener): void {
  const write = socket.write.bind(socket)
  socket.write = (chunk: Uint8Array | string, encoding?: BufferEncoding | Written, written?: Written): boolean => {
    if (Buffer.isBuffer(chunk) && chunk.length >= API_KEY_AT + 2) onRequest(chunk.readInt16BE(API_KEY_AT))
    return typeof encoding === 'string' ? write(chunk, encoding, written) : write(chunk, encoding)
  }
}
