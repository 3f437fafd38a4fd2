/**
 * Heartbeat, versions 0 to 4.
 *
 *   request  = group, generation i32, member, instance (3+)
 *   response = throttle i32 (1+), error i16
 *
 * REBALANCE_IN_PROGRESS asks the member to join again.
 */
import {defineApi} from '../api.js'
import {ERROR} from '../error-codes.js'

interface HeartbeatRequest {
  readonly groupId: string
  readonly generation: number
  readonly memberId: string
  readonly instanceId: string | null
}

export const heartbeat = defineApi<HeartbeatRequest, number>({
  key: 12,
  name: 'Heartbeat',
  minVersion: 0,
  maxVersion: 4,
  flexibleFrom: 4,

  decode(reader, version) {
    const request = {
      groupId: reader.string(),
      generation: reader.int32(),
      memberId: reader.string(),
      instanceId: version >= 3 ? reader.nullableString() : null,
    }
    reader.tags()
    return request
  },

  handle: (request, {broker}) =>
    broker.coordinator.find(request.groupId)?.heartbeat(request, request.generation) ?? ERROR.unknownMemberId,

  encode(errorCode, writer, version) {
    if (version >= 1) writer.int32(0)
    writer.int16(errorCode).tags()
  },

  refuse: (_request, errorCode) => errorCode,
})
