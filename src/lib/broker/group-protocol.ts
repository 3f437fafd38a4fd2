/** What members and coordinator say to each other, and the election of the protocol that all members know. */

/** An assignment or metadata that is not there. */
export const NOTHING = Buffer.alloc(0)

export interface Protocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinRequest {
  /** Empty for a newcomer. */
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  /** A newcomer is first told its id and has to come again with it (JoinGroup 4 and later). */
  readonly memberIdRequired: boolean
}

export interface JoinResult {
  readonly errorCode: number
  readonly memberId: string
  readonly generation: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leaderId: string
  /** For the leader only. */
  readonly members: readonly {
    readonly memberId: string
    readonly instanceId: string | null
    readonly metadata: Buffer
  }[]
}

export interface SyncRequest {
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** From the leader only. */
  readonly assignments: readonly {readonly memberId: string; readonly assignment: Buffer}[]
}

export interface SyncResult {
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

export interface MemberIdentity {
  readonly memberId: string
  readonly instanceId: string | null
}

export function refusedJoin(errorCode: number, memberId: string): JoinResult {
  return {errorCode, memberId, generation: -1, protocolType: null, protocolName: null, leaderId: '', members: []}
}

export function refusedSync(errorCode: number): SyncResult {
  return {errorCode, protocolType: null, protocolName: null, assignment: NOTHING}
}

export function sameProtocols(a: readonly Protocol[], b: readonly Protocol[]): boolean {
  return (
    a.length === b.length &&
    a.every((protocol, index) => {
      const other = b[index]
      return other !== undefined && protocol.name === other.name && protocol.metadata.equals(other.metadata)
    })
  )
}

/** Each member votes for its most preferred protocol among those that all of them know; ties go to the first. */
export function electProtocol(members: readonly (readonly Protocol[])[]): string {
  const isCommon = (name: string): boolean => members.every(known => known.some(protocol => protocol.name === name))
  const votes = new Map<string, number>()
  for (const known of members) {
    const vote = known.find(protocol => isCommon(protocol.name))?.name ?? ''
    votes.set(vote, (votes.get(vote) ?? 0) + 1)
  }
  return [...votes].reduce((best, candidate) => (candidate[1] > best[1] ? candidate : best))[0]
}
