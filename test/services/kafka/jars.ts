/**
 * Apache Kafka's own jars, brought by Maven once per version of the pom and kept in `test/services/.cache/`.
 */
import {createHash} from 'node:crypto'
import {existsSync} from 'node:fs'
import {mkdir, mkdtemp, readFile, rename, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {runCommand} from '../process.js'

const POM = join(import.meta.dirname, 'pom.xml')
const CACHE = join(import.meta.dirname, '..', '.cache')
const MAVEN_TIMEOUT_MS = 300_000

/**
 * The class path for `java -cp`.
 *
 * @throws Error when Maven is missing or cannot bring the jars
 */
export async function kafkaClasspath(): Promise<string> {
  const given = process.env['P2PAY_KAFKA_CLASSPATH']
  if (given !== undefined) return given
  const digest = createHash('sha256')
    .update(await readFile(POM))
    .digest('hex')
    .slice(0, 12)
  const directory = join(CACHE, `kafka-${digest}`)
  if (!existsSync(directory)) await copyJars(directory)
  return join(directory, '*')
}

/** Into a directory of its own first, so that an interrupted download is never taken for a whole one. */
async function copyJars(directory: string): Promise<void> {
  await mkdir(CACHE, {recursive: true})
  const partial = await mkdtemp(join(CACHE, 'partial-'))
  try {
    await runCommand(
      'mvn',
      ['-B', '-q', '-ntp', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`],
      {timeoutMs: MAVEN_TIMEOUT_MS},
    )
    await rename(partial, directory)
  } catch (error) {
    // Another run at the same time may have been first.
    if (existsSync(directory)) return
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`Apache Kafka's jars could not be had with Maven: ${why}`, {cause: error})
  } finally {
    await rm(partial, {recursive: true, force: true})
  }
}
