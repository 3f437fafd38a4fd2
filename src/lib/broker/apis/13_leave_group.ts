/**
 * LeaveGroup, versions 0 to 5.
 *
 *   request  = group, 0 to 2: member;  3+: [member, instance, reason (5+)]
 *   response = throttle i32 (1+), error i16, [member, instance, error i16] (3+)
 */
import {defineApi} from '../api.js'
import {ERROR} from '../error-codes.js'
import type {MemberIdentity} from '../group-protocol.js'

interface LeaveGroupRequest {
  readonly groupId: string
  readonly members: readonly MemberIdentity[]
}

interface LeaveGroupResponse {
  readonly errorCode: number
  readonly members: readonly (MemberIdentity & {readonly errorCode: number})[]
}

export const leaveGroup = defineApi<LeaveGroupRequest, LeaveGroupResponse>({
  key: 13,
  name: 'LeaveGroup',
  minVersion: 0,
  maxVersion: 5,
  flexibleFrom: 4,

  decode(reader, version) {
    const groupId = reader.string()
    const members =
      version <= 2
        ? [{memberId: reader.string(), instanceId: null}]
        : reader.array(() => {
            const member = {memberId: reader.string(), instanceId: reader.nullableString()}
            if (version >= 5) reader.nullableString()
            reader.tags()
            return member
          })
    reader.tags()
    return {groupId, members}
  },

  handle(request, {broker, version}) {
    const group = broker.coordinator.find(request.groupId)
    const members = request.members.map(member => ({
      ...member,
      errorCode: group?.leave(member) ?? ERROR.unknownMemberId,
    }))
    return {errorCode: version <= 2 ? (members[0]?.errorCode ?? ERROR.none) : ERROR.none, members}
  },

  encode(response, writer, version) {
    if (version >= 1) writer.int32(0)
    writer.int16(response.errorCode)
    if (version >= 3) {
      writer.array(response.members, member =>
        writer.string(member.memberId).string(member.instanceId).int16(member.errorCode).tags(),
      )
    }
    writer.tags()
  },

  refuse: (_request, errorCode) => ({errorCode, members: []}),
})
