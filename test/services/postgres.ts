/**
 * A real PostgreSQL from the machine's own package, on loopback, with its data in a temporary directory. PostgreSQL
 * refuses to run as root, so root runs it as `postgres` or, where that user does not exist, as `nobody`.
 */
import {randomUUID} from 'node:crypto'
import {existsSync} from 'node:fs'
import {chmod, chown, mkdir, readdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import pg from 'pg'
import {makeTemporaryDirectory, removeDirectory} from '../support/temp.js'
import {freePorts} from './ports.js'
import {Daemon, runCommand} from './process.js'

const DEBIAN_VERSIONS = '/usr/lib/postgresql'
const USER = 'p2pay'
const START_TIMEOUT_MS = 60_000
const PROBE_TIMEOUT_MS = 2000

/** Of whom the server process is; empty when we are not root and it can simply be ours. */
interface Owner {
  readonly uid?: number
  readonly gid?: number
}

export class PostgresServer {
  /** As `P2PAY_DATABASE_URL` wants it, with a password. */
  readonly databaseUrl: string
  readonly #directory: string
  readonly #options: {readonly bin: string; readonly owner: Owner; readonly port: number}
  #daemon: Daemon | null = null

  private constructor(
    directory: string,
    options: {readonly bin: string; readonly owner: Owner; readonly port: number; readonly password: string},
  ) {
    this.#directory = directory
    this.#options = options
    this.databaseUrl = `postgresql://${USER}:${options.password}@127.0.0.1:${options.port}/postgres`
  }

  /**
   * Initialises and starts a server of its own.
   *
   * @throws Error when PostgreSQL is not installed, or with the end of its log when it cannot be started
   */
  static async create(): Promise<PostgresServer> {
    const bin = await findBinaries()
    const owner = await findOwner()
    const directory = await makeTemporaryDirectory()
    try {
      const [port = 0] = await freePorts(1)
      const password = randomUUID()
      await initialise(directory, {bin, owner, password})
      const server = new PostgresServer(directory, {bin, owner, port, password})
      await server.start()
      return server
    } catch (error) {
      await removeDirectory(directory)
      throw error
    }
  }

  /** Starts it (again) and waits until it answers. */
  async start(): Promise<void> {
    if (this.#daemon !== null) throw new Error('This PostgreSQL is running')
    const {bin, owner, port} = this.#options
    const daemon = new Daemon({
      name: 'PostgreSQL',
      command: join(bin, 'postgres'),
      args: [
        ...['-D', join(this.#directory, 'data'), '-p', String(port), '-c', 'listen_addresses=127.0.0.1'],
        ...['-c', `unix_socket_directories=${this.#directory}`],
      ],
      cwd: this.#directory,
      logFile: join(this.#directory, 'postgres.log'),
      ...owner,
    })
    this.#daemon = daemon
    try {
      await daemon.ready(() => answers(this.databaseUrl), START_TIMEOUT_MS)
    } catch (error) {
      this.#daemon = null
      throw error
    }
  }

  /** A fast shutdown: open transactions are rolled back, clients told, a checkpoint written. */
  async stop(): Promise<void> {
    await this.#end('SIGINT')
  }

  /**
   * An immediate shutdown, PostgreSQL's own word for a crash: connections cut, no checkpoint, recovery at the next
   * start. A kill -9 of the parent alone would leave its children to hold the data directory.
   */
  async kill(): Promise<void> {
    await this.#end('SIGQUIT')
  }

  /** Stops it for good and removes its data. */
  async remove(): Promise<void> {
    await this.kill()
    await removeDirectory(this.#directory)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    await this.#daemon?.end(signal)
    this.#daemon = null
  }
}

/** Runs `use` with a connection and closes it. */
export async function withClient<T>(databaseUrl: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({connectionString: databaseUrl, connectionTimeoutMillis: PROBE_TIMEOUT_MS})
  // A server that goes away while nothing is asked of it must not end the test process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** @throws Error when the database does not answer */
export async function answers(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, client => client.query('select 1'))
}

async function initialise(
  directory: string,
  options: {readonly bin: string; readonly owner: Owner; readonly password: string},
): Promise<void> {
  const {bin, owner, password} = options
  const passwordFile = join(directory, 'password')
  const data = join(directory, 'data')
  await mkdir(data)
  await writeFile(passwordFile, password)
  if (owner.uid !== undefined && owner.gid !== undefined) {
    for (const path of [directory, data, passwordFile]) await chown(path, owner.uid, owner.gid)
  }
  await chmod(data, 0o700)
  await runCommand(
    join(bin, 'initdb'),
    [
      ...['-D', data, '--username', USER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
      ...['--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
    ],
    {cwd: directory, ...owner},
  )
}

async function findBinaries(): Promise<string> {
  const versions = existsSync(DEBIAN_VERSIONS) ? await readdir(DEBIAN_VERSIONS) : []
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a))
  const bins = newestFirst.map(version => join(DEBIAN_VERSIONS, version, 'bin'))
  const bin = [...bins, await configuredBinaries()].find(path => existsSync(join(path, 'initdb')))
  if (bin === undefined) {
    throw new Error('PostgreSQL is not installed: apt-get install postgresql, or name one in P2PAY_DATABASE_URL')
  }
  return bin
}

/** Where other systems than Debian keep them; Debian's client package has a pg_config without a server. */
async function configuredBinaries(): Promise<string> {
  try {
    return (await runCommand('pg_config', ['--bindir'])).stdout.trim()
  } catch {
    return ''
  }
}

async function findOwner(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    const ids = await Promise.all([idOf(name, '-u'), idOf(name, '-g')])
    const [uid, gid] = ids
    if (uid !== null && gid !== null) return {uid, gid}
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as')
}

async function idOf(name: string, flag: '-u' | '-g'): Promise<number | null> {
  try {
    return Number((await runCommand('id', [flag, name])).stdout)
  } catch {
    return null
  }
}
