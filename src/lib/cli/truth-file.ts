/** Writes the truth of handed-over payments as NDJSON while they are generated. */
import {closeSync, openSync, writeSync} from 'node:fs'
import {diskError} from '../base/disk.js'
import {encodeLabel, labelsOf} from '../generate/labels.js'
import type {GeneratedBlock} from '../generate/stream.js'

export interface TruthFile {
  /** Rows [from, to) of a block; written at once, in the order of the stream. */
  write(block: GeneratedBlock, from: number, to: number): void
  close(): void
}

/** @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK */
export function openTruthFile(path: string, tag: string): TruthFile {
  const file = attempt(path, () => openSync(path, 'w'))
  let current: GeneratedBlock | undefined
  let lines: string[] = []
  return {
    write(block, from, to) {
      if (block !== current) {
        current = block
        lines = [...labelsOf(block, tag)].map(label => `${encodeLabel(label)}\n`)
      }
      attempt(path, () => writeSync(file, lines.slice(from, to).join('')))
    },
    close: () => closeSync(file),
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw diskError(error, path)
  }
}
