/**
 * One process per directory: a `lock` file names the process that has it open. The lock of a process that is gone is
 * taken over; a process number that was given out again (a restarted container begins with the same ones) is told
 * apart by the process's start time, where the system shows it (Linux).
 */
import {randomUUID} from 'node:crypto'
import {linkSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'

export interface DirectoryLock {
  release(): void
}

interface Owner {
  readonly pid: number
  readonly startTime: string | null
  /** Tells two locks of one process apart. */
  readonly token: string
}

/**
 * @returns the lock, or the number of the live process that has it
 * @throws the system's error when the directory cannot be written
 */
export function lockDirectory(directory: string): DirectoryLock | {readonly heldBy: number} {
  const path = join(directory, 'lock')
  const owner: Owner = {pid: process.pid, startTime: processFacts(process.pid).startTime, token: randomUUID()}
  const text = JSON.stringify(owner)
  if (!createFile(path, text)) {
    const seen = readIfThere(path)
    const holder = parseOwner(seen)
    if (holder !== undefined && isAlive(holder)) return {heldBy: holder.pid}
    removeStale(directory, path, seen)
    if (!createFile(path, text)) return {heldBy: parseOwner(readIfThere(path))?.pid ?? 0}
  }
  return {
    release: () => {
      try {
        if (readIfThere(path) === text) rmSync(path, {force: true})
      } catch {
        // The directory may no longer be written: a lock of a process that is gone is taken over anyway.
      }
    },
  }
}

/** The live process that has the directory locked, if any. */
export function lockHolder(directory: string): number | undefined {
  const owner = parseOwner(readIfThere(join(directory, 'lock')))
  return owner !== undefined && isAlive(owner) ? owner.pid : undefined
}

/** Two processes may find the same stale lock: what was moved aside has to be the one that was seen. */
function removeStale(directory: string, path: string, stale: string | undefined): void {
  const aside = join(directory, `lock.stale.${randomUUID()}`)
  try {
    renameSync(path, aside)
    if (readIfThere(aside) !== stale) linkSync(aside, path)
  } catch {
    // Somebody else was quicker; the caller finds that out with its next step.
  }
  rmSync(aside, {force: true})
}

function createFile(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, {flag: 'wx'})
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function parseOwner(text: string | undefined): Owner | undefined {
  try {
    const owner = JSON.parse(text ?? '') as Owner
    return Number.isSafeInteger(owner.pid) && owner.pid > 0 ? owner : undefined
  } catch {
    // An empty or torn lock belongs to nobody alive: its writer died in between.
    return undefined
  }
}

function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  const {state, startTime} = processFacts(owner.pid)
  // A killed process whose parent has not noticed yet is a zombie: it holds nothing any more.
  if (state === 'Z' || state === 'X') return false
  return startTime === null || owner.startTime === null || startTime === owner.startTime
}

/** Fields 3 and 22 of /proc/<pid>/stat: the state, and ticks since boot when the process started. */
function processFacts(pid: number): {readonly state: string | null; readonly startTime: string | null} {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return {state: fields[0] ?? null, startTime: fields[19] ?? null}
  } catch {
    return {state: null, startTime: null}
  }
}
