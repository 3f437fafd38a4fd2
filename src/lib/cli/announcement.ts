/**
 * `.p2pay/up.json`: how a running embedded broker and database announce themselves to other commands.
 * A file whose process is gone, or whose broker does not answer, announces nothing.
 */
import {readFile, rename, rm, writeFile} from 'node:fs/promises'
import {connect} from 'node:net'
import {join} from 'node:path'
import {makeDirectory} from '../base/make-directory.js'

export interface Announcement {
  readonly pid: number
  readonly brokers: string
  readonly database_url: string
  /** ISO 8601. */
  readonly started_at: string
}

const CONNECT_TIMEOUT_MS = 1000

export async function writeAnnouncement(directory: string, announcement: Announcement): Promise<void> {
  makeDirectory(directory)
  const path = join(directory, 'up.json')
  const draft = `${path}.${announcement.pid}`
  await writeFile(draft, `${JSON.stringify(announcement, null, 2)}\n`)
  await rename(draft, path)
}

/** Removes our own announcement; somebody else's stays. One that cannot be removed announces nothing once we are gone. */
export async function removeAnnouncement(directory: string, pid: number): Promise<void> {
  if ((await readFileAnnouncement(directory))?.pid === pid)
    await rm(join(directory, 'up.json'), {force: true}).catch(() => {})
}

/** The announced services, when they are really there. */
export async function findAnnouncement(directory: string): Promise<Announcement | undefined> {
  const announcement = await readFileAnnouncement(directory)
  if (announcement === undefined || !isAlive(announcement.pid)) return undefined
  return (await answers(announcement.brokers)) ? announcement : undefined
}

/** Ports of the last announcement, 0 when there was none: a host that comes back prefers them. */
export async function staleAddresses(
  directory: string,
): Promise<{readonly brokerPort: number; readonly databasePort: number}> {
  const last = await readFileAnnouncement(directory)
  if (last === undefined) return {brokerPort: 0, databasePort: 0}
  const brokerPort = Number(last.brokers.slice(last.brokers.lastIndexOf(':') + 1))
  const databasePort = URL.canParse(last.database_url) ? Number(new URL(last.database_url).port) : 0
  return {brokerPort: portOr0(brokerPort), databasePort: portOr0(databasePort)}
}

function portOr0(port: number): number {
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0
}

async function readFileAnnouncement(directory: string): Promise<Announcement | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, 'up.json'), 'utf8'))
    return isAnnouncement(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isAnnouncement(value: unknown): value is Announcement {
  if (typeof value !== 'object' || value === null) return false
  return (
    'pid' in value &&
    typeof value.pid === 'number' &&
    'brokers' in value &&
    typeof value.brokers === 'string' &&
    'database_url' in value &&
    typeof value.database_url === 'string'
  )
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, but somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function answers(address: string): Promise<boolean> {
  const colon = address.lastIndexOf(':')
  return new Promise(resolve => {
    const socket = connect({host: address.slice(0, colon), port: Number(address.slice(colon + 1))})
    const finish = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => finish(false))
    socket.once('connect', () => finish(true))
    socket.once('error', () => finish(false))
  })
}
