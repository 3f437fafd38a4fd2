/**
 * One client connection: cuts frames out of the byte stream and answers them strictly one after the other, as Kafka
 * does, because clients match answers by their order. While an answer waits (a long poll, a join), or the client does
 * not read, at most `PAUSE_BYTES` of further requests are taken in.
 */
import type {Socket} from 'node:net'
import {messageOf} from '../base/errors.js'
import {MalformedRequest} from './codec.js'
import {CloseConnection, type Peer} from './request-loop.js'

/** Kafka's socket.request.max.bytes. */
const FRAME_BYTES_MAX = 104_857_600
const PAUSE_BYTES = 1024 * 1024
const SIZE_BYTES = 4

export interface ConnectionOptions {
  readonly socket: Socket
  readonly answer: (frame: Buffer, peer: Peer) => Buffer | undefined | Promise<Buffer | undefined>
  readonly log: (line: string) => void
  readonly onClose: () => void
}

export class Connection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #gone = new AbortController()
  readonly #peer: Peer
  #chunks: Buffer[] = []
  #bufferedBytes = 0
  #isBusy = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#socket = options.socket
    this.#peer = {host: `/${options.socket.remoteAddress ?? ''}`, gone: this.#gone.signal}
    this.#socket.setNoDelay(true)
    this.#socket.on('data', chunk => this.#take(chunk))
    // A reset by the client is its way to leave; "close" follows.
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.#gone.abort()
      options.onClose()
    })
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bufferedBytes += chunk.length
    this.#pump()
    if (this.#isBusy && this.#bufferedBytes > PAUSE_BYTES) this.#socket.pause()
  }

  #pump(): void {
    try {
      while (!this.#isBusy && !this.#socket.destroyed) {
        const frame = this.#nextFrame()
        if (frame === undefined) return
        const answer = this.#options.answer(frame, this.#peer)
        if (answer instanceof Promise) this.#await(answer)
        else this.#send(answer)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #await(answer: Promise<Buffer | undefined>): void {
    this.#isBusy = true
    answer.then(
      bytes => {
        this.#isBusy = false
        this.#send(bytes)
        this.#resume()
      },
      error => this.#fail(error),
    )
  }

  #send(bytes: Buffer | undefined): void {
    if (bytes === undefined || this.#socket.destroyed || this.#socket.write(bytes)) return
    this.#isBusy = true
    this.#socket.once('drain', () => {
      this.#isBusy = false
      this.#resume()
    })
  }

  #resume(): void {
    if (this.#isBusy) return
    this.#pump()
    if (!this.#isBusy || this.#bufferedBytes <= PAUSE_BYTES) this.#socket.resume()
  }

  /** A frame without its size, or undefined when it is not all there yet. */
  #nextFrame(): Buffer | undefined {
    if (this.#bufferedBytes < SIZE_BYTES) return undefined
    const first = this.#first(SIZE_BYTES)
    const frameBytes = first.readInt32BE(0)
    if (frameBytes < 0 || frameBytes > FRAME_BYTES_MAX) {
      throw new MalformedRequest(`a frame of ${frameBytes} bytes: this is not the Kafka protocol, or too much`)
    }
    const wholeBytes = SIZE_BYTES + frameBytes
    if (this.#bufferedBytes < wholeBytes) return undefined
    const whole = this.#first(wholeBytes)
    if (whole.length === wholeBytes) this.#chunks.shift()
    else this.#chunks[0] = whole.subarray(wholeBytes)
    this.#bufferedBytes -= wholeBytes
    return whole.subarray(SIZE_BYTES, wholeBytes)
  }

  /** The first chunk, joined with the next ones until it has `byteCount` bytes. */
  #first(byteCount: number): Buffer {
    const [first] = this.#chunks
    if (first !== undefined && first.length >= byteCount) return first
    let joinedBytes = 0
    let count = 0
    while (joinedBytes < byteCount) joinedBytes += this.#chunks[count++]?.length ?? 0
    const joined = Buffer.concat(this.#chunks.slice(0, count), joinedBytes)
    this.#chunks.splice(0, count, joined)
    return joined
  }

  #fail(error: unknown): void {
    const isExpected = error instanceof CloseConnection || error instanceof MalformedRequest
    this.#options.log(`connection closed: ${isExpected ? '' : 'internal error: '}${messageOf(error)}`)
    this.#socket.destroy()
  }
}
