/** The embedded database in a directory of its own, for the tests of one file. */
import {afterAll, beforeAll} from 'vitest'
import {type EmbeddedDatabase, startEmbeddedDatabase} from '../../src/lib/store/embedded/start.js'
import {makeTemporaryDirectory, removeDirectory} from './temp.js'

/** Starts one before the first test of the file (or of the `describe`) and stops it after the last one. */
export function useEmbeddedDatabase(): {readonly url: () => string} {
  let directory = ''
  let database: EmbeddedDatabase | undefined
  beforeAll(async () => {
    directory = await makeTemporaryDirectory()
    database = await startEmbeddedDatabase({directory})
  })
  afterAll(async () => {
    await database?.stop()
    await removeDirectory(directory)
  })
  return {
    url: () => {
      if (database === undefined) throw new Error('the embedded database has not started')
      return database.url
    },
  }
}
