import {EnvironmentError, messageOf} from './errors.js'

/** What a failed write means to the user; a full disk is named as such. */
export function diskError(error: unknown, path: string): EnvironmentError {
  const code = codeOf(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new EnvironmentError(`No space left while writing ${path}`, {
      code: 'P2PAY_DISK_FULL',
      suggestions: [
        'free some space, or name another directory with --dir or P2PAY_DIR',
        'p2pay clean --run TAG removes what an earlier run has left',
      ],
      cause: error,
    })
  }
  return new EnvironmentError(`Cannot write ${path}: ${messageOf(error)}`, {
    code: 'P2PAY_DISK',
    suggestions: ['check that the directory exists and is writable'],
    cause: error,
  })
}

/** The system's error code, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const {code}: {code?: unknown} = error
  return typeof code === 'string' ? code : undefined
}
