/**
 * Who uses the embedded services that another process hosts: `.p2pay/guests/<pid>/`, locked by the guest. A host that
 * is done waits for its guests, so that two runs in one directory do not pull the broker from under each other.
 */
import {readdirSync, rmSync} from 'node:fs'
import {join} from 'node:path'
import type {Clock} from '../base/clock.js'
import {nowMs} from '../base/clock.js'
import {lockDirectory, lockHolder} from '../base/directory-lock.js'
import {makeDirectory} from '../base/make-directory.js'

/** A guest that never ends, such as a detector, must not hold a finished run for ever. */
const MAX_WAIT_MS = 600_000
const STEP_MS = 200

/** Says that this process uses the services of `directory`. @returns what to call when it no longer does */
export function enterAsGuest(directory: string, pid: number): () => void {
  const place = join(directory, 'guests', String(pid))
  try {
    makeDirectory(place)
    lockDirectory(place)
  } catch {
    // A directory that only the host may write: it will not know of us, which costs nothing but its patience.
    return () => {}
  }
  return () => rmSync(place, {recursive: true, force: true})
}

/** Process numbers of the living guests; what the dead left is removed. */
export function guestsOf(directory: string): readonly number[] {
  const guests: number[] = []
  for (const name of namesIn(join(directory, 'guests'))) {
    const place = join(directory, 'guests', name)
    const pid = lockHolder(place)
    if (pid === undefined) rmSync(place, {recursive: true, force: true})
    else guests.push(pid)
  }
  return guests
}

/** Returns when the last guest has gone, at once when the signal aborts, and after ten minutes at the latest. */
export async function guestsGone(
  directory: string,
  context: {readonly clock: Clock; readonly signal: AbortSignal; readonly note: (text: string) => void},
): Promise<void> {
  const {clock, signal, note} = context
  const untilMs = nowMs(clock) + MAX_WAIT_MS
  for (let isNoted = false; !signal.aborted && nowMs(clock) < untilMs; isNoted = true) {
    const guests = guestsOf(directory)
    if (guests.length === 0) return
    const who = guests.length === 1 ? `process ${guests[0]} still uses` : `processes ${guests.join(', ')} still use`
    if (!isNoted) note(`done; ${who} the embedded services of this one: waiting, Ctrl-C ends them now`)
    await clock.sleep(STEP_MS, signal)
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
