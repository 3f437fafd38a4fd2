/**
 * The broker's few operations on files, all synchronous: a batch goes to the page cache in some tens of microseconds,
 * which keeps appends in order and answers them at once. A killed process loses nothing of it; fsync, which is slow,
 * runs beside (see PartitionLog.sync) and guards against a crash of the machine.
 */
import {closeSync, fsyncSync, ftruncateSync, openSync, readSync, renameSync, rmSync, writeSync} from 'node:fs'
import {dirname} from 'node:path'

/** Writes some of the bytes at a position and returns how many; a seam, so that tests can fill the disk. */
export type WriteAt = (fd: number, bytes: Buffer, from: number, byteCount: number, position: number) => number

export const writeAt: WriteAt = (fd, bytes, from, byteCount, position) =>
  writeSync(fd, bytes, from, byteCount, position)

/**
 * Appends at `position`, all or nothing: what a full disk took of it is cut off again.
 *
 * @throws the system's error (ENOSPC, EIO, …)
 */
export function appendWhole(fd: number, bytes: Buffer, position: number, write: WriteAt): void {
  try {
    for (let done = 0; done < bytes.length; ) {
      done += write(fd, bytes, done, bytes.length - done, position + done)
    }
  } catch (error) {
    ftruncateSync(fd, position)
    throw error
  }
}

/** @returns how many bytes were there to read, at most `into.length` */
export function readInto(fd: number, into: Buffer, position: number): number {
  let done = 0
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** Replaces a file in one step: a crash, or a disk that fills up, leaves the old or the new content, never a part. */
export function replaceFile(path: string, text: string, write: WriteAt = writeAt): void {
  const temporary = `${path}.new`
  const fd = openSync(temporary, 'w')
  try {
    // In as many writes as it takes: a nearly full disk takes a part of the first without an error.
    appendWhole(fd, Buffer.from(text), 0, write)
    fsyncSync(fd)
  } catch (error) {
    rmSync(temporary, {force: true})
    throw error
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, path)
  syncDirectory(dirname(path))
}

/** Makes a rename outlive a crash of the machine, where the system can. */
function syncDirectory(path: string): void {
  try {
    const fd = openSync(path, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch {
    // Windows has no such thing.
  }
}
