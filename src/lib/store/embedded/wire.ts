/**
 * PostgreSQL's wire protocol, version 3, as far as a server needs it that passes most messages through: framing, the
 * handshake, and the names inside messages (manual, chapter "Message Formats"). Integers are big-endian, strings end
 * in NUL; a message is one type byte, int32 length (itself included), body.
 */

/** Larger messages end the connection; a row of ours is far below. */
export const MAX_MESSAGE_BYTES = 134_217_728
const MAX_STARTUP_BYTES = 10_000

export interface ClientMessage {
  /** One letter, as the manual names it. */
  readonly type: string
  readonly body: Buffer
}

/** What a connection is told before it is closed (FATAL), or in place of an answer (ERROR). */
export class ClientProblem extends Error {
  readonly severity: 'ERROR' | 'FATAL'
  /** SQLSTATE. */
  readonly state: string

  constructor(severity: 'ERROR' | 'FATAL', state: string, message: string) {
    super(message)
    this.name = 'ClientProblem'
    this.severity = severity
    this.state = state
  }
}

/** Cuts a byte stream into messages; asks for more bytes only when they are wanted, so a fast client has to wait. */
export class MessageReader {
  readonly #chunks: AsyncIterator<Buffer>
  #buffer: Buffer = Buffer.alloc(0)

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  /** Startup, SSL and cancel requests come without a type; undefined at the end of the stream. */
  async startup(): Promise<Buffer | undefined> {
    const head = await this.#take(4)
    if (head === undefined) return undefined
    const length = head.readInt32BE(0)
    if (length < 8 || length > MAX_STARTUP_BYTES) {
      throw new ClientProblem('FATAL', '08P01', `a startup packet of ${length} bytes`)
    }
    return this.#take(length - 4)
  }

  async next(): Promise<ClientMessage | undefined> {
    const head = await this.#take(5)
    if (head === undefined) return undefined
    const length = head.readInt32BE(1)
    if (length < 4 || length > MAX_MESSAGE_BYTES) {
      throw new ClientProblem('FATAL', '08P01', `a message of ${length} bytes; at most ${MAX_MESSAGE_BYTES} are taken`)
    }
    const body = await this.#take(length - 4)
    return body === undefined ? undefined : {type: String.fromCharCode(head[0] ?? 0), body}
  }

  async #take(byteCount: number): Promise<Buffer | undefined> {
    if (this.#buffer.length < byteCount && !(await this.#fill(byteCount))) return undefined
    const taken = this.#buffer.subarray(0, byteCount)
    this.#buffer = this.#buffer.subarray(byteCount)
    return taken
  }

  async #fill(byteCount: number): Promise<boolean> {
    const parts = [this.#buffer]
    let length = this.#buffer.length
    while (length < byteCount) {
      const {done, value} = await this.#chunks.next().catch(() => ({done: true, value: undefined}))
      if (done === true || value === undefined) return false
      parts.push(value)
      length += value.length
    }
    this.#buffer = Buffer.concat(parts, length)
    return true
  }
}

export function message(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)))
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

export function int32(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => {
    buffer.writeInt32BE(value, index * 4)
  })
  return buffer
}

export const SYNC = message('S')
export const AUTHENTICATION_OK = message('R', int32(0))

export type TransactionStatus = 'I' | 'T' | 'E'

export function readyForQuery(status: TransactionStatus): Buffer {
  return message('Z', Buffer.from(status))
}

export function problemMessage(problem: ClientProblem): Buffer {
  const fields = [`S${problem.severity}`, `V${problem.severity}`, `C${problem.state}`, `M${problem.message}`]
  return message('E', ...fields, Buffer.alloc(1))
}

/** COPY FROM STDIN may begin. The column count is left at 0: clients take it from what they were asked to copy. */
export function copyInResponse(isBinary: boolean): Buffer {
  return message('G', Buffer.from([isBinary ? 1 : 0, 0, 0]))
}

/** The text up to the next NUL, and where the rest begins. */
export function readText(body: Buffer, start: number): {readonly text: string; readonly end: number} {
  const end = body.indexOf(0, start)
  if (end < 0) throw new ClientProblem('FATAL', '08P01', 'a string without an end in a message')
  return {text: body.toString('utf8', start, end), end: end + 1}
}

/** The state after ReadyForQuery, when the answer ends with it. */
export function statusAtEnd(answer: Buffer): TransactionStatus | undefined {
  const at = answer.length - 6
  if (at < 0 || answer[at] !== 0x5a || answer.readInt32BE(at + 1) !== 5) return undefined
  const status = String.fromCharCode(answer[at + 5] ?? 0)
  return status === 'I' || status === 'T' || status === 'E' ? status : undefined
}

/** The messages of an answer, in order. */
export function* messagesOf(answer: Buffer): Generator<{readonly type: string; readonly bytes: Buffer}> {
  for (let at = 0; at < answer.length; ) {
    const end = at + 1 + answer.readInt32BE(at + 1)
    yield {type: String.fromCharCode(answer[at] ?? 0), bytes: answer.subarray(at, end)}
    at = end
  }
}
