/**
 * The detector's snapshots on local files, for a single detector without a database. Each state is a file of its own;
 * `snapshots.json` says which files count and is replaced by an atomic rename, so a save happens wholly or not at all,
 * and a crash leaves at worst files that nothing points to (the next save removes them).
 */
import {createHash, randomUUID} from 'node:crypto'
import {open, readdir, readFile, rename, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {codeOf, diskError} from '../base/disk.js'
import {EnvironmentError, isP2payError, messageOf} from '../base/errors.js'
import {makeDirectory} from '../base/make-directory.js'
import type {PartitionOffsets} from '../payment/record.js'
import type {Snapshot, SnapshotOwner, SnapshotStore} from './store.js'

const INDEX_VERSION = 1
const INDEX_FILE = 'snapshots.json'
const STATE_SUFFIX = '.state'
/** A disk that may have room, or work, again: no fault of the snapshots, and worth waiting for. */
const PASSING: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE'])

interface Entry {
  readonly group: string
  readonly topic: string
  readonly shard: string
  readonly state_version: number
  readonly offsets: Readonly<Record<string, number>>
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

interface Index {
  readonly version: number
  readonly snapshots: readonly Entry[]
}

/**
 * @param directory made when missing, such as `.p2pay/snapshots`
 * @throws EnvironmentError P2PAY_SNAPSHOT when the directory cannot be used or its index cannot be read
 */
export async function openFileSnapshots(directory: string): Promise<SnapshotStore> {
  const store = new FileSnapshots(directory)
  await store.open()
  return store
}

class FileSnapshots implements SnapshotStore {
  readonly #directory: string
  /** Saves and removals happen one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(directory: string) {
    this.#directory = directory
  }

  async open(): Promise<void> {
    await this.#explain(async () => {
      makeDirectory(this.#directory)
      await this.#readIndex()
    })
  }

  saveSnapshots(owner: SnapshotOwner, snapshots: readonly Snapshot[]): Promise<void> {
    return this.#inTurn(() => this.#save(owner, snapshots))
  }

  loadSnapshots(owner: SnapshotOwner, shards: readonly string[]): Promise<readonly Snapshot[]> {
    // Not while a save takes away the files that it has replaced.
    return this.#inTurn(async () => {
      const {snapshots: entries} = await this.#readIndex()
      const found = shards.flatMap(shard => entries.find(entry => isOf(entry, owner, shard)) ?? [])
      return Promise.all(found.map(entry => this.#readState(entry)))
    })
  }

  dropSnapshots(owner: SnapshotOwner, partitions: readonly number[]): Promise<void> {
    return this.#inTurn(async () => {
      const {snapshots: stored} = await this.#readIndex()
      const kept = stored.filter(
        entry =>
          entry.group !== owner.group ||
          entry.topic !== owner.topic ||
          !partitions.some(partition => String(partition) in entry.offsets),
      )
      if (kept.length < stored.length) await this.#writeIndex(kept)
    })
  }

  /** One after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#explain(work))
    this.#last = turn.catch(() => {})
    return turn
  }

  async #save(owner: SnapshotOwner, snapshots: readonly Snapshot[]): Promise<void> {
    const {snapshots: stored} = await this.#readIndex()
    const fresh: Entry[] = []
    for (const snapshot of snapshots) {
      const old = stored.find(entry => isOf(entry, owner, snapshot.shard))
      if (old === undefined || !isBehind(snapshot.offsets, old.offsets))
        fresh.push(await this.#writeState(owner, snapshot))
    }
    const replaced = new Set(fresh.map(entry => stored.find(old => isOf(old, owner, entry.shard))))
    const kept = stored.filter(entry => !replaced.has(entry))
    await this.#writeIndex([...kept, ...fresh])
  }

  async #writeIndex(snapshots: readonly Entry[]): Promise<void> {
    const index: Index = {version: INDEX_VERSION, snapshots}
    const aside = join(this.#directory, `${INDEX_FILE}.new`)
    await writeDurably(aside, Buffer.from(`${JSON.stringify(index, undefined, 2)}\n`))
    await rename(aside, join(this.#directory, INDEX_FILE))
    await this.#removeUnused(index)
  }

  async #writeState(owner: SnapshotOwner, snapshot: Snapshot): Promise<Entry> {
    const file = `${randomUUID()}${STATE_SUFFIX}`
    await writeDurably(join(this.#directory, file), snapshot.state)
    return {
      group: owner.group,
      topic: owner.topic,
      shard: snapshot.shard,
      state_version: snapshot.stateVersion,
      offsets: Object.fromEntries(snapshot.offsets),
      file,
      bytes: snapshot.state.length,
      sha256: digestOf(snapshot.state),
    }
  }

  async #readState(entry: Entry): Promise<Snapshot> {
    const state = await readFile(join(this.#directory, entry.file))
    if (state.length !== entry.bytes || digestOf(state) !== entry.sha256) {
      throw this.#failure(`the state of ${entry.shard} (${entry.file}) is not what was written`)
    }
    const offsets = new Map(Object.entries(entry.offsets).map(([partition, next]) => [Number(partition), next]))
    return {shard: entry.shard, offsets, stateVersion: entry.state_version, state}
  }

  async #readIndex(): Promise<Index> {
    let text: string
    try {
      text = await readFile(join(this.#directory, INDEX_FILE), 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        return {version: INDEX_VERSION, snapshots: []}
      }
      throw error
    }
    const index = JSON.parse(text) as Index
    if (index.version !== INDEX_VERSION || !Array.isArray(index.snapshots)) {
      throw this.#failure(`${INDEX_FILE} has version ${String(index.version)}; ${INDEX_VERSION} is read`)
    }
    return index
  }

  async #removeUnused(index: Index): Promise<void> {
    const used = new Set(index.snapshots.map(entry => entry.file))
    for (const file of await readdir(this.#directory)) {
      if (file.endsWith(STATE_SUFFIX) && !used.has(file)) await rm(join(this.#directory, file), {force: true})
    }
  }

  async #explain<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (isP2payError(error)) throw error
      throw PASSING.has(codeOf(error) ?? '')
        ? diskError(error, this.#directory)
        : this.#failure(messageOf(error), error)
    }
  }

  #failure(reason: string, cause?: unknown): EnvironmentError {
    return new EnvironmentError(`The snapshots in ${this.#directory} cannot be used: ${reason}`, {
      code: 'P2PAY_SNAPSHOT',
      suggestions: [
        'check that the directory is writable and the disk is not full',
        `or remove ${this.#directory}: the detector then starts with empty windows`,
      ],
      cause,
    })
  }
}

function isOf(entry: Entry, owner: SnapshotOwner, shard: string): boolean {
  return entry.group === owner.group && entry.topic === owner.topic && entry.shard === shard
}

/** Behind in any partition, where a partition not known counts as never seen. */
function isBehind(offsets: PartitionOffsets, stored: Readonly<Record<string, number>>): boolean {
  return Object.entries(stored).some(([partition, next]) => (offsets.get(Number(partition)) ?? -1) < next)
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
