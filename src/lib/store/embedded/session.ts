/**
 * The engine's one session, shared by every connection. A connection holds it from its first message until
 * ReadyForQuery says that no transaction is open; the others wait in line. Whoever comes next finds its own settings:
 * they are applied when they differ from those of the last holder.
 */
import type {Clock} from '../../base/clock.js'
import {messageOf} from '../../base/errors.js'
import {Engine, EngineCrash} from './engine.js'
import {ClientProblem} from './wire.js'

/** What a connection has SET for itself. */
export interface Settings {
  /** Equal for equal settings. */
  readonly key: string
  readonly values: ReadonlyMap<string, string>
}

export const NO_SETTINGS: Settings = {key: '', values: new Map()}

export interface SessionClient {
  settings: Settings
  /** Ends the connection, telling it why; its transaction is rolled back. */
  evict(problem: ClientProblem): void
}

/** A client that sits on an open transaction without a word, while others wait, is ended after this long. */
export const MAX_IDLE_HOLD_MS = 10_000
/** Write-ahead log after which a checkpoint is made; recovery after a crash replays at most about this much. */
const CHECKPOINT_AFTER_BYTES = 67_108_864
/** Replaced or deleted rows of a table that make it worth cleaning; a snapshot chunk is one row of a megabyte. */
const VACUUM_AFTER_ROWS = 20
/** Pause between tries to open the engine again, such as while the disk is full. */
const REOPEN_PAUSE_MS = 1000

interface Waiting {
  readonly client: SessionClient
  readonly go: () => void
  readonly refuse: (problem: ClientProblem) => void
}

export interface SessionOptions {
  /** PostgreSQL's data directory. */
  readonly directory: string
  readonly clock: Clock
  readonly log: (line: string) => void
}

export class Session {
  readonly #options: SessionOptions
  readonly #queue: Waiting[] = []
  #engine: Engine | undefined
  #holder: SessionClient | undefined
  /** When the holder was last heard of; undefined while the engine works for it. */
  #idleSinceUs: number | undefined
  #applied: Settings = NO_SETTINGS
  /** Whose unnamed statement the engine has. */
  #unnamedOwner: SessionClient | undefined
  readonly #temporaryUsers = new Set<SessionClient>()
  #hasRun = false
  /** Where the write-ahead log was at the last checkpoint; not known before the first look. */
  #checkpointAtBytes: number | undefined
  /** Stands in line like a client, but nobody is sent away for it. */
  readonly #housekeeper: SessionClient = {settings: NO_SETTINGS, evict: () => {}}
  #maintenance: Promise<void> | undefined
  #isClosed = false

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** @throws EngineCrash when the directory cannot be opened */
  async open(): Promise<void> {
    this.#engine = await Engine.open(this.#options.directory)
    this.#applied = NO_SETTINGS
  }

  /** Waits until the session is this client's; at most one call per client at a time. */
  async acquire(client: SessionClient): Promise<void> {
    if (this.#holder === client) return
    this.#requireEngine()
    if (this.#holder !== undefined) {
      await new Promise<void>((go, refuse) => this.#queue.push({client, go, refuse}))
    }
    this.#holder = client
    this.#idleSinceUs = undefined
    if (this.#applied.key !== client.settings.key) await this.applySettings(client)
  }

  /** Gives the session to the next in line. */
  release(client: SessionClient): void {
    if (this.#holder !== client) return
    this.#holder = undefined
    const next = this.#queue.shift()
    if (next === undefined) return
    // It is the next one's from now on: nobody may slip in before it runs.
    this.#holder = next.client
    next.go()
  }

  /** Out of the line, if it is there: the client has gone. */
  forget(client: SessionClient): void {
    const at = this.#queue.findIndex(waiting => waiting.client === client)
    this.#queue.splice(at, at < 0 ? 0 : 1)[0]?.refuse(new ClientProblem('FATAL', '08006', 'the client has gone'))
    if (this.#unnamedOwner === client) this.#unnamedOwner = undefined
  }

  isHeldBy(client: SessionClient): boolean {
    return this.#holder === client
  }

  /** The client holds the session and we wait for its next message. */
  markIdle(client: SessionClient): void {
    if (this.#holder === client) this.#idleSinceUs = this.#options.clock.nowUs()
  }

  /** Runs protocol messages of the holder. */
  async run(messages: Buffer): Promise<Buffer> {
    this.#idleSinceUs = undefined
    return this.#work(engine => engine.run(messages))
  }

  /** Runs statements of our own for the holder; they replace the engine's unnamed statement. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    this.#unnamedOwner = undefined
    return this.#work(engine => engine.query(sql))
  }

  ownsUnnamed(client: SessionClient): boolean {
    return this.#unnamedOwner === client
  }

  setUnnamedOwner(client: SessionClient | undefined): void {
    this.#unnamedOwner = client
  }

  addTemporaryUser(client: SessionClient): void {
    this.#temporaryUsers.add(client)
  }

  /** True when the client was the last that may have left temporary tables in the session. */
  dropTemporaryUser(client: SessionClient): boolean {
    return this.#temporaryUsers.delete(client) && this.#temporaryUsers.size === 0
  }

  /** Makes the holder's settings the session's. */
  async applySettings(client: SessionClient): Promise<void> {
    const sets = [...client.settings.values].map(
      ([name, value]) => `set_config(${quote(name)}, ${quote(value)}, false)`,
    )
    // Whatever happens below, the session is no longer as the last one left it.
    this.#applied = {key: 'unknown', values: new Map()}
    await this.query('RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL')
    if (sets.length > 0) await this.query(`SELECT ${sets.join(', ')}`)
    this.#applied = client.settings
  }

  /** Reads what the holder has set, outside of a transaction. */
  async captureSettings(client: SessionClient): Promise<void> {
    const rows = await this.query(`
      SELECT name, setting FROM pg_settings WHERE source = 'session'
      UNION ALL SELECT 'role', current_setting('role') WHERE current_setting('role') <> 'none'`)
    const values = new Map(rows.map(row => [String(row['name']), String(row['setting'])]))
    client.settings = {key: JSON.stringify([...values].sort()), values}
    this.#applied = client.settings
  }

  /** Ends a holder that has been silent for too long while others wait. */
  evictIdleHolder(): void {
    const idleMs = this.#idleSinceUs === undefined ? 0 : (this.#options.clock.nowUs() - this.#idleSinceUs) / 1000
    if (idleMs < MAX_IDLE_HOLD_MS || this.#queue.every(({client}) => client === this.#housekeeper)) return
    const seconds = Math.round(idleMs / 1000)
    this.#holder?.evict(
      new ClientProblem('FATAL', '25P03', `idle in a transaction for ${seconds} s while others waited for the session`),
    )
  }

  /** What a server's background processes would do, as soon as the session is free; returns at once. */
  maintain(): void {
    if (!this.#hasRun || this.#engine === undefined) return
    this.#maintenance ??= this.#maintain().finally(() => {
      this.#maintenance = undefined
    })
  }

  /** Checkpoints, and cleaning up replaced rows. */
  async #maintain(): Promise<void> {
    try {
      await this.acquire(this.#housekeeper)
      this.#hasRun = false
      const [row] = await this.query(`
        SELECT pg_stat_force_next_flush()::text, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 AS wal_bytes`)
      const walBytes = Number(row?.['wal_bytes'])
      this.#checkpointAtBytes ??= walBytes
      if (walBytes - this.#checkpointAtBytes < CHECKPOINT_AFTER_BYTES) return
      const tables = await this.query(`
        SELECT format('%I.%I', schemaname, relname) AS name FROM pg_stat_user_tables
        WHERE n_dead_tup > ${VACUUM_AFTER_ROWS}`)
      for (const table of tables) await this.query(`VACUUM ${String(table['name'])}`)
      await this.query('CHECKPOINT')
      this.#checkpointAtBytes = walBytes
    } catch (error) {
      // A dead engine is dealt with where it died; anything else is tried again at the next round.
      if (!(error instanceof ClientProblem)) this.#options.log(`housekeeping: ${messageOf(error)}`)
    } finally {
      this.#hasRun = false
      this.release(this.#housekeeper)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#maintenance
    const engine = this.#engine
    this.#engine = undefined
    await engine?.close()
  }

  async #work<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    const engine = this.#requireEngine()
    try {
      this.#hasRun = true
      return await work(engine)
    } catch (error) {
      if (!(error instanceof EngineCrash)) throw error
      if (this.#engine === engine) this.#recover(error)
      throw new ClientProblem('FATAL', '57P02', `the database has crashed and is recovering: ${error.message}`)
    }
  }

  #requireEngine(): Engine {
    if (this.#engine !== undefined) return this.#engine
    throw new ClientProblem('FATAL', '57P03', 'the database system is not accepting connections right now')
  }

  /** Sends everybody away and opens the directory again, for as long as it takes. */
  #recover(crash: EngineCrash): void {
    this.#options.log(`the database has crashed: ${crash.message}; opening it again`)
    this.#engine = undefined
    this.#unnamedOwner = undefined
    const problem = new ClientProblem('FATAL', '57P02', 'the database has crashed and is recovering')
    for (const waiting of this.#queue.splice(0)) waiting.refuse(problem)
    void this.#reopen()
  }

  async #reopen(): Promise<void> {
    let lastReason = ''
    while (!this.#isClosed) {
      try {
        const engine = await Engine.open(this.#options.directory)
        if (this.#isClosed) return await engine.close()
        this.#applied = NO_SETTINGS
        this.#engine = engine
        this.#options.log('the database is there again')
        return
      } catch (error) {
        const reason = messageOf(error)
        if (reason !== lastReason) this.#options.log(`the database cannot be opened yet: ${reason}`)
        lastReason = reason
        await this.#options.clock.sleep(REOPEN_PAUSE_MS)
      }
    }
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
