/**
 * Reads one HTTP/1.1 response (RFC 9112) from bytes that come in any pieces: status, framing, what the server says
 * about the connection's future, and as much of the body as is wanted. No other header is looked at, and no object is
 * made on the way: a load client reads the same two hundred bytes tens of thousands of times a second.
 */

import {
  COLON,
  CR,
  digitAt,
  endOfHead,
  hexDigit,
  isBlank,
  isWord,
  LF,
  latin1,
  numberOf,
  SPACE,
  TAB,
  tokensOf,
} from './head-bytes.js'

/** Bytes of one head, of the trailers or of a chunk's extensions; Node's own client takes 16 KiB. */
const MAX_HEAD_BYTES = 65_536
/** 1xx heads before the answer proper. */
const MAX_INTERIM_COUNT = 100
/** 2^52: beyond it a size is no size. */
const MAX_CHUNK_DIGITS = 13

const SEMICOLON = 59

type Phase =
  | 'head'
  | 'fixed'
  | 'until-close'
  | 'chunk-size'
  | 'chunk-extension'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'done'
  | 'failed'

const CONTENT_LENGTH = Buffer.from('content-length')
const CONNECTION = Buffer.from('connection')
const TRANSFER_ENCODING = Buffer.from('transfer-encoding')
const KEEP_ALIVE = Buffer.from('keep-alive')
const CHUNKED = Buffer.from('chunked')
const TIMEOUT_IS = Buffer.from('timeout=')

export class ResponseParser {
  readonly #maxBodyBytes: number
  #phase: Phase = 'head'
  #isHeadRequest = false
  /** Bytes of a head that came in pieces, and how far its end was looked for. */
  #pending: Buffer | null = null
  #pendingLength = 0
  /** Bytes left of the body or of the chunk. */
  #left = 0
  #digitCount = 0
  /** Of trailers and chunk extensions, against the bound. */
  #extraBytes = 0
  #lineBytes = 0
  #contentLength = -1
  #isChunked = false
  #hasTransferEncoding = false
  readonly #pieces: Buffer[] = []
  #collectedBytes = 0

  /** 0 before the head is whole. */
  status = 0
  /** Body bytes, without the framing of chunks. */
  receivedBytes = 0
  /** The connection may carry another request after this response. */
  keepsConnection = false
  /** How long the server says it keeps an idle connection, ms; −1 when it says nothing. */
  idleLimitMs = -1
  /** 1xx heads that have come before the answer. */
  interimCount = 0
  /** What is wrong with the response; null while nothing is. */
  failure: string | null = null

  /** @param maxBodyBytes keep so many of the body's first bytes */
  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes
  }

  get isDone(): boolean {
    return this.#phase === 'done'
  }

  /** Bytes of a head have come that is not whole yet, or a head and more. */
  get hasBegun(): boolean {
    return this.#phase !== 'head' || this.#pendingLength > 0
  }

  /** What was kept of the body. */
  get body(): Buffer {
    const [first] = this.#pieces
    return this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces)
  }

  /** Ready for the response to the next request. */
  begin({isHeadRequest}: {readonly isHeadRequest: boolean}): void {
    this.#phase = 'head'
    this.#isHeadRequest = isHeadRequest
    this.#pendingLength = 0
    this.receivedBytes = 0
    this.interimCount = 0
    this.failure = null
    this.#pieces.length = 0
    this.#collectedBytes = 0
    this.#beginHead()
  }

  /**
   * Takes bytes [from, to). They are copied where they are kept: the caller may reuse the buffer.
   *
   * @returns the position behind what belongs to the response: below `to` only when it is done or failed
   */
  push(bytes: Buffer, from: number, to: number): number {
    let at = from
    while (at < to) {
      switch (this.#phase) {
        case 'head':
          at = this.#takeHead(bytes, at, to)
          break
        case 'fixed':
        case 'chunk-data':
        case 'until-close':
          at = this.#takeBody(bytes, at, to)
          break
        case 'done':
        case 'failed':
          return at
        default:
          at = this.#takeChunkFraming(bytes, at, to)
      }
    }
    return at
  }

  /** The server has closed the connection: some responses end so. */
  end(): void {
    if (this.#phase === 'until-close') this.#phase = 'done'
  }

  #beginHead(): void {
    this.status = 0
    this.keepsConnection = false
    this.idleLimitMs = -1
    this.#contentLength = -1
    this.#isChunked = false
    this.#hasTransferEncoding = false
  }

  #fail(failure: string, at: number): number {
    this.#phase = 'failed'
    this.keepsConnection = false
    this.failure = failure
    return at
  }

  #takeHead(bytes: Buffer, from: number, to: number): number {
    if (this.#pendingLength === 0) {
      const end = endOfHead(bytes, from, from, to)
      if (end >= 0) return this.#readHead(bytes, from, end) ? end : this.#fail(this.failure ?? 'no head', end)
      return this.#keepPending(bytes, from, to)
    }
    const known = this.#pendingLength
    const kept = this.#keepPending(bytes, from, to)
    const pending = this.#pending
    if (this.#phase === 'failed' || pending === null) return kept
    // The end may lie across the seam.
    const end = endOfHead(pending, 0, Math.max(0, known - 3), this.#pendingLength)
    if (end < 0) return kept
    this.#pendingLength = 0
    const behind = from + end - known
    return this.#readHead(pending, 0, end) ? behind : this.#fail(this.failure ?? 'no head', behind)
  }

  #keepPending(bytes: Buffer, from: number, to: number): number {
    const length = this.#pendingLength + to - from
    if (length > MAX_HEAD_BYTES) return this.#fail(`a head of more than ${MAX_HEAD_BYTES} bytes`, to)
    if (this.#pending === null || this.#pending.length < length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(1024, 2 * length))
      this.#pending?.copy(larger, 0, 0, this.#pendingLength)
      this.#pending = larger
    }
    bytes.copy(this.#pending, this.#pendingLength, from, to)
    this.#pendingLength = length
    return to
  }

  /** Reads the head [from, to), which ends with its empty line; false leaves the reason in `failure`. */
  #readHead(bytes: Buffer, from: number, to: number): boolean {
    let lineStart = this.#readStatusLine(bytes, from, to)
    if (lineStart < 0) return false
    for (;;) {
      let colon = -1
      let end = lineStart
      for (let byte = bytes[end]; byte !== LF; byte = bytes[++end]) if (byte === COLON && colon < 0) colon = end
      const next = end + 1
      if (end > lineStart && bytes[end - 1] === CR) end--
      if (end === lineStart) break
      if (!this.#readField(bytes, lineStart, colon, end)) return false
      lineStart = next
    }
    return this.#settleFraming()
  }

  /** @returns where the next line begins, or −1 */
  #readStatusLine(bytes: Buffer, from: number, to: number): number {
    const end = bytes.indexOf(LF, from)
    // `HTTP/1.1 200`, then a reason phrase or none
    const isHttp =
      end - from >= 12 &&
      bytes[from] === 72 &&
      bytes[from + 1] === 84 &&
      bytes[from + 2] === 84 &&
      bytes[from + 3] === 80 &&
      bytes[from + 4] === 47 &&
      bytes[from + 5] === 49 &&
      bytes[from + 6] === 46 &&
      bytes[from + 8] === SPACE
    const minor = digitAt(bytes, from + 7)
    const status = 100 * digitAt(bytes, from + 9) + 10 * digitAt(bytes, from + 10) + digitAt(bytes, from + 11)
    const after = bytes[from + 12]
    const isLine = after === SPACE || after === CR || after === LF
    if (!(isHttp && isLine && minor >= 0 && status >= 100)) {
      const line = latin1(bytes, from, Math.min(end < 0 ? to : end, from + 40)).trimEnd()
      this.failure = `no HTTP/1 status line: ${JSON.stringify(line)}`
      return -1
    }
    this.status = status
    this.keepsConnection = minor >= 1
    return end + 1
  }

  #readField(bytes: Buffer, from: number, colon: number, to: number): boolean {
    const first = bytes[from] ?? 0
    // A folded line belongs to the field before it (RFC 9112, section 5.2); of ours none is ever folded.
    if (first === SPACE || first === TAB) return true
    if (colon <= from || bytes[colon - 1] === SPACE || bytes[colon - 1] === TAB) {
      this.failure = `no header field: ${JSON.stringify(latin1(bytes, from, Math.min(to, from + 40)))}`
      return false
    }
    // Most fields are none of ours: one look at the first letter and the length is enough to know.
    const letter = first | 0x20
    if (letter !== 99 && letter !== 116 && letter !== 107) return true
    let start = colon + 1
    let end = to
    while (start < end && isBlank(bytes[start])) start++
    while (end > start && isBlank(bytes[end - 1])) end--
    switch (colon - from) {
      case CONNECTION.length:
        if (isWord(bytes, from, colon, CONNECTION)) this.#readConnection(bytes, start, end)
        else if (isWord(bytes, from, colon, KEEP_ALIVE)) this.#readKeepAlive(bytes, start, end)
        return true
      case CONTENT_LENGTH.length:
        return isWord(bytes, from, colon, CONTENT_LENGTH) ? this.#readContentLength(bytes, start, end) : true
      case TRANSFER_ENCODING.length:
        if (isWord(bytes, from, colon, TRANSFER_ENCODING)) this.#readTransferEncoding(bytes, start, end)
        return true
      default:
        return true
    }
  }

  #readConnection(bytes: Buffer, from: number, to: number): void {
    if (isWord(bytes, from, to, KEEP_ALIVE)) {
      this.keepsConnection = true
      return
    }
    const tokens = tokensOf(bytes, from, to)
    if (tokens.includes('close')) this.keepsConnection = false
    else if (tokens.includes('keep-alive')) this.keepsConnection = true
  }

  #readKeepAlive(bytes: Buffer, from: number, to: number): void {
    const digits = from + TIMEOUT_IS.length
    if (digits < to && isWord(bytes, from, digits, TIMEOUT_IS)) {
      const seconds = numberOf(bytes, digits, to)
      if (seconds >= 0) {
        this.idleLimitMs = seconds * 1000
        return
      }
    }
    const [, seconds] = /(?:^|[,;\s])timeout=(\d{1,9})/i.exec(latin1(bytes, from, to)) ?? []
    if (seconds !== undefined) this.idleLimitMs = Number(seconds) * 1000
  }

  /** A list of equal numbers is one number (RFC 9112, section 6.3); anything else leaves the framing unknown. */
  #readContentLength(bytes: Buffer, from: number, to: number): boolean {
    let length = numberOf(bytes, from, to)
    if (length < 0) {
      const tokens = new Set(tokensOf(bytes, from, to))
      const [only] = tokens
      length = tokens.size === 1 && only !== undefined ? numberOf(Buffer.from(only), 0, only.length) : -1
    }
    if (length >= 0 && (this.#contentLength < 0 || this.#contentLength === length)) {
      this.#contentLength = length
      return true
    }
    this.failure = `content-length ${JSON.stringify(latin1(bytes, from, Math.min(to, from + 40)))}`
    return false
  }

  #readTransferEncoding(bytes: Buffer, from: number, to: number): void {
    this.#hasTransferEncoding = true
    this.#isChunked = isWord(bytes, from, to, CHUNKED) || tokensOf(bytes, from, to).at(-1) === 'chunked'
  }

  /** RFC 9112, section 6.3: what follows the head. */
  #settleFraming(): boolean {
    const {status} = this
    if (status < 200) {
      if (status === 101) {
        this.failure = 'status 101: another protocol, unasked'
        return false
      }
      if (++this.interimCount > MAX_INTERIM_COUNT) {
        this.failure = `more than ${MAX_INTERIM_COUNT} interim responses`
        return false
      }
      this.#beginHead()
      return true
    }
    // Both lengths at once are a server's mistake or somebody's trick: nothing behind it can be trusted.
    if (this.#hasTransferEncoding && this.#contentLength >= 0) this.keepsConnection = false
    if (this.#isHeadRequest || status === 204 || status === 304) {
      this.#phase = 'done'
    } else if (this.#isChunked) {
      this.#phase = 'chunk-size'
      this.#beginChunk()
    } else if (this.#contentLength >= 0 && !this.#hasTransferEncoding) {
      this.#left = this.#contentLength
      this.#phase = this.#left === 0 ? 'done' : 'fixed'
    } else {
      this.keepsConnection = false
      this.#phase = 'until-close'
    }
    return true
  }

  #takeBody(bytes: Buffer, from: number, to: number): number {
    const end = this.#phase === 'until-close' ? to : Math.min(to, from + this.#left)
    const count = end - from
    this.#left -= count
    this.receivedBytes += count
    const room = this.#maxBodyBytes - this.#collectedBytes
    if (room > 0) {
      const piece = Buffer.allocUnsafe(Math.min(room, count))
      bytes.copy(piece, 0, from, from + piece.length)
      this.#pieces.push(piece)
      this.#collectedBytes += piece.length
    }
    if (this.#left === 0) {
      if (this.#phase === 'fixed') this.#phase = 'done'
      else if (this.#phase === 'chunk-data') this.#phase = 'chunk-end'
    }
    return end
  }

  #beginChunk(): void {
    this.#left = 0
    this.#digitCount = 0
    this.#extraBytes = 0
    this.#lineBytes = 0
  }

  #takeChunkFraming(bytes: Buffer, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0
      switch (this.#phase) {
        case 'chunk-size': {
          const digit = hexDigit(byte)
          if (digit >= 0) {
            if (++this.#digitCount > MAX_CHUNK_DIGITS) return this.#fail('a chunk size beyond all bounds', at)
            this.#left = this.#left * 16 + digit
            break
          }
          if (this.#digitCount === 0) return this.#fail('a chunk without a size', at)
          if (byte !== LF && byte !== CR && byte !== SEMICOLON && !isBlank(byte)) return this.#fail('a chunk size', at)
          this.#phase = 'chunk-extension'
          at--
          break
        }
        case 'chunk-extension':
          if (++this.#extraBytes > MAX_HEAD_BYTES) return this.#fail('a chunk extension beyond all bounds', at)
          if (byte !== LF) break
          this.#lineBytes = 0
          this.#extraBytes = 0
          this.#phase = this.#left === 0 ? 'trailers' : 'chunk-data'
          if (this.#phase === 'chunk-data') return at + 1
          break
        case 'chunk-end':
          if (byte === CR && this.#lineBytes++ === 0) break
          if (byte !== LF) return this.#fail('a chunk longer than its size', at)
          this.#phase = 'chunk-size'
          this.#beginChunk()
          break
        default:
          // Trailers: lines until an empty one.
          if (++this.#extraBytes > MAX_HEAD_BYTES) return this.#fail('trailers beyond all bounds', at)
          if (byte === LF) {
            if (this.#lineBytes === 0) {
              this.#phase = 'done'
              return at + 1
            }
            this.#lineBytes = 0
          } else if (byte !== CR) {
            this.#lineBytes++
          }
      }
    }
    return to
  }
}
