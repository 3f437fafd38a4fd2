/** Reads files that are written by hand: regular ones, of a size that a hand writes. */
import {open, stat} from 'node:fs/promises'
import {messageOf, UsageError} from '../base/errors.js'

/** What is longer is another file. */
const MAX_FILE_BYTES = 1_000_000

export interface TextFileKind {
  /** Such as `scenario`, for messages. */
  readonly what: string
  readonly code: string
  readonly suggestion: string
}

/** @throws UsageError with the kind's code when it cannot be read */
export async function readTextFile(path: string, kind: TextFileKind): Promise<string> {
  const refuse = (why: string, cause?: unknown): UsageError =>
    new UsageError(`the ${kind.what} ${path} cannot be read: ${why}`, {
      code: kind.code,
      suggestions: [kind.suggestion],
      cause,
    })
  try {
    const info = await stat(path)
    if (info.isDirectory()) throw refuse('it is a directory')
    // A device or a pipe may have no end, or nobody at the other one.
    if (!info.isFile()) throw refuse('it is no regular file')
    const bytes = await readBounded(path, MAX_FILE_BYTES + 1)
    if (bytes.length > MAX_FILE_BYTES) throw refuse(`it has more than ${MAX_FILE_BYTES.toLocaleString('en-US')} bytes`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw refuse(messageOf(error), error)
  }
}

/** The first bytes of a file, whatever it says of its size. */
async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const buffer = Buffer.alloc(maxBytes)
    let length = 0
    for (;;) {
      const {bytesRead} = await file.read(buffer, length, maxBytes - length, null)
      length += bytesRead
      if (bytesRead === 0 || length === maxBytes) return buffer.subarray(0, length)
    }
  } finally {
    await file.close()
  }
}
