/**
 * FindCoordinator, versions 0 to 4.
 *
 *   request  = 0 to 3: key, key_type i8 (1+);  4: key_type i8, [key]
 *   response = throttle i32 (1+), 0 to 3: error i16, message (1+), node i32, host, port i32
 *              4: [key, node i32, host, port i32, error i16, message]
 *
 * This node coordinates every group. There are no transactions, so their key type is refused.
 */
import {defineApi, NODE_ID} from '../api.js'
import {ERROR} from '../error-codes.js'

const KEY_TYPE_GROUP = 0

interface FindCoordinatorRequest {
  readonly keyType: number
  readonly keys: readonly string[]
}

interface FoundCoordinator {
  readonly key: string
  readonly errorCode: number
  readonly message: string | null
  readonly host: string
  readonly port: number
}

export const findCoordinator = defineApi<FindCoordinatorRequest, readonly FoundCoordinator[]>({
  key: 10,
  name: 'FindCoordinator',
  minVersion: 0,
  maxVersion: 4,
  flexibleFrom: 3,

  decode(reader, version) {
    const single = version <= 3 ? reader.string() : undefined
    const keyType = version >= 1 ? reader.int8() : KEY_TYPE_GROUP
    const keys = single === undefined ? reader.array(() => reader.string()) : [single]
    reader.tags()
    return {keyType, keys}
  },

  handle: ({keyType, keys}, {broker}) =>
    keys.map(key =>
      keyType === KEY_TYPE_GROUP
        ? {key, errorCode: ERROR.none, message: null, host: broker.host, port: broker.port}
        : notFound(key, ERROR.invalidRequest, 'the embedded broker coordinates consumer groups only, no transactions'),
    ),

  encode(found, writer, version) {
    if (version >= 1) writer.int32(0)
    const encodeNode = (coordinator: FoundCoordinator): void => {
      writer.int32(coordinator.errorCode === ERROR.none ? NODE_ID : -1)
      writer.string(coordinator.host).int32(coordinator.port)
    }
    if (version >= 4) {
      writer.array(found, coordinator => {
        writer.string(coordinator.key)
        encodeNode(coordinator)
        writer.int16(coordinator.errorCode).string(coordinator.message).tags()
      })
    } else {
      for (const coordinator of found) {
        writer.int16(coordinator.errorCode)
        if (version >= 1) writer.string(coordinator.message)
        encodeNode(coordinator)
      }
    }
    writer.tags()
  },

  refuse: ({keys}, errorCode) => keys.map(key => notFound(key, errorCode, null)),
})

function notFound(key: string, errorCode: number, message: string | null): FoundCoordinator {
  return {key, errorCode, message, host: '', port: -1}
}
