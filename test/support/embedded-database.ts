/** The embedded database in a directory of its own, for the tests of one file. */
import {existsSync} from 'node:fs'
import {cp, mkdir, readFile, rename, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll} from 'vitest'
import {type EmbeddedDatabase, startEmbeddedDatabase} from '../../src/lib/store/embedded/start.js'
import {makeTemporaryDirectory, removeDirectory} from './temp.js'

const ROOT = join(import.meta.dirname, '../..')

/** Starts one before the first test of the file (or of the `describe`) and stops it after the last one. */
export function useEmbeddedDatabase(): {readonly url: () => string} {
  let directory = ''
  let database: EmbeddedDatabase | undefined
  beforeAll(async () => {
    directory = await makeTemporaryDirectory()
    await copyEmptyDatabase(directory)
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

/**
 * Gives `directory` the files of a database that was started once and stopped. Making them takes seconds and most of a
 * gigabyte, so they are made once per version of the engine, kept under node_modules/.cache, and copied.
 */
export async function copyEmptyDatabase(directory: string): Promise<void> {
  const template = await templateDirectory()
  await mkdir(directory, {recursive: true})
  await cp(join(template, 'data'), join(directory, 'data'), {recursive: true})
}

async function templateDirectory(): Promise<string> {
  const manifest = await readFile(join(ROOT, 'node_modules/@electric-sql/pglite/package.json'), 'utf8')
  const {version} = JSON.parse(manifest) as {version: string}
  const cache = join(ROOT, 'node_modules/.cache/p2pay')
  const template = join(cache, `database-${version}`)
  if (existsSync(template)) return template
  await mkdir(cache, {recursive: true})
  // Made aside and moved: a half is never taken for a whole, and of two that are quick the first one counts.
  const fresh = `${template}.${process.pid}`
  const database = await startEmbeddedDatabase({directory: fresh})
  await database.stop()
  await rename(fresh, template).catch(() => rm(fresh, {recursive: true, force: true}))
  return template
}
