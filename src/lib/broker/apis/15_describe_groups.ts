/**
 * DescribeGroups, versions 0 to 5.
 *
 *   request  = [group], include_operations bool (3+)
 *   response = throttle i32 (1+), [error i16, group, state, protocol_type, protocol,
 *              [member, instance (4+), client_id, client_host, metadata bytes, assignment bytes], operations i32 (3+)]
 *
 * A group that does not exist is `Dead`, without an error, as in Kafka.
 */
import {type BrokerState, defineApi, OPERATIONS_UNKNOWN} from '../api.js'
import {ERROR} from '../error-codes.js'
import type {Group} from '../group.js'

interface DescribedGroup {
  readonly groupId: string
  readonly errorCode: number
  readonly state: string
  readonly protocolType: string
  readonly protocolName: string
  readonly members: ReturnType<Group['describeMembers']>
}

export const describeGroups = defineApi<readonly string[], readonly DescribedGroup[]>({
  key: 15,
  name: 'DescribeGroups',
  minVersion: 0,
  maxVersion: 5,
  flexibleFrom: 5,

  decode(reader, version) {
    const groupIds = reader.array(() => reader.string())
    if (version >= 3) reader.bool()
    reader.tags()
    return groupIds
  },

  handle: (groupIds, {broker}) => groupIds.map(groupId => describe(broker, groupId)),

  encode(groups, writer, version) {
    if (version >= 1) writer.int32(0)
    writer.array(groups, group => {
      writer.int16(group.errorCode).string(group.groupId).string(group.state)
      writer.string(group.protocolType).string(group.protocolName)
      writer.array(group.members, member => {
        writer.string(member.memberId)
        if (version >= 4) writer.string(member.instanceId)
        writer.string(member.clientId).string(member.clientHost).bytes(member.metadata).bytes(member.assignment).tags()
      })
      if (version >= 3) writer.int32(OPERATIONS_UNKNOWN)
      writer.tags()
    })
    writer.tags()
  },

  refuse: (groupIds, errorCode) => groupIds.map(groupId => absent(groupId, 'Dead', errorCode)),
})

function absent(groupId: string, state: string, errorCode: number, protocolType = ''): DescribedGroup {
  return {groupId, errorCode, state, protocolType, protocolName: '', members: []}
}

function describe({coordinator}: BrokerState, groupId: string): DescribedGroup {
  const group = coordinator.find(groupId)
  if (group !== undefined && !group.isVacant) {
    return {
      groupId,
      errorCode: ERROR.none,
      state: group.state,
      protocolType: group.protocolType ?? '',
      protocolName: (group.state === 'Stable' ? group.protocolName : null) ?? '',
      members: group.describeMembers(),
    }
  }
  const protocolType = coordinator.offsets.protocolTypeOf(groupId)
  return protocolType === undefined
    ? absent(groupId, 'Dead', ERROR.none)
    : absent(groupId, 'Empty', ERROR.none, protocolType)
}
