/**
 * SyncGroup, versions 0 to 5.
 *
 *   request  = group, generation i32, member, instance (3+), protocol_type (5+), protocol (5+),
 *              [member, assignment bytes]
 *   response = throttle i32 (1+), error i16, protocol_type (5+), protocol (5+), assignment bytes
 *
 * Answered when the leader's assignments are there.
 */
import {defineApi} from '../api.js'
import {ERROR} from '../error-codes.js'
import type {SyncRequest, SyncResult} from '../group-protocol.js'

interface SyncGroupRequest extends SyncRequest {
  readonly groupId: string
}

export const syncGroup = defineApi<SyncGroupRequest, SyncResult>({
  key: 14,
  name: 'SyncGroup',
  minVersion: 0,
  maxVersion: 5,
  flexibleFrom: 4,

  decode(reader, version) {
    const request = {
      groupId: reader.string(),
      generation: reader.int32(),
      memberId: reader.string(),
      instanceId: version >= 3 ? reader.nullableString() : null,
      protocolType: version >= 5 ? reader.nullableString() : null,
      protocolName: version >= 5 ? reader.nullableString() : null,
      assignments: reader.array(() => {
        const assignment = {memberId: reader.string(), assignment: reader.bytes()}
        reader.tags()
        return assignment
      }),
    }
    reader.tags()
    return request
  },

  handle: (request, {broker}) =>
    broker.coordinator.find(request.groupId)?.sync(request) ?? refused(ERROR.unknownMemberId),

  encode(result, writer, version) {
    if (version >= 1) writer.int32(0)
    writer.int16(result.errorCode)
    if (version >= 5) writer.string(result.protocolType).string(result.protocolName)
    writer.bytes(result.assignment).tags()
  },

  refuse: (_request, errorCode) => refused(errorCode),
})

function refused(errorCode: number): SyncResult {
  return {errorCode, protocolType: null, protocolName: null, assignment: Buffer.alloc(0)}
}
