/**
 * One TCP connection that carries one request at a time, bytes in and bytes out: no stream machinery on the way in
 * (the socket reads into one buffer of ours), one write on the way out. It never sends a request twice: a server that
 * closes just as we write may have worked on it.
 */
import {createConnection, type Socket} from 'node:net'
import type {Clock} from '../base/clock.js'
import {type Carrier, type Exchange, type Failure, failureOf, HTTP_CODES} from './exchange.js'
import {linesOf} from './prepared-target.js'
import {ResponseParser} from './response-parser.js'

/** What a connection tells its origin. */
export interface ConnectionOwner {
  readonly clock: Clock
  readonly keepAlive: boolean
  readonly maxBodyBytes: number
  /** It has no request any more, and can take another. Said before the outcome is. */
  onIdle(connection: PlainConnection): void
  /** It had a request and is gone. Said before the outcome is. */
  onLost(connection: PlainConnection): void
  /** It was found closed before anything of the request was written. */
  onStale(exchange: Exchange): void
}

/** What one read takes; answers to payments are a few hundred bytes. */
const READ_BYTES = 16_384
/**
 * Up to here a body travels in one string with its head, byte for a character: the kernel gets it from the stack without
 * a buffer in between, which is what most of a request's garbage would be. Longer ones go out in a write of their own.
 */
const JOINED_BODY_BYTES = 8192
/** After so long without a request a connection is looked at before it is used: its end may lie unread in the socket. */
const LOOK_AFTER_US = 500_000

type State = 'connecting' | 'looking' | 'waiting' | 'idle' | 'closed'

export class PlainConnection implements Carrier {
  readonly #owner: ConnectionOwner
  readonly #socket: Socket
  readonly #parser: ResponseParser
  #state: State = 'connecting'
  #exchange: Exchange | null
  #interimCount = 0
  #idleSinceUs = 0
  #idleLimitMs = -1

  constructor(owner: ConnectionOwner, exchange: Exchange) {
    this.#owner = owner
    this.#parser = new ResponseParser(owner.maxBodyBytes)
    this.#exchange = exchange
    exchange.carrier = this
    const {host, port} = exchange.target
    // Its own, not one for all: on Windows a read is under way before there is anything to read.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    this.#socket = createConnection({
      host,
      port,
      noDelay: true,
      onread: {
        buffer,
        callback: length => {
          this.#read(buffer, length)
          return true
        },
      },
    })
    this.#socket.on('connect', () => {
      if (this.#state === 'connecting') this.#write()
    })
    this.#socket.on('end', () => this.#ended())
    this.#socket.on('error', error => this.#lost(failureOf(error)))
    this.#socket.on('close', () => this.#lost({code: HTTP_CODES.socket, message: 'the connection was closed'}))
  }

  /** @returns whether it is there, as far as we know, and has not idled longer than the server allows */
  isFresh(nowUs: number, defaultIdleLimitMs: number): boolean {
    if (this.#state !== 'idle') return false
    const limitMs = this.#idleLimitMs < 0 ? defaultIdleLimitMs : this.#idleLimitMs
    return nowUs - this.#idleSinceUs < limitMs * 1000
  }

  /** Carries the next exchange. Only when idle. */
  carry(exchange: Exchange, nowUs: number): void {
    this.#exchange = exchange
    exchange.carrier = this
    if (nowUs - this.#idleSinceUs < LOOK_AFTER_US) {
      this.#write()
      return
    }
    this.#state = 'looking'
    // One turn of the event loop: what has arrived meanwhile is read by then.
    setImmediate(() => {
      if (this.#state === 'looking') this.#write()
    })
  }

  get receivedBytes(): number {
    return this.#parser.receivedBytes
  }

  abandon(exchange: Exchange): void {
    if (this.#exchange !== exchange) return
    this.#exchange = null
    this.destroy()
    this.#owner.onLost(this)
  }

  /** Closes it; what it carries is not told. */
  destroy(): void {
    this.#state = 'closed'
    this.#socket.destroy()
  }

  /** The request that it carries; null when there is none. */
  get exchange(): Exchange | null {
    return this.#exchange
  }

  whenClosed(): Promise<void> {
    return this.#socket.closed ? Promise.resolve() : new Promise(resolve => this.#socket.once('close', () => resolve()))
  }

  #write(): void {
    const exchange = this.#exchange
    if (exchange === null) return
    const {target, body} = exchange
    this.#parser.begin(target)
    this.#interimCount = 0
    this.#state = 'waiting'
    // A write goes to the kernel in the same call as long as the socket has room, so this is when the bytes leave.
    exchange.sentUs = this.#owner.clock.nowUs()
    if (body === null) {
      this.#socket.write(headOf(exchange), 'latin1')
    } else if (body.length <= JOINED_BODY_BYTES) {
      this.#socket.write(headOf(exchange) + body.toString('latin1'), 'latin1')
    } else {
      this.#socket.cork()
      this.#socket.write(headOf(exchange), 'latin1')
      this.#socket.write(body)
      this.#socket.uncork()
    }
  }

  #read(bytes: Buffer, length: number): void {
    const exchange = this.#exchange
    if (this.#state !== 'waiting' || exchange === null) {
      // Nobody has asked for these bytes: what they belong to is anybody's guess.
      if (this.#state !== 'closed') this.#lost({code: HTTP_CODES.badResponse, message: 'bytes that nobody asked for'})
      return
    }
    const nowUs = this.#owner.clock.nowUs()
    const parser = this.#parser
    if (exchange.firstByteUs === 0) exchange.firstByteUs = nowUs
    const end = parser.push(bytes, 0, length)
    if (parser.interimCount !== this.#interimCount) {
      // The first byte that counts is the answer's own, not that of a 1xx before it.
      this.#interimCount = parser.interimCount
      exchange.firstByteUs = parser.hasBegun ? nowUs : 0
    }
    if (parser.failure !== null) {
      this.#lost({code: HTTP_CODES.badResponse, message: `the answer is no HTTP/1.1: ${parser.failure}`})
    } else if (parser.isDone) {
      this.#answered(exchange, nowUs, end === length)
    }
  }

  #answered(exchange: Exchange, nowUs: number, isClean: boolean): void {
    const parser = this.#parser
    this.#exchange = null
    // An answer that came before the request was written whole: the rest of it must not run into the next one.
    const isWritten = this.#socket.writableLength === 0
    if (this.#owner.keepAlive && parser.keepsConnection && isClean && isWritten) {
      this.#state = 'idle'
      this.#idleSinceUs = nowUs
      this.#idleLimitMs = usableIdleMs(parser.idleLimitMs)
      this.#owner.onIdle(this)
    } else {
      this.destroy()
      this.#owner.onLost(this)
    }
    const body = this.#owner.maxBodyBytes > 0 ? parser.body : null
    exchange.succeed({status: parser.status, receivedBytes: parser.receivedBytes, body}, nowUs)
  }

  #ended(): void {
    const exchange = this.#exchange
    if (this.#state === 'waiting' && exchange !== null) {
      this.#parser.end()
      if (this.#parser.isDone) {
        this.#answered(exchange, this.#owner.clock.nowUs(), true)
        return
      }
    }
    this.#lost({code: HTTP_CODES.socket, message: 'the other side closed the connection'})
  }

  #lost(failure: Failure): void {
    const exchange = this.#exchange
    const {receivedBytes} = this.#parser
    const wasLooking = this.#state === 'looking'
    this.#exchange = null
    this.destroy()
    if (exchange === null) return
    if (wasLooking) {
      this.#owner.onStale(exchange)
      return
    }
    this.#owner.onLost(this)
    exchange.fail(failure, exchange.sentUs === 0 ? 0 : receivedBytes)
  }
}

/**
 * How long we trust a connection that the server keeps for `hintMs`: less, since our request takes time on the way.
 * Node's own agent takes a second off; of a second or two that would leave nothing.
 */
function usableIdleMs(hintMs: number): number {
  return hintMs < 0 ? -1 : Math.max(hintMs - 1000, hintMs / 2)
}

/** All before the body, with its length. */
function headOf({target, body, extraHeaders}: Exchange): string {
  const length = body === null ? 0 : body.length
  const lengthLine = length > 0 || target.expectsBody ? `Content-Length: ${length}\r\n\r\n` : '\r\n'
  return extraHeaders.length === 0 ? target.head + lengthLine : target.head + linesOf(extraHeaders) + lengthLine
}
