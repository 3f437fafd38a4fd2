/**
 * Temporary directories for tests: real files in a place of their own rather than a mocked file system. Each is
 * removed with all that is in it, also when the test fails.
 */
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {onTestFinished} from 'vitest'

/** A new empty directory, removed when the running test has finished. Only inside of a test. */
export async function temporaryDirectory(): Promise<string> {
  const path = await makeTemporaryDirectory()
  onTestFinished(() => removeDirectory(path))
  return path
}

/** Calls `use` with a new empty directory and removes it afterwards, whatever happens. */
export async function withTemporaryDirectory<T>(use: (path: string) => Promise<T>): Promise<T> {
  const path = await makeTemporaryDirectory()
  try {
    return await use(path)
  } finally {
    await removeDirectory(path)
  }
}

/** A new empty directory that the caller removes (with `removeDirectory`), for hooks that outlive a test. */
export function makeTemporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'p2pay-test-'))
}

/** Removes the directory; retries for as long as a process that is just ending still writes into it. */
export function removeDirectory(path: string): Promise<void> {
  return rm(path, {recursive: true, force: true, maxRetries: 10, retryDelay: 50})
}
