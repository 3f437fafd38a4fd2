/**
 * DeleteGroups, versions 0 to 2: forgets a group's committed offsets; it must have no members.
 *
 *   request  = [group]
 *   response = throttle i32, [group, error i16]
 */
import {defineApi} from '../api.js'

interface DeletedGroup {
  readonly groupId: string
  readonly errorCode: number
}

export const deleteGroups = defineApi<readonly string[], readonly DeletedGroup[]>({
  key: 42,
  name: 'DeleteGroups',
  minVersion: 0,
  maxVersion: 2,
  flexibleFrom: 2,

  decode(reader) {
    const groupIds = reader.array(() => reader.string())
    reader.tags()
    return groupIds
  },

  handle: (groupIds, {broker}) => groupIds.map(groupId => ({groupId, errorCode: broker.coordinator.delete(groupId)})),

  encode(deleted, writer) {
    writer.int32(0)
    writer.array(deleted, group => writer.string(group.groupId).int16(group.errorCode).tags())
    writer.tags()
  },

  refuse: (groupIds, errorCode) => groupIds.map(groupId => ({groupId, errorCode})),
})
