import {rm, stat} from 'node:fs/promises'
import {diskError} from '../base/disk.js'

/** Removes a directory with all that is in it. @returns whether there was one */
export async function removeDirectory(path: string): Promise<boolean> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  )
  try {
    await rm(path, {recursive: true, force: true})
  } catch (error) {
    throw diskError(error, path)
  }
  return exists
}
