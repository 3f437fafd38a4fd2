/** Bulk text to stdout or a file with the reader's pace: a slow pipe holds the writer, never memory. */
import {createWriteStream} from 'node:fs'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {codeOf, diskError} from '../base/disk.js'
import {isP2payError} from '../base/errors.js'

const CHUNK_LINES = 512

/**
 * Writes each line with a newline; a reader that has gone ends it quietly.
 *
 * @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK
 */
export async function writeLines(
  out: string,
  lines: Iterable<string> | AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const source = Readable.from(chunksOf(lines), {objectMode: true, highWaterMark: 4})
  try {
    if (out === 'stdout') await pipeline(source, process.stdout, {end: false, signal})
    else await pipeline(source, createWriteStream(out), {signal})
  } catch (error) {
    if (signal.aborted || codeOf(error) === 'EPIPE') return
    // The lines' own trouble, such as a run that is not there.
    if (isP2payError(error)) throw error
    throw diskError(error, out)
  }
}

async function* chunksOf(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let chunk: string[] = []
  for await (const line of lines) {
    chunk.push(line)
    if (chunk.length < CHUNK_LINES) continue
    yield `${chunk.join('\n')}\n`
    chunk = []
  }
  if (chunk.length > 0) yield `${chunk.join('\n')}\n`
}
