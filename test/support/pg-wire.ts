/** A PostgreSQL client that says exactly what it is told, message by message, for tests of a server. */
import {connect, type Socket} from 'node:net'

export interface ServerMessage {
  readonly type: string
  readonly body: Buffer
}

export class WireClient {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #wake: () => void = () => {}
  #isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', chunk => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  static async connect(url: string): Promise<WireClient> {
    const {hostname, port} = new URL(url)
    const socket = connect(Number(port), hostname)
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new WireClient(socket)
  }

  /** Connects and goes through the handshake, up to the first ReadyForQuery. */
  static async login(url: string, parameters: Record<string, string> = {}): Promise<WireClient> {
    const client = await WireClient.connect(url)
    const all = {user: 'postgres', database: 'postgres', ...parameters}
    const text = Object.entries(all).map(([name, value]) => `${name}\0${value}\0`)
    client.startup(196_608, Buffer.from(`${text.join('')}\0`))
    await client.until('Z')
    return client
  }

  /** A packet without a type. */
  startup(code: number, body: Buffer = Buffer.alloc(0)): void {
    const packet = Buffer.alloc(8)
    packet.writeInt32BE(8 + body.length, 0)
    packet.writeInt32BE(code, 4)
    this.socket.write(Buffer.concat([packet, body]))
  }

  send(...messages: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(messages))
  }

  /** The messages up to and including the next of this type; or up to the end of the connection. */
  async until(type: string): Promise<ServerMessage[]> {
    const messages: ServerMessage[] = []
    for (;;) {
      const next = await this.next()
      if (next === undefined) return messages
      messages.push(next)
      if (next.type === type) return messages
    }
  }

  async next(): Promise<ServerMessage | undefined> {
    while (this.#received.length < 5 || this.#received.length < 1 + this.#received.readInt32BE(1)) {
      if (this.#isClosed) return undefined
      await this.#more()
    }
    const end = 1 + this.#received.readInt32BE(1)
    const message = {type: String.fromCharCode(this.#received[0] ?? 0), body: this.#received.subarray(5, end)}
    this.#received = this.#received.subarray(end)
    return message
  }

  async byte(): Promise<string> {
    while (this.#received.length === 0 && !this.#isClosed) await this.#more()
    const text = this.#received.toString('latin1', 0, 1)
    this.#received = this.#received.subarray(1)
    return text
  }

  destroy(): void {
    this.socket.destroy()
  }

  #more(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}

/** Client messages by their names in the manual. */
export const say = {
  query: (sql: string) => frame('Q', `${sql}\0`),
  parse: (name: string, sql: string) => frame('P', `${name}\0${sql}\0\0\0`),
  bind: (portal: string, name: string) => frame('B', `${portal}\0${name}\0\0\0\0\0\0\0`),
  describe: (kind: 'S' | 'P', name: string) => frame('D', `${kind}${name}\0`),
  execute: (portal: string, rowCount = 0) =>
    frame('E', Buffer.concat([Buffer.from(`${portal}\0`), Buffer.from([0, 0, 0, rowCount])])),
  close: (kind: 'S' | 'P', name: string) => frame('C', `${kind}${name}\0`),
  sync: () => frame('S', ''),
  flush: () => frame('H', ''),
  copyData: (data: string) => frame('d', data),
  copyDone: () => frame('c', ''),
  copyFail: (reason: string) => frame('f', `${reason}\0`),
}

export function frame(type: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body)
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(bytes.length + 4, 1)
  return Buffer.concat([head, bytes])
}

/** Types of messages as one word, such as `12DCZ`. */
export function typesOf(messages: readonly ServerMessage[]): string {
  return messages.map(message => message.type).join('')
}

/** SQLSTATE of the first error among the messages. */
export function stateOf(messages: readonly ServerMessage[]): string | undefined {
  const error = messages.find(message => message.type === 'E')
  return error?.body
    .toString('utf8')
    .split('\0')
    .find(field => field.startsWith('C'))
    ?.slice(1)
}

/** The first column of each row, as text. */
export function firstColumn(messages: readonly ServerMessage[]): string[] {
  return messages
    .filter(message => message.type === 'D')
    .map(({body}) => body.toString('utf8', 6, 6 + Math.max(0, body.readInt32BE(2))))
}
