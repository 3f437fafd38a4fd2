/**
 * JoinGroup, versions 0 to 9.
 *
 *   request  = group, session_timeout i32, rebalance_timeout i32 (1+), member, instance (5+), protocol_type,
 *              [protocol, metadata bytes], reason (8+)
 *   response = throttle i32 (2+), error i16, generation i32, protocol_type (7+), protocol, leader,
 *              skip_assignment bool (9+), member, [member, instance (5+), metadata bytes]
 *
 * Answered when everybody has joined or the rebalance timeout is over. From version 4 on a newcomer is first answered
 * MEMBER_ID_REQUIRED with its id. Session timeouts from 100 ms to 30 min are accepted.
 */
import {defineApi} from '../api.js'
import {ERROR} from '../error-codes.js'
import type {JoinRequest, JoinResult} from '../group-protocol.js'

interface JoinGroupRequest extends Omit<JoinRequest, 'clientId' | 'clientHost'> {
  readonly groupId: string
}

export const joinGroup = defineApi<JoinGroupRequest, JoinResult>({
  key: 11,
  name: 'JoinGroup',
  minVersion: 0,
  maxVersion: 9,
  flexibleFrom: 6,

  decode(reader, version) {
    const groupId = reader.string()
    const sessionTimeoutMs = reader.int32()
    const rebalanceTimeoutMs = version >= 1 ? reader.int32() : sessionTimeoutMs
    const memberId = reader.string()
    const instanceId = version >= 5 ? reader.nullableString() : null
    const protocolType = reader.string()
    const protocols = reader.array(() => {
      // Copied: the metadata outlives the request's buffer.
      const protocol = {name: reader.string(), metadata: Buffer.from(reader.bytes())}
      reader.tags()
      return protocol
    })
    if (version >= 8) reader.nullableString()
    reader.tags()
    return {
      groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId,
      instanceId,
      protocolType,
      protocols,
      memberIdRequired: version >= 4,
    }
  },

  handle(request, {broker, clientId, clientHost}) {
    if (request.groupId === '') return refused(request, ERROR.invalidGroupId)
    const group = broker.coordinator.findOrCreate(request.groupId)
    if (group === undefined) return refused(request, ERROR.coordinatorNotAvailable)
    return group.join({...request, clientId, clientHost})
  },

  encode(result, writer, version) {
    if (version >= 2) writer.int32(0)
    writer.int16(result.errorCode).int32(result.generation)
    if (version >= 7) writer.string(result.protocolType)
    writer.string(result.protocolName ?? (version >= 7 ? null : '')).string(result.leaderId)
    if (version >= 9) writer.bool(false)
    writer.string(result.memberId)
    writer.array(result.members, member => {
      writer.string(member.memberId)
      if (version >= 5) writer.string(member.instanceId)
      writer.bytes(member.metadata).tags()
    })
    writer.tags()
  },

  refuse: refused,
})

function refused(request: JoinGroupRequest, errorCode: number): JoinResult {
  return {
    errorCode,
    memberId: request.memberId,
    generation: -1,
    protocolType: null,
    protocolName: null,
    leaderId: '',
    members: [],
  }
}
