/**
 * The manifest of a run: everything that is needed to regenerate its stream. Written whole or not at all
 * (a temporary file, then a rename), and refused on reading when its plan does not fit its digest.
 */
import {createHash} from 'node:crypto'
import {open, readFile, rename, rm} from 'node:fs/promises'
import {dirname} from 'node:path'
import {canonicalJson, nameUnbounded, UNBOUNDED} from '../base/canonical-json.js'
import {codeOf, diskError} from '../base/disk.js'
import {EnvironmentError, messageOf} from '../base/errors.js'
import {makeDirectory} from '../base/make-directory.js'
import type {Plan} from '../scenario/plan.js'
import {MANIFEST_VERSION, type Manifest} from './run-directory.js'

/** JSON has no Infinity; these fields of a plan may be unbounded. */
const UNBOUNDED_FIELDS: readonly string[] = ['durationMs', 'maxCount']

/** @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const draft = `${path}.new`
  try {
    makeDirectory(dirname(path))
    const file = await open(draft, 'w')
    try {
      await file.writeFile(`${JSON.stringify(manifest, (_key, value: unknown) => nameUnbounded(value), 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, {force: true}).catch(() => {})
    throw diskError(error, path)
  }
}

/** @throws EnvironmentError P2PAY_RUN_MISSING, P2PAY_MANIFEST */
export async function readManifest(path: string): Promise<Manifest> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw new EnvironmentError(
      codeOf(error) === 'ENOENT' ? `There is no manifest at ${path}` : `Cannot read ${path}: ${messageOf(error)}`,
      {
        code: 'P2PAY_RUN_MISSING',
        suggestions: ['a run prints its tag; its directory is below .p2pay/runs (or --dir)'],
        cause: error,
      },
    )
  })
  const manifest = parse(text, path)
  const accounts = manifest.accounts_file?.sha256 ?? null
  if (streamDigest(manifest.plan, accounts) !== manifest.plan_sha256) {
    throw damaged(path, 'its plan does not fit its digest')
  }
  return manifest
}

/** SHA-256, hex, of the plan's canonical JSON and the digest of the accounts file that it draws on. */
export function streamDigest(plan: Plan, accountsSha256: string | null): string {
  return createHash('sha256')
    .update(canonicalJson({plan, accounts: accountsSha256}))
    .digest('hex')
}

function parse(text: string, path: string): Manifest {
  let value: unknown
  try {
    value = JSON.parse(text, (key, inner: unknown) =>
      inner === UNBOUNDED && UNBOUNDED_FIELDS.includes(key) ? Number.POSITIVE_INFINITY : inner,
    )
  } catch (error) {
    throw damaged(path, messageOf(error))
  }
  if (typeof value !== 'object' || value === null) throw damaged(path, 'it is not an object')
  const {manifest_version: version}: {manifest_version?: unknown} = value
  if (version !== MANIFEST_VERSION) throw damaged(path, `its version is ${String(version)}, not ${MANIFEST_VERSION}`)
  const missing = ['tag', 'seed', 'start', 'plan', 'plan_sha256', 'topics', 'key', 'p2pay_version'].filter(
    field => !(field in value),
  )
  if (missing.length > 0) throw damaged(path, `it has no ${missing.join(', ')}`)
  // The digest is checked by the caller: what the digest covers was written by writeManifest.
  return value as Manifest
}

function damaged(path: string, why: string): EnvironmentError {
  return new EnvironmentError(`The manifest ${path} cannot be used: ${why}`, {
    code: 'P2PAY_MANIFEST',
    suggestions: ['it was changed by hand or by another version of p2pay: run again for a fresh one'],
  })
}
