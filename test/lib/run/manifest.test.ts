import {readdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {canonicalJson} from '../../../src/lib/base/canonical-json.js'
import {readManifest, streamDigest, writeManifest} from '../../../src/lib/run/manifest.js'
import {MANIFEST_VERSION, type Manifest, runPaths} from '../../../src/lib/run/run-directory.js'
import type {Plan} from '../../../src/lib/scenario/plan.js'
import {temporaryDirectory} from '../../support/temp.js'

const plan: Plan = {
  name: 'Infinity',
  seed: 42,
  accountCount: 1000,
  clock: 'simulated',
  fraudRate: 0.01,
  typologies: {},
  lookAlikeRate: 0.02,
  warmupCount: 100,
  load: [{executor: 'constant-arrival-rate', rateTps: 500, durationMs: Number.POSITIVE_INFINITY, arrivals: 'uniform'}],
  maxCount: Number.POSITIVE_INFINITY,
  partitions: 6,
  detector: {reviewScore: 0.5, blockScore: 0.8, rules: {}},
  thresholds: [],
}

const manifest: Manifest = {
  manifest_version: MANIFEST_VERSION,
  p2pay_version: '0.1.0',
  node_version: 'v20.19.0',
  tag: '0123456789ab',
  seed: 42,
  start: '2026-01-01T00:00:00.000Z',
  schedule_started_us: null,
  planned_count: null,
  warmup_count: 100,
  plan,
  plan_sha256: streamDigest(plan, null),
  accounts_file: null,
  key: 'debtor_id',
  shard: null,
  broker: {address: 'localhost:9092', cluster_id: 'abc'},
  topics: {raw: {name: 'payments.raw', start_offsets: [0, 1, 2]}},
  command: 'p2pay generate --tps 500',
}

async function written(value: Manifest = manifest): Promise<string> {
  const {manifest: path} = runPaths(await temporaryDirectory(), value.tag)
  await writeManifest(path, value)
  return path
}

describe('a manifest', () => {
  it('reads back as it was written, unbounded plans and a scenario called Infinity included', async () => {
    expect(await readManifest(await written())).toEqual(manifest)
  })

  it('is replaced whole and leaves no draft behind', async () => {
    const path = await written()
    await writeManifest(path, {...manifest, schedule_started_us: 1_700_000_000_000_000})
    expect((await readManifest(path)).schedule_started_us).toBe(1_700_000_000_000_000)
    expect(await readdir(join(path, '..'))).toEqual(['manifest.json'])
  })

  it.each([
    [
      'a changed plan',
      (text: string) => text.replace('"seed": 42,\n    "accountCount"', '"seed": 43,\n    "accountCount"'),
    ],
    ['another version', (text: string) => text.replace('"manifest_version": 1', '"manifest_version": 2')],
    ['a missing field', (text: string) => text.replace('"tag"', '"gat"')],
    ['half a file', (text: string) => text.slice(0, text.length / 2)],
    ['something else', () => '[]'],
  ])('is refused with %s', async (_name, damage) => {
    const path = await written()
    const text = await readFile(path, 'utf8')
    expect(damage(text)).not.toBe(text)
    await writeFile(path, damage(text))
    await expect(readManifest(path)).rejects.toMatchObject({code: 'P2PAY_MANIFEST'})
  })

  it('that is not there says what a tag is', async () => {
    await expect(readManifest('/nowhere/manifest.json')).rejects.toMatchObject({code: 'P2PAY_RUN_MISSING'})
  })
})

describe('the digest of a plan', () => {
  it('does not depend on the order of keys', () => {
    expect(canonicalJson({b: 1, a: {d: [2, {z: 1, y: 2}], c: 3}})).toBe('{"a":{"c":3,"d":[2,{"y":2,"z":1}]},"b":1}')
    const reversed = Object.fromEntries(Object.entries(plan).reverse())
    expect(streamDigest({...plan, ...reversed}, null)).toBe(streamDigest(plan, null))
  })
  it('depends on the accounts', () => expect(streamDigest(plan, 'ab')).not.toBe(streamDigest(plan, null)))
})
