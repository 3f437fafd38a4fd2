/**
 * ListGroups, versions 0 to 5.
 *
 *   request  = [state] (4+), [type] (5+); empty = all
 *   response = throttle i32 (1+), error i16, [group, protocol_type, state (4+), type (5+)]
 *
 * Groups with members and groups that only have committed offsets; all are of type `classic`.
 */
import {defineApi} from '../api.js'
import type {GroupListing} from '../coordinator.js'
import {ERROR} from '../error-codes.js'

const TYPE = 'classic'

interface ListGroupsRequest {
  readonly states: readonly string[]
  readonly types: readonly string[]
}

interface ListGroupsResponse {
  readonly errorCode: number
  readonly groups: readonly GroupListing[]
}

export const listGroups = defineApi<ListGroupsRequest, ListGroupsResponse>({
  key: 16,
  name: 'ListGroups',
  minVersion: 0,
  maxVersion: 5,
  flexibleFrom: 3,

  decode(reader, version) {
    const states = version >= 4 ? reader.array(() => reader.string()) : []
    const types = version >= 5 ? reader.array(() => reader.string()) : []
    reader.tags()
    return {states, types}
  },

  handle(request, {broker}) {
    const accepts = (wanted: readonly string[], value: string): boolean =>
      wanted.length === 0 || wanted.some(name => name.toLowerCase() === value.toLowerCase())
    const groups = accepts(request.types, TYPE)
      ? broker.coordinator.list().filter(group => accepts(request.states, group.state))
      : []
    return {errorCode: ERROR.none, groups}
  },

  encode(response, writer, version) {
    if (version >= 1) writer.int32(0)
    writer.int16(response.errorCode)
    writer.array(response.groups, group => {
      writer.string(group.groupId).string(group.protocolType)
      if (version >= 4) writer.string(group.state)
      if (version >= 5) writer.string(TYPE)
      writer.tags()
    })
    writer.tags()
  },

  refuse: (_request, errorCode) => ({errorCode, groups: []}),
})
