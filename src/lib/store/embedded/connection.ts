/**
 * One client of the embedded database: handshake, then messages. Extended-protocol messages are gathered up to Sync or
 * Flush and run as one; the data of COPY FROM STDIN is gathered and run together with its statement, because the
 * engine cannot wait in the middle of one. Prepared statements get a prefix per connection, so that names never meet.
 */
import type {Socket} from 'node:net'
import {NO_SETTINGS, type Session, type SessionClient, type Settings} from './session.js'
import {lookAt, prefixNames, type SqlFacts} from './sql-look.js'
import {CANCEL_REQUEST, GSS_REQUEST, parameterStatus, REPORTED, readStartup, SSL_REQUEST} from './startup.js'
import {
  AUTHENTICATION_OK,
  type ClientMessage,
  ClientProblem,
  copyInResponse,
  int32,
  MessageReader,
  message,
  messagesOf,
  problemMessage,
  readText,
  readyForQuery,
  SYNC,
  statusAtEnd,
} from './wire.js'

/** Data of one COPY FROM STDIN; more has to be split. */
const MAX_COPY_BYTES = 268_435_456
/** From connecting to the startup packet. */
const MAX_HANDSHAKE_MS = 30_000
/** Messages gathered before they run even without a Sync. */
const MAX_PIPELINE_BYTES = 16_777_216

export class Connection implements SessionClient {
  readonly id: number
  readonly secret: number
  settings: Settings = NO_SETTINGS
  readonly #socket: Socket
  readonly #session: Session
  readonly #reader: MessageReader
  /** Before every name of a prepared statement of this client. */
  readonly #prefix: string
  readonly #copyStatements = new Map<string, 'text' | 'binary'>()
  readonly #copyPortals = new Map<string, 'text' | 'binary'>()
  #pipeline: Buffer[] = []
  #pipelineBytes = 0
  /** The last Parse without a name: run again when another client has replaced it in the engine. */
  #unnamedParse: Buffer | undefined
  /** What the messages gathered since the last Sync do with the statement that has no name. */
  #unnamed: 'untouched' | 'needed' | 'replaced' = 'untouched'
  #usesNames = false
  #touchesSettings = false
  /** A pipeline has failed before its Sync: until then the engine ignores everything. */
  #isSkipping = false
  /** The handshake is over. */
  #isWelcome = false
  readonly #sinceUs: number

  constructor(options: {socket: Socket; session: Session; id: number; secret: number; nowUs: number}) {
    this.id = options.id
    this.secret = options.secret
    this.#socket = options.socket
    this.#session = options.session
    this.#reader = new MessageReader(options.socket)
    this.#prefix = `${options.id}:`
    this.#sinceUs = options.nowUs
  }

  /** Serves the client until it goes, is sent away, or breaks the protocol. Never rejects. */
  async serve(): Promise<void> {
    try {
      if (await this.#startUp()) await this.#answerMessages()
    } catch (error) {
      this.evict(error instanceof ClientProblem ? error : new ClientProblem('FATAL', 'XX000', String(error)))
    }
    await this.#leave().catch(() => {
      // The engine has died meanwhile, and everything of this client's with it.
    })
    this.#session.forget(this)
    this.#session.release(this)
    this.#socket.end()
  }

  evict(problem: ClientProblem): void {
    this.#session.forget(this)
    if (!this.#socket.writable) return
    this.#socket.end(problemMessage(new ClientProblem('FATAL', problem.state, problem.message)))
    // Whatever the client still sends is not read; the reader ends.
    this.#socket.destroySoon()
  }

  /** Ends a connection that has not said who it is for too long: it keeps a place that others want. */
  evictIfSilent(nowUs: number): void {
    if (this.#isWelcome || nowUs - this.#sinceUs < MAX_HANDSHAKE_MS * 1000) return
    this.evict(new ClientProblem('FATAL', '08P01', `no startup packet within ${MAX_HANDSHAKE_MS / 1000} s`))
  }

  async #startUp(): Promise<boolean> {
    for (;;) {
      const packet = await this.#reader.startup()
      if (packet === undefined) return false
      const code = packet.readInt32BE(0)
      if (code === SSL_REQUEST || code === GSS_REQUEST) {
        this.#socket.write('N')
        continue
      }
      // A statement that runs cannot be interrupted; the protocol allows to ignore the request.
      if (code === CANCEL_REQUEST) return false
      const settings = readStartup(packet)
      this.#isWelcome = true
      await this.#welcome(settings)
      return true
    }
  }

  async #welcome(values: ReadonlyMap<string, string>): Promise<void> {
    this.settings = {key: JSON.stringify([...values].sort()), values}
    let reported: Record<string, unknown>[]
    try {
      await this.#session.acquire(this)
      await this.#session.captureSettings(this)
      reported = await this.#session.query(REPORTED)
    } catch (error) {
      if (error instanceof ClientProblem) throw error
      this.settings = NO_SETTINGS
      throw new ClientProblem('FATAL', '22023', error instanceof Error ? error.message : String(error))
    } finally {
      this.#session.release(this)
    }
    const key = message('K', int32(this.id, this.secret))
    await this.#send(Buffer.concat([AUTHENTICATION_OK, parameterStatus(reported), key, readyForQuery('I')]))
  }

  async #answerMessages(): Promise<void> {
    for (;;) {
      this.#session.markIdle(this)
      const received = await this.#reader.next()
      if (received === undefined || received.type === 'X') return
      await this.#answer(received)
    }
  }

  async #answer({type, body}: ClientMessage): Promise<void> {
    switch (type) {
      case 'Q':
        return this.#simpleQuery(body)
      case 'P':
        return this.#gather(this.#parse(body))
      case 'B':
        return this.#gather(this.#bind(body))
      case 'D':
      case 'C':
        return this.#gather(this.#describeOrClose(type, body))
      case 'E':
        return this.#executePortal(body)
      case 'H':
        return this.#run('flush')
      case 'S':
        this.#pipeline.push(SYNC)
        return this.#run('sync')
      case 'd':
      case 'c':
      case 'f':
        // Left over from a COPY that has failed; the protocol says to ignore them.
        return
      case 'F':
        throw new ClientProblem('FATAL', '0A000', 'function calls by message are not served; use SELECT')
      default:
        throw new ClientProblem('FATAL', '08P01', `a message of unknown type "${type}"`)
    }
  }

  async #simpleQuery(body: Buffer): Promise<void> {
    const given = readText(body, 0).text
    const facts = lookAt(given)
    const query = message('Q', this.#ownText(given, facts))
    // A simple query drops the unnamed statement.
    this.#unnamedParse = undefined
    this.#unnamed = 'replaced'
    if (facts.copyIn === undefined) {
      this.#pipeline.push(query)
      return this.#run('sync')
    }
    await this.#send(copyInResponse(facts.copyIn === 'binary'))
    const data = await this.#receiveCopy()
    this.#pipeline.push(query, ...data)
    await this.#run('sync', {isCopyAnnounced: true})
  }

  #parse(body: Buffer): Buffer {
    const {text: name, end: afterName} = readText(body, 0)
    const {text: given, end: afterText} = readText(body, afterName)
    const facts = lookAt(given)
    if (facts.copyIn === undefined) this.#copyStatements.delete(name)
    else this.#copyStatements.set(name, facts.copyIn)
    const parse = message('P', this.#ownName(name), this.#ownText(given, facts), body.subarray(afterText))
    if (name === '') {
      this.#unnamedParse = parse
      this.#unnamed = 'replaced'
    }
    return parse
  }

  #bind(body: Buffer): Buffer {
    const {text: portal, end: afterPortal} = readText(body, 0)
    const {text: name, end} = readText(body, afterPortal)
    const copyIn = this.#copyStatements.get(name)
    if (copyIn === undefined) this.#copyPortals.delete(portal)
    else this.#copyPortals.set(portal, copyIn)
    return message('B', portal, this.#ownName(name), body.subarray(end))
  }

  #describeOrClose(type: 'D' | 'C', body: Buffer): Buffer {
    const {text: name} = readText(body, 1)
    if (body[0] !== STATEMENT) return message(type, body)
    if (type === 'C') {
      this.#copyStatements.delete(name)
      if (name === '') this.#unnamedParse = undefined
    }
    return message(type, body.subarray(0, 1), this.#ownName(name))
  }

  async #executePortal(body: Buffer): Promise<void> {
    const execute = message('E', body)
    const copyIn = this.#copyPortals.get(readText(body, 0).text)
    if (copyIn === undefined) return this.#gather(execute)
    // Everything before it first: COPY may begin only if that went well.
    await this.#run('flush')
    if (this.#isSkipping) return this.#gather(execute)
    await this.#send(copyInResponse(copyIn === 'binary'))
    const data = await this.#receiveCopy()
    this.#pipeline.push(execute, ...data)
    await this.#run('flush', {isCopyAnnounced: true})
  }

  async #gather(bytes: Buffer): Promise<void> {
    this.#pipeline.push(bytes)
    this.#pipelineBytes += bytes.length
    if (this.#pipelineBytes > MAX_PIPELINE_BYTES) await this.#run('flush')
  }

  /** The data of a COPY, up to its end or the client's giving up; Sync and Flush do not count in between. */
  async #receiveCopy(): Promise<Buffer[]> {
    const data: Buffer[] = []
    let byteCount = 0
    for (;;) {
      const received = await this.#reader.next()
      if (received === undefined) throw new ClientProblem('FATAL', '08006', 'the client has gone in the middle of COPY')
      const {type, body} = received
      if (type === 'H' || type === 'S') continue
      if (type !== 'd' && type !== 'c' && type !== 'f') {
        throw new ClientProblem('FATAL', '08P01', `a message of type "${type}" in the middle of COPY`)
      }
      byteCount += body.length
      if (byteCount <= MAX_COPY_BYTES) data.push(message(type, body))
      if (type === 'd') continue
      return byteCount <= MAX_COPY_BYTES ? data : [message('f', `more than ${MAX_COPY_BYTES} bytes in one COPY`)]
    }
  }

  /**
   * Runs what has been gathered and sends the answer. After a Flush the session stays ours until the Sync.
   */
  async #run(until: 'flush' | 'sync', options: {isCopyAnnounced?: boolean} = {}): Promise<void> {
    const gathered = this.#pipeline
    this.#pipeline = []
    this.#pipelineBytes = 0
    if (gathered.length === 0) return
    await this.#session.acquire(this)
    const isInjected = this.#unnamed === 'needed' && !this.#session.ownsUnnamed(this)
    if (isInjected && this.#unnamedParse !== undefined) gathered.unshift(this.#unnamedParse)
    this.#session.setUnnamedOwner(this.#unnamed === 'untouched' ? undefined : this)
    let answer = await this.#session.run(Buffer.concat(gathered))
    if (isInjected && answer[0] === PARSE_COMPLETE) answer = answer.subarray(PARSE_COMPLETE_BYTES)
    if (options.isCopyAnnounced === true) answer = without(answer, 'G')
    if (until === 'flush') {
      this.#isSkipping ||= Array.from(messagesOf(answer)).some(({type}) => type === 'E')
      return this.#send(answer)
    }
    this.#isSkipping = false
    this.#unnamed = 'untouched'
    const status = statusAtEnd(answer)
    if (status === undefined) throw new ClientProblem('FATAL', 'XX000', 'the engine did not finish its answer')
    if (status === 'I') answer = Buffer.concat([answer, await this.#letGo()])
    await this.#send(answer)
  }

  /** The transaction is over: remembers what the client has set, and lets the next one have the session. */
  async #letGo(): Promise<Buffer> {
    let news: Buffer = Buffer.alloc(0)
    if (this.#touchesSettings) {
      this.#touchesSettings = false
      const before = this.settings.key
      await this.#session.captureSettings(this)
      if (this.settings.key !== before) news = parameterStatus(await this.#session.query(REPORTED))
    }
    this.#session.release(this)
    return news
  }

  /** Leaves nothing behind in the session: no transaction, no statements, no temporary tables. */
  async #leave(): Promise<void> {
    if (this.#session.isHeldBy(this)) {
      // Sync is only for a pipeline that has failed: it would commit one that has not.
      if (this.#isSkipping) await this.#session.run(SYNC)
      await this.#session.query('ROLLBACK')
    }
    const isLastWithTemporary = this.#session.dropTemporaryUser(this)
    if (!this.#usesNames && !isLastWithTemporary) return
    await this.#session.acquire(this)
    await this.#session.query(dropStatements(this.#prefix))
    if (isLastWithTemporary) await this.#session.query('DISCARD TEMP')
  }

  #ownName(name: string): string {
    if (name === '') {
      if (this.#unnamed === 'untouched') this.#unnamed = 'needed'
      return ''
    }
    this.#usesNames = true
    return this.#prefix + name
  }

  /** The text as the engine is to see it. */
  #ownText(given: string, facts: SqlFacts): string {
    this.#touchesSettings ||= facts.touchesSettings
    if (facts.usesTemporary) this.#session.addTemporaryUser(this)
    if (facts.listens) return refusal('LISTEN is not served by the embedded database')
    if (facts.copyInCount > 1) return refusal('the embedded database takes one COPY FROM STDIN per query')
    // These two would reach into the statements of other clients.
    if (facts.dropsEverything) return dropStatements(this.#prefix, this.#touchesSettings ? 'RESET ALL;' : '')
    if (facts.names.length === 0) return given
    this.#usesNames = true
    return prefixNames(given, facts, this.#prefix)
  }

  async #send(data: Buffer): Promise<void> {
    if (data.length === 0 || !this.#socket.writable) return
    if (this.#socket.write(data)) return
    await new Promise<void>(resolve => {
      const done = (): void => {
        this.#socket.off('drain', done).off('close', done)
        resolve()
      }
      this.#socket.on('drain', done).on('close', done)
    })
  }
}

const STATEMENT = 0x53
const PARSE_COMPLETE = 0x31
const PARSE_COMPLETE_BYTES = 5
/** Drops the prepared statements of one client, whether made by message or by SQL. */
function dropStatements(prefix: string, also = ''): string {
  return `DO $drop$ DECLARE statement text; BEGIN
    FOR statement IN SELECT name FROM pg_catalog.pg_prepared_statements WHERE starts_with(name, '${prefix}') LOOP
      EXECUTE format('DEALLOCATE %I', statement);
    END LOOP; ${also} END $drop$`
}

/** A statement that fails with this message, so that the engine keeps the order of the protocol. */
function refusal(text: string): string {
  return `DO $refuse$ BEGIN RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = '${text}'; END $refuse$`
}

function without(answer: Buffer, type: string): Buffer {
  return Buffer.concat(Array.from(messagesOf(answer)).flatMap(part => (part.type === type ? [] : [part.bytes])))
}
