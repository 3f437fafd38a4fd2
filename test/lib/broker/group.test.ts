import {describe, expect, it} from 'vitest'
import {Group} from '../../../src/lib/broker/group.js'
import type {JoinRequest, JoinResult, SyncResult} from '../../../src/lib/broker/group-protocol.js'
import {settle, VirtualClock} from '../../support/virtual-clock.js'

const SESSION_MS = 10_000
const REBALANCE_MS = 60_000
const NONE = 0
const ILLEGAL_GENERATION = 22
const INCONSISTENT_PROTOCOL = 23
const UNKNOWN_MEMBER = 25
const INVALID_SESSION = 26
const REBALANCING = 27
const MEMBER_ID_REQUIRED = 79
const FENCED = 82

const request = (changes: Partial<JoinRequest> = {}): JoinRequest => ({
  memberId: '',
  instanceId: null,
  clientId: 'client',
  clientHost: '/127.0.0.1',
  sessionTimeoutMs: SESSION_MS,
  rebalanceTimeoutMs: REBALANCE_MS,
  protocolType: 'consumer',
  protocols: [{name: 'range', metadata: Buffer.from('topics')}],
  memberIdRequired: false,
  ...changes,
})

interface Stage {
  readonly clock: VirtualClock
  readonly group: Group
}

const stage = (): Stage => {
  const clock = new VirtualClock()
  return {clock, group: new Group('g', clock)}
}

const identity = (joined: JoinResult, instanceId: string | null = null) => ({memberId: joined.memberId, instanceId})

const sync = (group: Group, joined: JoinResult, assignments: Record<string, string> = {}): Promise<SyncResult> =>
  group.sync({
    memberId: joined.memberId,
    instanceId: null,
    generation: joined.generation,
    protocolType: null,
    protocolName: null,
    assignments: Object.entries(assignments).map(([memberId, text]) => ({memberId, assignment: Buffer.from(text)})),
  })

/** A stable group of one, its leader. */
async function stableGroup(): Promise<Stage & {leader: JoinResult}> {
  const {clock, group} = stage()
  const leader = await group.join(request())
  await sync(group, leader, {[leader.memberId]: 'all'})
  return {clock, group, leader}
}

/** Takes a second member in, through the rebalance: both stable in the next generation. */
async function stablePair(): Promise<Stage & {leader: JoinResult; follower: JoinResult}> {
  const {clock, group, leader} = await stableGroup()
  const following = group.join(request())
  const leading = group.join(request({memberId: leader.memberId}))
  const [joined, follower] = [await leading, await following]
  const synced = sync(group, follower)
  await sync(group, joined, {[joined.memberId]: 'half', [follower.memberId]: 'other half'})
  expect((await synced).assignment.toString()).toBe('other half')
  return {clock, group, leader: joined, follower}
}

/** Whether the promise has an answer by now. */
async function isAnswered(promise: Promise<unknown>): Promise<boolean> {
  let answered = false
  void promise.then(() => {
    answered = true
  })
  await settle()
  return answered
}

describe('joining', () => {
  it('makes the first member the leader, who assigns and learns its part', async () => {
    const {group} = stage()
    expect(group.state).toBe('Empty')
    const joined = await group.join(request())
    expect(joined).toMatchObject({errorCode: NONE, generation: 1, protocolName: 'range', leaderId: joined.memberId})
    expect(joined.members.map(member => member.memberId)).toEqual([joined.memberId])
    expect(group.state).toBe('CompletingRebalance')
    const synced = await sync(group, joined, {[joined.memberId]: 'all'})
    expect(synced.assignment.toString()).toBe('all')
    expect(group.state).toBe('Stable')
  })

  it('tells newcomers their id first when they can come again, and expects them', async () => {
    const {clock, group} = stage()
    const told = await group.join(request({memberIdRequired: true}))
    expect(told.errorCode).toBe(MEMBER_ID_REQUIRED)
    const other = group.join(request())
    expect(await isAnswered(other)).toBe(false)
    const joined = await group.join(request({memberId: told.memberId, memberIdRequired: true}))
    expect(joined.errorCode).toBe(NONE)
    expect((await other).generation).toBe(joined.generation)
    await clock.advance(1)
  })

  it('waits for a newcomer no longer than its session', async () => {
    const {clock, group} = stage()
    const told = await group.join(request({memberIdRequired: true}))
    const other = group.join(request())
    await clock.advance(SESSION_MS)
    expect((await other).errorCode).toBe(NONE)
    expect((await group.join(request({memberId: told.memberId}))).errorCode).toBe(UNKNOWN_MEMBER)
  })

  it('waits until every member has come again', async () => {
    const {group, leader} = await stableGroup()
    const following = group.join(request())
    expect(group.heartbeat(identity(leader), leader.generation)).toBe(REBALANCING)
    expect(await isAnswered(following)).toBe(false)
    const again = await group.join(request({memberId: leader.memberId}))
    expect(again.members).toHaveLength(2)
    const follower = await following
    expect(follower).toMatchObject({generation: 2, leaderId: leader.memberId, members: []})
  })

  it('goes on without members that do not come again in time', async () => {
    const {clock, group, leader} = await stableGroup()
    const following = group.join(request({rebalanceTimeoutMs: 5000}))
    const beat = setBeat(clock, group, leader)
    await clock.advance(REBALANCE_MS)
    beat.stop()
    const follower = await following
    expect(follower).toMatchObject({errorCode: NONE, leaderId: follower.memberId})
    expect(group.heartbeat(identity(leader), leader.generation)).toBe(UNKNOWN_MEMBER)
  })

  it('chooses the protocol that all know and most prefer', async () => {
    const named = (...names: string[]) => ({protocols: names.map(name => ({name, metadata: Buffer.from(name)}))})
    const {group} = stage()
    const first = await group.join(request(named('range', 'sticky')))
    const others = [group.join(request(named('sticky', 'range'))), group.join(request(named('new', 'sticky', 'range')))]
    const again = await group.join(request({memberId: first.memberId, ...named('range', 'sticky')}))
    expect(again.protocolName).toBe('sticky')
    expect(again.members.map(member => member.metadata.toString())).toEqual(['sticky', 'sticky', 'sticky'])
    await Promise.all(others)
  })

  it.each([
    {name: 'a session that is too short', changes: {sessionTimeoutMs: 50}, errorCode: INVALID_SESSION},
    {name: 'a session that is too long', changes: {sessionTimeoutMs: 2e9}, errorCode: INVALID_SESSION},
    {name: 'no protocol', changes: {protocols: []}, errorCode: INCONSISTENT_PROTOCOL},
    {name: 'no protocol type', changes: {protocolType: ''}, errorCode: INCONSISTENT_PROTOCOL},
    {name: 'another protocol type', changes: {protocolType: 'connect'}, errorCode: INCONSISTENT_PROTOCOL},
    {
      name: 'no protocol in common',
      changes: {protocols: [{name: 'other', metadata: Buffer.alloc(0)}]},
      errorCode: INCONSISTENT_PROTOCOL,
    },
    {name: 'an id that nobody gave it', changes: {memberId: 'stranger'}, errorCode: UNKNOWN_MEMBER},
    {name: 'an instance that nobody knows', changes: {memberId: 'm', instanceId: 'i'}, errorCode: UNKNOWN_MEMBER},
  ])('refuses $name and stays as it is', async ({changes, errorCode}) => {
    const {group, leader} = await stableGroup()
    expect((await group.join(request(changes))).errorCode).toBe(errorCode)
    expect(group.state).toBe('Stable')
    expect(group.heartbeat(identity(leader), leader.generation)).toBe(NONE)
  })

  it('repeats its answer to a follower that asks again, and rebalances for a leader or new metadata', async () => {
    const {group, leader, follower} = await stablePair()
    expect((await group.join(request({memberId: follower.memberId}))).generation).toBe(follower.generation)
    expect(group.state).toBe('Stable')
    const leading = group.join(request({memberId: leader.memberId}))
    expect(group.state).toBe('PreparingRebalance')
    await group.join(request({memberId: follower.memberId, protocols: [{name: 'range', metadata: Buffer.from('new')}]}))
    expect((await leading).members.map(member => member.metadata.toString())).toEqual(['topics', 'new'])
  })

  it('lets a static instance that was started again take its own place, and fences its former self', async () => {
    const {group} = stage()
    const first = await group.join(request({instanceId: 'i1', memberIdRequired: true}))
    expect(first.errorCode).toBe(NONE)
    const second = await group.join(request({instanceId: 'i1', memberIdRequired: true}))
    expect(second).toMatchObject({errorCode: NONE, generation: 2})
    expect(second.members).toHaveLength(1)
    expect(group.heartbeat(identity(first, 'i1'), first.generation)).toBe(FENCED)
    expect(group.leave({memberId: '', instanceId: 'i1'})).toBe(NONE)
    expect(group.isVacant).toBe(true)
  })
})

/** Heartbeats of a member that lives but does not join again. */
function setBeat(clock: VirtualClock, group: Group, member: JoinResult): {stop: () => void} {
  const controller = new AbortController()
  const beat = async (): Promise<void> => {
    while (!controller.signal.aborted) {
      group.heartbeat(identity(member), member.generation)
      await clock.sleep(SESSION_MS / 3, controller.signal)
    }
  }
  void beat()
  return {stop: () => controller.abort()}
}

describe('syncing', () => {
  it('waits for the leader', async () => {
    const {group, leader} = await stableGroup()
    const following = group.join(request())
    const again = await group.join(request({memberId: leader.memberId}))
    const follower = await following
    const synced = sync(group, follower)
    expect(await isAnswered(synced)).toBe(false)
    await sync(group, again, {[follower.memberId]: 'mine'})
    expect((await synced).assignment.toString()).toBe('mine')
  })

  it('is answered at once when the group is stable', async () => {
    const {group, follower} = await stablePair()
    expect((await sync(group, follower)).assignment.toString()).toBe('other half')
  })

  it('is called off by the next rebalance', async () => {
    const {group, leader} = await stableGroup()
    const following = group.join(request())
    await group.join(request({memberId: leader.memberId}))
    const synced = sync(group, await following)
    const third = group.join(request())
    expect((await synced).errorCode).toBe(REBALANCING)
    expect((await sync(group, await following)).errorCode).toBe(REBALANCING)
    expect(await isAnswered(third)).toBe(false)
  })

  it('drops whoever never syncs and begins anew with the others', async () => {
    const {clock, group, leader} = await stableGroup()
    const following = group.join(request())
    const again = await group.join(request({memberId: leader.memberId}))
    const synced = sync(group, await following)
    const beat = setBeat(clock, group, again)
    await clock.advance(REBALANCE_MS)
    beat.stop()
    expect((await synced).errorCode).toBe(REBALANCING)
    expect(group.heartbeat(identity(again), again.generation)).toBe(UNKNOWN_MEMBER)
  })

  it.each([
    {name: 'a stranger', changes: {memberId: 'stranger'}, errorCode: UNKNOWN_MEMBER},
    {name: 'an old generation', changes: {generation: 0}, errorCode: ILLEGAL_GENERATION},
    {name: 'another protocol', changes: {protocolName: 'sticky'}, errorCode: INCONSISTENT_PROTOCOL},
    {name: 'another protocol type', changes: {protocolType: 'connect'}, errorCode: INCONSISTENT_PROTOCOL},
  ])('refuses $name', async ({changes, errorCode}) => {
    const {group, leader} = await stableGroup()
    const base = {...identity(leader), generation: leader.generation, protocolType: null, protocolName: null}
    expect((await group.sync({...base, assignments: [], ...changes})).errorCode).toBe(errorCode)
  })
})

describe('a member', () => {
  it('lives as long as it is heard of within its session', async () => {
    const {clock, group, leader} = await stableGroup()
    for (let beat = 0; beat < 5; beat++) {
      await clock.advance(SESSION_MS - 1)
      expect(group.heartbeat(identity(leader), leader.generation)).toBe(NONE)
    }
    await clock.advance(SESSION_MS - 1)
    expect(group.state).toBe('Stable')
    await clock.advance(1)
    expect(group.state).toBe('Empty')
    expect(group.heartbeat(identity(leader), leader.generation)).toBe(UNKNOWN_MEMBER)
  })

  it('is kept alive by its commits', async () => {
    const {clock, group, leader} = await stableGroup()
    await clock.advance(SESSION_MS - 1)
    expect(group.commitError(identity(leader), leader.generation)).toBe(NONE)
    await clock.advance(SESSION_MS - 1)
    expect(group.state).toBe('Stable')
  })

  it('that expires makes the others rebalance', async () => {
    const {clock, group, leader, follower} = await stablePair()
    await clock.advance(SESSION_MS / 2)
    group.heartbeat(identity(follower), follower.generation)
    await clock.advance(SESSION_MS / 2)
    expect(group.heartbeat(identity(follower), follower.generation)).toBe(REBALANCING)
    const again = await group.join(request({memberId: follower.memberId}))
    expect(again).toMatchObject({leaderId: follower.memberId, generation: 3})
    expect(group.heartbeat(identity(leader), leader.generation)).toBe(UNKNOWN_MEMBER)
  })

  it('that leaves makes the others rebalance at once', async () => {
    const {group, leader, follower} = await stablePair()
    expect(group.leave(identity(leader))).toBe(NONE)
    expect(group.heartbeat(identity(follower), follower.generation)).toBe(REBALANCING)
    expect((await group.join(request({memberId: follower.memberId}))).members).toHaveLength(1)
  })

  it('that leaves while others wait for it lets them go on', async () => {
    const {group, leader} = await stableGroup()
    const following = group.join(request())
    group.leave(identity(leader))
    expect((await following).errorCode).toBe(NONE)
  })

  it('cannot leave twice, and a stranger cannot at all', async () => {
    const {group, leader} = await stableGroup()
    expect(group.leave(identity(leader))).toBe(NONE)
    expect(group.leave(identity(leader))).toBe(UNKNOWN_MEMBER)
  })

  it('is heard with an old generation, but told so', async () => {
    const {group, leader} = await stablePair()
    expect(group.heartbeat(identity(leader), 1)).toBe(ILLEGAL_GENERATION)
  })
})

describe('committing', () => {
  const nobody = {memberId: '', instanceId: null}

  it('is open to anybody while there are no members', () => {
    expect(stage().group.commitError(nobody, -1)).toBe(NONE)
  })

  it('is for members of this generation only, when there are some', async () => {
    const {group, leader} = await stableGroup()
    expect(group.commitError(nobody, -1)).toBe(UNKNOWN_MEMBER)
    expect(group.commitError({memberId: 'stranger', instanceId: null}, 1)).toBe(UNKNOWN_MEMBER)
    expect(group.commitError(identity(leader), 0)).toBe(ILLEGAL_GENERATION)
    expect(group.commitError(identity(leader), 1)).toBe(NONE)
  })

  it('works while others join, and waits while the assignment is on its way', async () => {
    const {group, leader} = await stableGroup()
    const following = group.join(request())
    expect(group.commitError(identity(leader), 1)).toBe(NONE)
    const again = await group.join(request({memberId: leader.memberId}))
    expect(group.commitError(identity(again), 2)).toBe(REBALANCING)
    await following
  })
})

describe('a group that is closed', () => {
  it('answers everybody who waits and sets no more timers', async () => {
    const {clock, group} = await stableGroup()
    const following = group.join(request())
    group.close()
    expect((await following).errorCode).toBe(15)
    await clock.advance(REBALANCE_MS * 2)
    expect(group.isVacant).toBe(true)
  })
})
