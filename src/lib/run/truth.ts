/** The truth about a run, made again from its manifest. */
import {EnvironmentError} from '../base/errors.js'
import {labelsOf} from '../generate/labels.js'
import {createSchedule} from '../pace/create.js'
import type {Label} from '../payment/label.js'
import {readAccounts} from '../population/accounts-file.js'
import {readJournal} from './journal.js'
import {readManifest} from './manifest.js'
import {type Manifest, placesOfRun, type RunPaths} from './run-directory.js'
import {fileSha256} from './sha256.js'
import {streamOfManifest} from './stream-of.js'

const BLOCK_COUNT = 8192

export interface TruthOptions {
  readonly directory: string
  readonly tag: string
  readonly version: string
}

/**
 * Labels of the payments that the run handed over, in the order of their sequence numbers; of a run in shards, those of
 * the shards that were sent from here.
 *
 * @throws EnvironmentError P2PAY_RUN_MISSING, P2PAY_MANIFEST, P2PAY_MANIFEST_VERSION, P2PAY_ACCOUNTS_CHANGED
 */
export async function* truthOf(run: TruthOptions): AsyncGenerator<Label> {
  const places = await placesOfRun(run.directory, run.tag)
  const labels = places.map(paths => labelsAt(paths, run.version))
  const heads = await Promise.all(labels.map(one => one.next()))
  for (;;) {
    let first = -1
    for (const [index, head] of heads.entries()) {
      if (head.done !== true && head.value.sequence < sequenceAt(heads[first])) first = index
    }
    const [head, rest] = [heads[first], labels[first]]
    if (head === undefined || head.done === true || rest === undefined) return
    yield head.value
    heads[first] = await rest.next()
  }
}

function sequenceAt(head: IteratorResult<Label> | undefined): number {
  return head === undefined || head.done === true ? Number.POSITIVE_INFINITY : head.value.sequence
}

async function* labelsAt(paths: RunPaths, version: string): AsyncGenerator<Label, undefined> {
  const manifest = await readManifest(paths.manifest)
  const endSequence = await endOfRun(manifest, paths.journal)
  const schedule = createSchedule(manifest.plan.load, {seed: manifest.plan.seed, maxCount: manifest.plan.maxCount})
  const accounts = await accountsOf(manifest)
  const stream = streamOfManifest(manifest, {version, schedule, accounts})
  for (;;) {
    const block = stream.next(BLOCK_COUNT, endSequence)
    if (block.payments.count === 0) return undefined
    yield* labelsOf(block, manifest.tag)
  }
}

/** One past the last payment of which the journal knows anything; the whole plan when the run came to its end. */
async function endOfRun(manifest: Manifest, journalPath: string): Promise<number> {
  let end = 0
  for await (const entries of readJournal(journalPath)) {
    for (const {sequence, state} of entries) if (state !== 'unsent' && state !== 'unknown') end = sequence + 1
  }
  return manifest.planned_count === null ? end : Math.min(end, manifest.planned_count)
}

async function accountsOf(manifest: Manifest) {
  const file = manifest.accounts_file
  if (file === null) return undefined
  if ((await fileSha256(file.path)) !== file.sha256) {
    throw new EnvironmentError(`The account file ${file.path} is not the one that run ${manifest.tag} used`, {
      code: 'P2PAY_ACCOUNTS_CHANGED',
      suggestions: ['put the file of that time back: its SHA-256 is in the manifest'],
    })
  }
  return readAccounts(file.path)
}
