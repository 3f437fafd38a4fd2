/** The group coordinator: groups with members in memory, committed offsets on disk; a group is either or both. */
import type {Clock} from '../base/clock.js'
import {ERROR} from './error-codes.js'
import {Group} from './group.js'
import type {MemberIdentity} from './group-protocol.js'
import type {OffsetEntry, OffsetStore} from './offset-store.js'

/** Longest metadata string of a committed offset, as in Kafka. */
const METADATA_BYTES_MAX = 4096
const GROUPS_MAX = 10_000

export interface GroupListing {
  readonly groupId: string
  readonly protocolType: string
  readonly state: string
}

export class Coordinator {
  readonly #clock: Clock
  readonly offsets: OffsetStore
  readonly #groups = new Map<string, Group>()

  constructor(clock: Clock, offsets: OffsetStore) {
    this.#clock = clock
    this.offsets = offsets
  }

  /** The group with members, if there is one. */
  find(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  /** The group to join; made when new. Undefined when there are too many. */
  findOrCreate(groupId: string): Group | undefined {
    const existing = this.#groups.get(groupId)
    if (existing !== undefined) return existing
    if (this.#groups.size >= GROUPS_MAX) this.#forgetVacant()
    if (this.#groups.size >= GROUPS_MAX) return undefined
    const group = new Group(groupId, this.#clock)
    this.#groups.set(groupId, group)
    return group
  }

  #forgetVacant(): void {
    for (const [groupId, group] of this.#groups) if (group.isVacant) this.#groups.delete(groupId)
  }

  /**
   * Commits what is valid and says for each entry what became of it.
   *
   * @param isKnown whether a partition exists
   * @returns an error code for each entry
   */
  commit(
    groupId: string,
    identity: MemberIdentity & {generation: number},
    entries: readonly OffsetEntry[],
    isKnown: (entry: OffsetEntry) => boolean,
  ): number[] {
    const groupError = this.#commitError(groupId, identity)
    if (groupError !== ERROR.none) return entries.map(() => groupError)
    const errorCodes: number[] = entries.map(entry => {
      if (!isKnown(entry)) return ERROR.unknownTopicOrPartition
      return Buffer.byteLength(entry.metadata ?? '') > METADATA_BYTES_MAX ? ERROR.offsetMetadataTooLarge : ERROR.none
    })
    const protocolType = this.find(groupId)?.protocolType ?? this.offsets.protocolTypeOf(groupId) ?? ''
    try {
      this.offsets.commit(
        groupId,
        protocolType,
        entries.filter((_, index) => errorCodes[index] === ERROR.none),
      )
    } catch {
      // Retriable for every client; the disk may have room again by then.
      return errorCodes.map(code => (code === ERROR.none ? ERROR.coordinatorNotAvailable : code))
    }
    return errorCodes
  }

  #commitError(groupId: string, identity: MemberIdentity & {generation: number}): number {
    if (groupId === '') return ERROR.invalidGroupId
    const group = this.#groups.get(groupId)
    if (group !== undefined) return group.commitError(identity, identity.generation)
    return identity.generation < 0 ? ERROR.none : ERROR.illegalGeneration
  }

  list(): GroupListing[] {
    const listings = new Map<string, GroupListing>()
    for (const groupId of this.offsets.groupIds()) {
      listings.set(groupId, {groupId, protocolType: this.offsets.protocolTypeOf(groupId) ?? '', state: 'Empty'})
    }
    for (const [groupId, group] of this.#groups) {
      if (group.isVacant && !listings.has(groupId)) continue
      const protocolType = group.protocolType ?? listings.get(groupId)?.protocolType ?? ''
      listings.set(groupId, {groupId, protocolType, state: group.state})
    }
    return [...listings.values()]
  }

  /** @returns the error code */
  delete(groupId: string): number {
    const group = this.#groups.get(groupId)
    if (group !== undefined && !group.isVacant) return ERROR.nonEmptyGroup
    if (this.offsets.ofGroup(groupId) === undefined) return ERROR.groupIdNotFound
    try {
      this.offsets.deleteGroup(groupId)
    } catch {
      return ERROR.coordinatorNotAvailable
    }
    this.#groups.delete(groupId)
    return ERROR.none
  }

  close(): void {
    for (const group of this.#groups.values()) group.close()
    this.#groups.clear()
  }
}
