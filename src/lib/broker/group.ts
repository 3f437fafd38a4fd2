/**
 * One consumer group of the classic protocol: who is in it, which generation it is in, and the rebalance that leads
 * from one to the next (join until everybody is there, then the leader's assignment by sync). Same states and answers
 * as Kafka's coordinator, except that a rebalance of an empty group begins at once (no initial delay) and that a
 * static member's return always rebalances.
 */
import {randomUUID} from 'node:crypto'
import type {Clock} from '../base/clock.js'
import {nowMs} from '../base/clock.js'
import {ERROR} from './error-codes.js'
import {
  electProtocol,
  type JoinRequest,
  type JoinResult,
  type MemberIdentity,
  NOTHING,
  type Protocol,
  refusedJoin,
  refusedSync,
  type SyncRequest,
  type SyncResult,
  sameProtocols,
} from './group-protocol.js'
import {after} from './timer.js'

export const MEMBERS_MAX = 1000
export const SESSION_TIMEOUT_MS_MIN = 100
export const SESSION_TIMEOUT_MS_MAX = 1_800_000

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

interface Member {
  readonly id: string
  instanceId: string | null
  clientId: string
  clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly Protocol[]
  assignment: Buffer
  joining: ((result: JoinResult) => void) | undefined
  syncing: ((result: SyncResult) => void) | undefined
  lastSeenMs: number
  cancelExpiry: () => void
}

export class Group {
  readonly id: string
  readonly #clock: Clock
  readonly #members = new Map<string, Member>()
  /** Ids given out to newcomers who have not come back yet; each expires after its session timeout. */
  readonly #pending = new Map<string, () => void>()
  readonly #idsByInstance = new Map<string, string>()
  #state: GroupState = 'Empty'
  #generation = 0
  #protocolType: string | null = null
  #protocolName: string | null = null
  #leaderId: string | undefined
  #cancelDeadline: () => void = () => {}

  constructor(id: string, clock: Clock) {
    this.id = id
    this.#clock = clock
  }

  get state(): GroupState {
    return this.#state
  }

  get protocolType(): string | null {
    return this.#protocolType
  }

  get protocolName(): string | null {
    return this.#protocolName
  }

  /** Nobody in it and nobody expected: it lives on only by its committed offsets. */
  get isVacant(): boolean {
    return this.#members.size === 0 && this.#pending.size === 0
  }

  describeMembers(): {
    memberId: string
    instanceId: string | null
    clientId: string
    clientHost: string
    metadata: Buffer
    assignment: Buffer
  }[] {
    const isStable = this.#state === 'Stable'
    return [...this.#members.values()].map(member => ({
      memberId: member.id,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: isStable ? this.#metadataOf(member) : NOTHING,
      assignment: isStable ? member.assignment : NOTHING,
    }))
  }

  /** Answers when the rebalance that it joins is complete; errors at once. */
  join(request: JoinRequest): Promise<JoinResult> {
    const refuse = (errorCode: number, memberId = request.memberId): Promise<JoinResult> =>
      Promise.resolve(refusedJoin(errorCode, memberId))
    if (request.sessionTimeoutMs < SESSION_TIMEOUT_MS_MIN || request.sessionTimeoutMs > SESSION_TIMEOUT_MS_MAX) {
      return refuse(ERROR.invalidSessionTimeout)
    }
    if (!this.#fits(request)) return refuse(ERROR.inconsistentGroupProtocol)
    if (request.memberId === '') return this.#joinAsNewcomer(request)
    const fenced = this.#fencing(request)
    if (fenced !== ERROR.none) return refuse(fenced)
    const isExpected = this.#pending.has(request.memberId)
    const member = this.#members.get(request.memberId)
    if (member === undefined) {
      if (!isExpected) return refuse(ERROR.unknownMemberId)
      this.#forgetPending(request.memberId)
      return this.#add(request, request.memberId)
    }
    return this.#rejoin(member, request)
  }

  #joinAsNewcomer(request: JoinRequest): Promise<JoinResult> {
    const memberId = `${request.instanceId ?? request.clientId}-${randomUUID()}`
    const former = request.instanceId === null ? undefined : this.#idsByInstance.get(request.instanceId)
    if (former !== undefined) {
      // The same instance, started again: it takes its former self's place, which is told that it was replaced.
      const replaced = this.#members.get(former)
      if (replaced !== undefined) this.#drop(replaced, ERROR.fencedInstanceId)
    } else if (this.#members.size + this.#pending.size >= MEMBERS_MAX) {
      return Promise.resolve(refusedJoin(ERROR.groupMaxSizeReached, ''))
    } else if (request.memberIdRequired && request.instanceId === null) {
      const cancel = after(this.#clock, request.sessionTimeoutMs, () => {
        this.#pending.delete(memberId)
        this.#completeIfAllJoined()
      })
      this.#pending.set(memberId, cancel)
      return Promise.resolve(refusedJoin(ERROR.memberIdRequired, memberId))
    }
    return this.#add(request, memberId)
  }

  #add(request: JoinRequest, memberId: string): Promise<JoinResult> {
    const member: Member = {
      id: memberId,
      instanceId: request.instanceId,
      clientId: request.clientId,
      clientHost: request.clientHost,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      protocols: request.protocols,
      assignment: NOTHING,
      joining: undefined,
      syncing: undefined,
      lastSeenMs: nowMs(this.#clock),
      cancelExpiry: () => {},
    }
    this.#members.set(memberId, member)
    if (request.instanceId !== null) this.#idsByInstance.set(request.instanceId, memberId)
    this.#protocolType = request.protocolType
    this.#watch(member)
    return this.#awaitJoin(member)
  }

  #rejoin(member: Member, request: JoinRequest): Promise<JoinResult> {
    const isUnchanged = sameProtocols(member.protocols, request.protocols)
    member.clientId = request.clientId
    member.clientHost = request.clientHost
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    member.protocols = request.protocols
    this.#seen(member)
    // A repeated join whose answer was lost gets the same answer; a leader that joins again wants a new assignment.
    const isRepeat =
      isUnchanged &&
      (this.#state === 'CompletingRebalance' || (this.#state === 'Stable' && member.id !== this.#leaderId))
    return isRepeat ? Promise.resolve(this.#joined(member)) : this.#awaitJoin(member)
  }

  #awaitJoin(member: Member): Promise<JoinResult> {
    const result = new Promise<JoinResult>(resolve => {
      // A second join of one member (a new connection) outlives the first, whose answer nobody reads any more.
      member.joining?.(refusedJoin(ERROR.unknownMemberId, member.id))
      member.joining = resolve
    })
    if (this.#state !== 'PreparingRebalance') this.#prepareRebalance()
    this.#completeIfAllJoined()
    return result
  }

  #prepareRebalance(): void {
    for (const member of this.#members.values()) {
      member.syncing?.(refusedSync(ERROR.rebalanceInProgress))
      member.syncing = undefined
      member.assignment = NOTHING
    }
    this.#state = 'PreparingRebalance'
    const longestMs = Math.max(0, ...[...this.#members.values()].map(member => member.rebalanceTimeoutMs))
    this.#deadline(longestMs, () => {
      for (const member of [...this.#members.values()]) if (member.joining === undefined) this.#drop(member)
      for (const memberId of [...this.#pending.keys()]) this.#forgetPending(memberId)
      this.#completeJoin()
    })
    this.#completeIfAllJoined()
  }

  #completeIfAllJoined(): void {
    if (this.#state !== 'PreparingRebalance') return
    if (this.#members.size > 0 && this.#pending.size > 0) return
    for (const member of this.#members.values()) if (member.joining === undefined) return
    this.#completeJoin()
  }

  #completeJoin(): void {
    this.#cancelDeadline()
    this.#generation++
    if (this.#members.size === 0) {
      this.#state = 'Empty'
      this.#protocolName = null
      this.#leaderId = undefined
      return
    }
    this.#state = 'CompletingRebalance'
    this.#protocolName = electProtocol([...this.#members.values()].map(member => member.protocols))
    if (this.#leaderId === undefined || !this.#members.has(this.#leaderId)) {
      this.#leaderId = this.#members.keys().next().value
    }
    for (const member of this.#members.values()) {
      this.#seen(member)
      const answer = member.joining
      member.joining = undefined
      answer?.(this.#joined(member))
    }
    const longestMs = Math.max(...[...this.#members.values()].map(member => member.rebalanceTimeoutMs))
    this.#deadline(longestMs, () => {
      for (const member of [...this.#members.values()]) if (member.syncing === undefined) this.#drop(member)
      this.#prepareRebalance()
    })
  }

  #joined(member: Member): JoinResult {
    const isLeader = member.id === this.#leaderId
    return {
      errorCode: ERROR.none,
      memberId: member.id,
      generation: this.#generation,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leaderId: this.#leaderId ?? '',
      members: isLeader
        ? [...this.#members.values()].map(other => ({
            memberId: other.id,
            instanceId: other.instanceId,
            metadata: this.#metadataOf(other),
          }))
        : [],
    }
  }

  #metadataOf(member: Member): Buffer {
    return member.protocols.find(protocol => protocol.name === this.#protocolName)?.metadata ?? NOTHING
  }

  #fits(request: JoinRequest): boolean {
    if (request.protocolType === '' || request.protocols.length === 0) return false
    const others = [...this.#members.values()].filter(member => member.id !== request.memberId)
    if (others.length === 0) return true
    if (request.protocolType !== this.#protocolType) return false
    return request.protocols.some(protocol =>
      others.every(member => member.protocols.some(other => other.name === protocol.name)),
    )
  }

  /** Answers when the leader's assignment is there. */
  sync(request: SyncRequest): Promise<SyncResult> {
    const errorCode = this.#membershipError(request, request.generation)
    if (errorCode !== ERROR.none) return Promise.resolve(refusedSync(errorCode))
    const member = this.#members.get(request.memberId)
    if (member === undefined) return Promise.resolve(refusedSync(ERROR.unknownMemberId))
    const typeDiffers = request.protocolType !== null && request.protocolType !== this.#protocolType
    const nameDiffers = request.protocolName !== null && request.protocolName !== this.#protocolName
    if (typeDiffers || nameDiffers) return Promise.resolve(refusedSync(ERROR.inconsistentGroupProtocol))
    this.#seen(member)
    if (this.#state === 'PreparingRebalance') return Promise.resolve(refusedSync(ERROR.rebalanceInProgress))
    if (this.#state === 'Stable') return Promise.resolve(this.#synced(member))
    const result = new Promise<SyncResult>(resolve => {
      member.syncing?.(refusedSync(ERROR.unknownMemberId))
      member.syncing = resolve
    })
    if (member.id === this.#leaderId) this.#assign(request.assignments)
    return result
  }

  #assign(assignments: SyncRequest['assignments']): void {
    this.#cancelDeadline()
    this.#state = 'Stable'
    for (const {memberId, assignment} of assignments) {
      const member = this.#members.get(memberId)
      // Copied: the view would keep the whole request alive.
      if (member !== undefined) member.assignment = Buffer.from(assignment)
    }
    for (const member of this.#members.values()) {
      this.#seen(member)
      const answer = member.syncing
      member.syncing = undefined
      answer?.(this.#synced(member))
    }
  }

  #synced(member: Member): SyncResult {
    return {
      errorCode: ERROR.none,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      assignment: member.assignment,
    }
  }

  /** @returns the error code */
  heartbeat(identity: MemberIdentity, generation: number): number {
    const errorCode = this.#membershipError(identity, generation)
    if (errorCode !== ERROR.none) return errorCode
    const member = this.#members.get(identity.memberId)
    if (member !== undefined) this.#seen(member)
    return this.#state === 'PreparingRebalance' ? ERROR.rebalanceInProgress : ERROR.none
  }

  /** @returns the error code */
  leave(identity: MemberIdentity): number {
    if (this.#pending.has(identity.memberId)) {
      this.#forgetPending(identity.memberId)
      this.#completeIfAllJoined()
      return ERROR.none
    }
    const memberId =
      identity.memberId === '' && identity.instanceId !== null
        ? (this.#idsByInstance.get(identity.instanceId) ?? '')
        : identity.memberId
    const errorCode = this.#fencing({memberId, instanceId: identity.instanceId})
    if (errorCode !== ERROR.none) return errorCode
    const member = this.#members.get(memberId)
    if (member === undefined) return ERROR.unknownMemberId
    this.#remove(member)
    return ERROR.none
  }

  /**
   * Whether offsets may be committed now. Generation -1 is a consumer that manages itself; it may commit only while
   * the group has no members.
   *
   * @returns the error code
   */
  commitError(identity: MemberIdentity, generation: number): number {
    if (generation < 0 && identity.memberId === '') {
      return this.#state === 'Empty' ? ERROR.none : ERROR.unknownMemberId
    }
    const errorCode = this.#membershipError(identity, generation)
    if (errorCode !== ERROR.none) return errorCode
    if (this.#state === 'CompletingRebalance') return ERROR.rebalanceInProgress
    const member = this.#members.get(identity.memberId)
    if (member !== undefined) this.#seen(member)
    return ERROR.none
  }

  #membershipError(identity: MemberIdentity, generation: number): number {
    const fenced = this.#fencing(identity)
    if (fenced !== ERROR.none) return fenced
    if (!this.#members.has(identity.memberId)) return ERROR.unknownMemberId
    return generation === this.#generation ? ERROR.none : ERROR.illegalGeneration
  }

  #fencing(identity: MemberIdentity): number {
    if (identity.instanceId === null) return ERROR.none
    const current = this.#idsByInstance.get(identity.instanceId)
    if (current === undefined) return ERROR.unknownMemberId
    return current === identity.memberId ? ERROR.none : ERROR.fencedInstanceId
  }

  /** Restarts the session clock. The timer itself stays: when it fires it looks how long the member was silent. */
  #seen(member: Member): void {
    member.lastSeenMs = nowMs(this.#clock)
  }

  #watch(member: Member): void {
    const silentMs = nowMs(this.#clock) - member.lastSeenMs
    member.cancelExpiry = after(this.#clock, Math.max(1, member.sessionTimeoutMs - silentMs), () => {
      // Whoever waits for an answer of ours is alive as far as we can know.
      if (member.joining !== undefined || member.syncing !== undefined) this.#seen(member)
      if (nowMs(this.#clock) - member.lastSeenMs >= member.sessionTimeoutMs) this.#remove(member)
      else this.#watch(member)
    })
  }

  #remove(member: Member): void {
    this.#drop(member)
    if (this.#state === 'PreparingRebalance') this.#completeIfAllJoined()
    else if (this.#state !== 'Empty') this.#prepareRebalance()
  }

  #drop(member: Member, errorCode: number = ERROR.unknownMemberId): void {
    member.cancelExpiry()
    this.#members.delete(member.id)
    if (member.instanceId !== null && this.#idsByInstance.get(member.instanceId) === member.id) {
      this.#idsByInstance.delete(member.instanceId)
    }
    if (this.#leaderId === member.id) this.#leaderId = undefined
    member.joining?.(refusedJoin(errorCode, member.id))
    member.syncing?.(refusedSync(errorCode))
    member.joining = undefined
    member.syncing = undefined
  }

  #forgetPending(memberId: string): void {
    this.#pending.get(memberId)?.()
    this.#pending.delete(memberId)
  }

  #deadline(delayMs: number, action: () => void): void {
    this.#cancelDeadline()
    this.#cancelDeadline = after(this.#clock, delayMs, action)
  }

  /** Calls off all timers and answers everybody who waits, as a coordinator that goes away. */
  close(): void {
    this.#cancelDeadline()
    for (const memberId of [...this.#pending.keys()]) this.#forgetPending(memberId)
    for (const member of [...this.#members.values()]) this.#drop(member, ERROR.coordinatorNotAvailable)
    this.#state = 'Empty'
  }
}
