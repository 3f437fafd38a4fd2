/**
 * One broker per directory: a `lock` file names the process that has it open. The lock of a process that is gone is
 * taken over; a process number that was given out again (a restarted container always begins with the same ones) is
 * told apart by the process's start time where the system shows it (Linux).
 */
import {randomUUID} from 'node:crypto'
import {linkSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {EnvironmentError} from '../base/errors.js'

export interface DirectoryLock {
  release(): void
}

interface Owner {
  readonly pid: number
  readonly startTime: string | null
  /** Tells two locks of one process apart. */
  readonly token: string
}

/** @throws EnvironmentError P2PAY_BROKER_START when another live process holds the directory */
export function lockDirectory(directory: string, pid = process.pid): DirectoryLock {
  const path = join(directory, 'lock')
  const owner: Owner = {pid, startTime: startTimeOf(pid), token: randomUUID()}
  const text = JSON.stringify(owner)
  if (!createFile(path, text)) {
    const seen = readFile(path)
    const holder = parseOwner(seen)
    if (holder !== undefined && isAlive(holder)) throw lockedBy(directory, holder.pid)
    takeOver(directory, path, seen)
    if (!createFile(path, text)) throw lockedBy(directory, parseOwner(readFile(path))?.pid)
  }
  return {
    release: () => {
      if (readFile(path) === text) rmSync(path, {force: true})
    },
  }
}

/** Removes the stale lock, unless another process has taken it over in this very moment. */
function takeOver(directory: string, path: string, stale: string | undefined): void {
  const aside = join(directory, `lock.stale.${randomUUID()}`)
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  const moved = readFile(aside)
  if (moved !== stale) {
    try {
      linkSync(aside, path)
    } catch {
      // Somebody else made a lock meanwhile; the next step finds it.
    }
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

function readFile(path: string): string | undefined {
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
    const isForeign = error instanceof Error && 'code' in error && error.code === 'EPERM'
    if (!isForeign) return false
  }
  const startTime = startTimeOf(owner.pid)
  return startTime === null || owner.startTime === null || startTime === owner.startTime
}

/** Field 22 of /proc/<pid>/stat: ticks since boot when the process started. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

function lockedBy(directory: string, pid: number | undefined): EnvironmentError {
  return new EnvironmentError(`${directory} is in use by the broker of process ${pid ?? 'unknown'}`, {
    code: 'P2PAY_BROKER_START',
    suggestions: [
      'use that broker (its address is in .p2pay/up.json)',
      'or stop that process, or name another directory',
    ],
  })
}
