/**
 * A pipeline of real processes for fault tests: `p2pay generate` and `p2pay detect` against named services, with
 * topics and a group of their own; and an undisturbed detector over the same raw topic, to compare windows with.
 */
import {randomBytes} from 'node:crypto'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import pg from 'pg'
import {messageOf} from '../../src/lib/base/errors.js'
import {debtorWindows, stateDigest} from '../../src/lib/detect/compare.js'
import {debtorShard} from '../../src/lib/detect/shard-name.js'
import {connectKafka, type KafkaConnection} from '../../src/lib/kafka/connection.js'
import type {TopicNames} from '../../src/lib/payment/topics.js'
import {runPaths} from '../../src/lib/run/run-directory.js'
import {openFileSnapshots} from '../../src/lib/store/file-snapshots.js'
import {openStore} from '../../src/lib/store/open.js'
import type {Snapshot, SnapshotStore} from '../../src/lib/store/store.js'
import {type Aftermath, readAftermath} from './aftermath.js'
import {type Finished, type P2pay, run, start} from './p2pay.js'

const POLL_MS = 50
const PARTITIONS = 6

export interface PipelineOptions {
  readonly brokers: string
  readonly databaseUrl: string
  /** For the run's files; one of the test's own. */
  readonly directory: string
  /** A detector that was killed holds its place in the group for so long. */
  readonly sessionTimeoutMs: number
}

export interface LoadOptions {
  readonly tps: number
  readonly durationS: number
  readonly seed: number
}

export class Pipeline {
  readonly brokers: string
  readonly databaseUrl: string
  readonly tag = randomBytes(6).toString('hex')
  readonly topics: TopicNames
  readonly group: string
  readonly #options: PipelineOptions
  readonly #processes: P2pay[] = []

  /** @param before whose topics and group are used again, for another run */
  constructor(options: PipelineOptions, before?: Pipeline) {
    this.#options = options
    this.brokers = options.brokers
    this.databaseUrl = options.databaseUrl
    this.topics = before?.topics ?? topicsOf(this.tag)
    this.group = before?.group ?? `group-${this.tag}`
  }

  /** The same topics and group, for another run. */
  again(): Pipeline {
    return new Pipeline(this.#options, this)
  }

  get journalFile(): string {
    return runPaths(join(this.#options.directory, 'p2pay'), this.tag).journal
  }

  generate({tps, durationS, seed}: LoadOptions, more: readonly string[] = []): P2pay {
    return this.#start([
      ...['generate', '--tps', String(tps), '--duration', `${durationS}s`, '--seed', String(seed)],
      ...['--run-tag', this.tag, '-b', this.brokers, '-t', this.topics.raw, '--fraud-rate', '0.02', ...more],
    ])
  }

  detect(more: readonly string[] = []): P2pay {
    return this.#start([
      ...['detect', '-b', this.brokers, '--database-url', this.databaseUrl, '-g', this.group],
      ...['-X', `session.timeout.ms=${this.#options.sessionTimeoutMs}`, ...topicFlags(this.topics), ...more],
    ])
  }

  /** One more detector, alone, which brings state to the end of the topic and has nothing else to do. */
  async detectToEnd(): Promise<void> {
    const {exitCode, stdout, stderr} = await this.detect(['--until-idle', '1s']).finished
    if (exitCode !== 0 || !stdout.startsWith('consumed 0,')) throw new Error(`it was not the end:\n${stdout}${stderr}`)
  }

  /** Another group from the earliest record to the end, in one go, with outputs that nobody looks at. */
  async detectUndisturbed(): Promise<Finished> {
    const outputs = topicsOf(`${this.tag}.undisturbed`)
    const finished = await run(
      [
        ...['detect', '-b', this.brokers, '--no-database', '-g', `${this.group}-undisturbed`, '--until-idle', '1s'],
        ...topicFlags({...outputs, raw: this.topics.raw}),
      ],
      this.#place('undisturbed'),
    )
    if (finished.exitCode !== 0) throw new Error(`the undisturbed detector failed:\n${finished.stderr}`)
    return finished
  }

  /** Rows in the table; undefined while the database does not answer. */
  rowCount(): Promise<number | undefined> {
    return this.#count('payments')
  }

  /** Of the rows in the table. */
  async paymentIds(): Promise<string[]> {
    const client = new pg.Client({connectionString: this.databaseUrl})
    await client.connect()
    const {rows} = await client.query<{id: string}>('select payment_id::text as id from payments')
    await client.end()
    return rows.map(({id}) => id)
  }

  /** Shards of the group with a snapshot. */
  async snapshotCount(): Promise<number> {
    return (await this.#count(`detector_snapshots where consumer_group = '${this.group}'`)) ?? 0
  }

  async #count(table: string): Promise<number | undefined> {
    const client = new pg.Client({connectionString: this.databaseUrl, connectionTimeoutMillis: 2000})
    client.on('error', () => {})
    try {
      await client.connect()
      const {rows} = await client.query<{count: string}>(`select count(*) as count from ${table}`)
      return Number(rows[0]?.count)
    } catch {
      return undefined
    } finally {
      await client.end().catch(() => {})
    }
  }

  /** Waits until the table has at least so many rows; what it had then. */
  untilRows(count: number): Promise<number> {
    return this.#until(`${count} rows`, async () => {
      const rows = await this.rowCount()
      return rows !== undefined && rows >= count ? rows : undefined
    })
  }

  /** Waits until the group has committed everything that is on the raw topic. */
  untilNoLag(): Promise<true> {
    return this.connected(connection =>
      this.#until('end of the lag', async () => {
        const lags = await connection.admin.lagOf(this.group, this.topics.raw)
        return lags.length === PARTITIONS && lags.every(({lag}) => lag === 0) ? true : undefined
      }),
    )
  }

  /** Waits until the group has at least so many records to read, as it has when its detector is held up. */
  untilBehind(count: number): Promise<number> {
    return this.connected(connection =>
      this.#until(`lag of ${count}`, async () => {
        const lags = await connection.admin.lagOf(this.group, this.topics.raw)
        const behind = lags.reduce((sum, {lag}) => sum + lag, 0)
        return behind >= count ? behind : undefined
      }),
    )
  }

  /** Deletes the raw topic and makes it again, under whoever reads it. */
  remakeRawTopic(): Promise<void> {
    return this.connected(async ({admin}) => {
      const {raw} = this.topics
      await admin.deleteTopics([raw])
      await until('end of the topic', async () => ((await admin.listTopics()).includes(raw) ? undefined : true))
      await admin.ensureTopics([raw], PARTITIONS)
    })
  }

  aftermath(): Promise<Aftermath> {
    return this.connected(connection =>
      readAftermath({
        connection,
        databaseUrl: this.databaseUrl,
        topics: this.topics,
        tag: this.tag,
        journalFile: this.journalFile,
      }),
    )
  }

  /** Partitions whose debtor windows are not those of the undisturbed detector, with what differs. */
  async differingWindows(): Promise<string[]> {
    const store = await openStore(this.databaseUrl)
    try {
      const undisturbed = await openFileSnapshots(join(this.#options.directory, 'undisturbed', 'snapshots'))
      const [ours, theirs] = await Promise.all([
        this.#debtorShards(store, this.group),
        this.#debtorShards(undisturbed, `${this.group}-undisturbed`),
      ])
      return Array.from({length: PARTITIONS}, (_, partition) => debtorShard(partition)).flatMap(shard =>
        differencesOf(shard, ours.get(shard), theirs.get(shard)),
      )
    } finally {
      await store.close()
    }
  }

  async connected<T>(use: (connection: KafkaConnection) => Promise<T>): Promise<T> {
    const connection = await connectKafka({brokers: this.brokers})
    try {
      return await use(connection)
    } finally {
      await connection.close()
    }
  }

  async #debtorShards(store: SnapshotStore, group: string): Promise<ReadonlyMap<string, Snapshot>> {
    const shards = Array.from({length: PARTITIONS}, (_, partition) => debtorShard(partition))
    const snapshots = await store.loadSnapshots({group, topic: this.topics.raw}, shards)
    return new Map(snapshots.map(snapshot => [snapshot.shard, snapshot]))
  }

  #start(args: readonly string[]): P2pay {
    const process = start(args, this.#place('p2pay'))
    this.#processes.push(process)
    return process
  }

  async #until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    try {
      return await until(what, ask)
    } catch (cause) {
      const said = this.#processes.map(({process, stdout, stderr}) => {
        const end = process.exitCode ?? process.signalCode ?? 'running'
        return `${process.spawnargs.slice(2, 4).join(' ')} (${end}):\n${stdout}${stderr}`
      })
      throw new Error(`${messageOf(cause)}\n${said.join('\n')}`, {cause})
    }
  }

  #place(name: string): {readonly cwd: string; readonly env: Readonly<Record<string, string>>} {
    return {cwd: this.#options.directory, env: {P2PAY_DIR: join(this.#options.directory, name)}}
  }
}

/**
 * Asks again and again until there is an answer.
 *
 * @throws Error naming what did not come within the time
 */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > deadlineMs) throw new Error(`there was no ${what} within ${timeoutMs} ms`)
    await delay(POLL_MS)
  }
}

function topicsOf(prefix: string): TopicNames {
  return {
    raw: `raw.${prefix}`,
    legit: `legit.${prefix}`,
    fraud: `fraud.${prefix}`,
    alerts: `alerts.${prefix}`,
    dlq: `dlq.${prefix}`,
  }
}

export function topicFlags({raw, legit, fraud, alerts, dlq}: TopicNames): string[] {
  return ['-t', raw, ...['--legit-topic', legit, '--fraud-topic', fraud, '--alerts-topic', alerts, '--dlq-topic', dlq]]
}

function differencesOf(shard: string, ours: Snapshot | undefined, theirs: Snapshot | undefined): string[] {
  if (ours === undefined || theirs === undefined) {
    return [`${shard}: ${ours === undefined ? 'the' : 'the undisturbed'} detector left no snapshot`]
  }
  const [offsets, undisturbed] = [[...ours.offsets], [...theirs.offsets]].map(one => JSON.stringify(one))
  if (offsets !== undisturbed) return [`${shard}: offsets ${offsets} instead of ${undisturbed}`]
  if (stateDigest(ours) === stateDigest(theirs)) return []
  const [windows, expected] = [debtorWindows(ours), debtorWindows(theirs)]
  const keys = new Set([...windows.keys(), ...expected.keys()])
  const different = [...keys].filter(key => JSON.stringify(windows.get(key)) !== JSON.stringify(expected.get(key)))
  const [first = ''] = different
  return [
    `${shard}: ${different.length} of ${expected.size} debtors differ, such as ${first}: ` +
      `${JSON.stringify(windows.get(first))} instead of ${JSON.stringify(expected.get(first))}`,
  ]
}
