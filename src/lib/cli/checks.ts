/** What `p2pay doctor` looks at. Each check stands alone: one that fails says what to do and stops no other. */
import {access, constants, stat, statfs} from 'node:fs/promises'
import {dirname, resolve} from 'node:path'
import {systemClock} from '../base/clock.js'
import {codeOf} from '../base/disk.js'
import {isP2payError, messageOf} from '../base/errors.js'
import type {KafkaConnection} from '../kafka/connection.js'
import {DEFAULT_PARTITIONS, TOPICS} from '../payment/topics.js'
import {formatCount} from '../report/format.js'
import {findAnnouncement} from './announcement.js'

export interface Check {
  readonly name: string
  /** `note`: fine, and worth knowing. */
  readonly state: 'ok' | 'note' | 'wrong'
  readonly text: string
  readonly steps: readonly string[]
}

export interface DiagnoseOptions {
  readonly brokers: string | undefined
  readonly properties: readonly string[]
  readonly databaseUrl: string | undefined
  readonly directory: string
  readonly group: string
}

const MIN_NODE = [20, 19] as const
const LOW_DISK_BYTES = 1_000_000_000
/** A database further away in time than this makes latencies across hosts wrong. */
const MAX_CLOCK_OFFSET_MS = 1000

export async function diagnose(options: DiagnoseOptions): Promise<Check[]> {
  const running = await findAnnouncement(options.directory)
  const brokers = options.brokers ?? running?.brokers
  const databaseUrl = options.databaseUrl ?? (options.brokers === undefined ? running?.database_url : undefined)
  return [
    checkNode(),
    await checkDirectory(options.directory),
    ...(await checkKafka(brokers, options)),
    ...(await checkDatabase(databaseUrl, options.brokers !== undefined)),
  ]
}

function ok(name: string, text: string): Check {
  return {name, state: 'ok', text, steps: []}
}

function wrong(name: string, error: unknown, steps: readonly string[] = []): Check {
  return {name, state: 'wrong', text: messageOf(error), steps: isP2payError(error) ? error.suggestions : steps}
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isNew = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])
  const text = `${process.version}, p2pay needs ${MIN_NODE.join('.')} or newer`
  return isNew ? ok('node', text) : wrong('node', text, ['install a newer Node.js'])
}

async function checkDirectory(directory: string): Promise<Check> {
  try {
    const place = await existingPart(resolve(directory))
    await access(place, constants.W_OK)
    const {bavail, bsize} = await statfs(place)
    const freeBytes = bavail * bsize
    const text = `${directory} is writable, ${(freeBytes / 1e9).toFixed(1)} GB free`
    if (freeBytes >= LOW_DISK_BYTES) return ok('directory', text)
    return {name: 'directory', state: 'note', text, steps: ['free some space: runs and the embedded services need it']}
  } catch (error) {
    return wrong('directory', error, ['name a writable one with --dir or P2PAY_DIR'])
  }
}

/** The directory, or the nearest one above it that is there: where it would be made. */
async function existingPart(path: string): Promise<string> {
  const found = await stat(path).catch(error => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined) return existingPart(dirname(path))
  if (!found.isDirectory()) throw new Error(`${path} is not a directory`)
  return path
}

async function checkKafka(brokers: string | undefined, options: DiagnoseOptions): Promise<Check[]> {
  if (brokers === undefined) {
    const steps = ['p2pay up or p2pay detect starts the embedded one', 'or name one with --brokers or P2PAY_BROKERS']
    return [{name: 'broker', state: 'note', text: 'none is named and no embedded one is running', steps}]
  }
  const {connectKafka} = await import('../kafka/connection.js')
  let kafka: KafkaConnection
  try {
    kafka = await connectKafka({brokers, properties: options.properties, environment: process.env, clock: systemClock})
  } catch (error) {
    return [wrong('broker', error)]
  }
  try {
    return [ok('broker', kafka.description), await checkTopics(kafka), await checkGroup(kafka, options.group)]
  } finally {
    await kafka.close()
  }
}

async function checkTopics(kafka: KafkaConnection): Promise<Check> {
  const wanted = Object.values(TOPICS)
  try {
    const found = await kafka.admin.describeTopics(wanted)
    const counts = found.map(topic => `${topic.name} ${topic.partitions.length}`)
    const missing = wanted.filter(name => !found.some(topic => topic.name === name))
    const leaderless = found.filter(topic => topic.partitions.some(partition => partition.leader < 0))
    if (leaderless.length > 0) {
      const names = leaderless.map(topic => topic.name).join(', ')
      return wrong('topics', `${names}: partitions without a leader`, ['wait for the brokers, or look at their logs'])
    }
    if (missing.length === 0) return ok('topics', `partitions: ${counts.join(', ')}`)
    const steps = [
      `p2pay topics create makes them with ${DEFAULT_PARTITIONS} partitions; so do generate, detect and run`,
    ]
    return {name: 'topics', state: 'note', text: `not there yet: ${missing.join(', ')}`, steps}
  } catch (error) {
    return wrong('topics', error)
  }
}

async function checkGroup(kafka: KafkaConnection, group: string): Promise<Check> {
  try {
    const topics = await kafka.admin.describeTopics([TOPICS.raw])
    const groups = await kafka.admin.listGroups()
    if (topics.length === 0 || !groups.includes(group)) return ok('group', `${group} has not read yet`)
    const [info] = await kafka.admin.describeGroups([group])
    const lag = (await kafka.admin.lagOf(group, TOPICS.raw)).reduce((sum, partition) => sum + partition.lag, 0)
    const members = info?.memberCount ?? 0
    const text = `${group}: ${members} detector${members === 1 ? '' : 's'}, lag ${formatCount(lag)}`
    if (lag === 0 || members > 0) return ok('group', text)
    return {name: 'group', state: 'note', text, steps: ['p2pay detect works it off']}
  } catch (error) {
    return wrong('group', error)
  }
}

async function checkDatabase(url: string | undefined, brokerIsNamed: boolean): Promise<Check[]> {
  if (url === undefined) {
    const steps = brokerIsNamed
      ? ['name one with --database-url or P2PAY_DATABASE_URL, or use --no-database']
      : ['p2pay up or p2pay detect starts the embedded one']
    return [{name: 'database', state: 'note', text: 'none is named and no embedded one is running', steps}]
  }
  const [{schemaStatus}, {serverClockMs}] = await Promise.all([
    import('../store/migrate.js'),
    import('../store/server-clock.js'),
  ])
  try {
    const {current, latest} = await schemaStatus(url)
    const checks = [ok('database', new URL(url).host)]
    const text = `schema at migration ${current} of ${latest}`
    checks.push(current === latest ? ok('migrations', text) : wrong('migrations', text, ['p2pay migrate']))
    const beforeMs = systemClock.nowUs() / 1000
    const serverMs = await serverClockMs(url)
    const afterMs = systemClock.nowUs() / 1000
    // The server answered at some moment in between.
    const offsetMs = Math.max(0, beforeMs - serverMs, serverMs - afterMs)
    const clockText = `database and this machine differ by ${offsetMs.toFixed(0)} ms at most`
    checks.push(
      offsetMs <= MAX_CLOCK_OFFSET_MS
        ? ok('clock', clockText)
        : {
            name: 'clock',
            state: 'note',
            text: clockText,
            steps: ['synchronise the clocks: latencies across hosts need it'],
          },
    )
    return checks
  } catch (error) {
    return [wrong('database', error)]
  }
}
