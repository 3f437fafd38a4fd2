import {mkdirSync, statSync} from 'node:fs'
import {dirname, resolve} from 'node:path'
import {codeOf} from './disk.js'

/**
 * Makes a directory and those above it that are missing. Other than `mkdir` with `recursive`, which on Node 20 tries
 * for ever where a file system takes no directories (below /proc), it makes each one once and says what is wrong.
 *
 * @throws the system's error
 */
export function makeDirectory(path: string): void {
  const target = resolve(path)
  const missing: string[] = []
  for (let at = target; !isDirectory(at); at = dirname(at)) {
    missing.push(at)
    if (dirname(at) === at) break
  }
  for (const directory of missing.reverse()) {
    try {
      mkdirSync(directory)
    } catch (error) {
      // Another process may have made it meanwhile.
      if (codeOf(error) !== 'EEXIST' || !isDirectory(directory)) throw error
    }
  }
}

/** A file in the place of a directory is an error at once, as making something below it would be. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
