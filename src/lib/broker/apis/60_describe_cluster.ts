/**
 * DescribeCluster, versions 0 and 1.
 *
 *   request  = include_operations bool, endpoint_type i8 (1+)
 *   response = throttle i32, error i16, message, endpoint_type i8 (1+), cluster_id, controller i32,
 *              [broker i32, host, port i32, rack], operations i32
 */
import {defineApi, NODE_ID, OPERATIONS_UNKNOWN} from '../api.js'
import {ERROR} from '../error-codes.js'

const ENDPOINT_BROKERS = 1
const UNSUPPORTED_ENDPOINT_TYPE = 115

interface DescribeClusterResponse {
  readonly errorCode: number
  readonly clusterId: string
  readonly host: string
  readonly port: number
}

export const describeCluster = defineApi<{endpointType: number}, DescribeClusterResponse>({
  key: 60,
  name: 'DescribeCluster',
  minVersion: 0,
  maxVersion: 1,
  flexibleFrom: 0,

  decode(reader, version) {
    reader.bool()
    const endpointType = version >= 1 ? reader.int8() : ENDPOINT_BROKERS
    reader.tags()
    return {endpointType}
  },

  handle: ({endpointType}, {broker}) => ({
    errorCode: endpointType === ENDPOINT_BROKERS ? ERROR.none : UNSUPPORTED_ENDPOINT_TYPE,
    clusterId: broker.storage.clusterId,
    host: broker.host,
    port: broker.port,
  }),

  encode(response, writer, version) {
    writer.int32(0).int16(response.errorCode).string(null)
    if (version >= 1) writer.int8(ENDPOINT_BROKERS)
    writer.string(response.clusterId).int32(NODE_ID)
    writer.array(response.errorCode === ERROR.none ? [NODE_ID] : [], node =>
      writer.int32(node).string(response.host).int32(response.port).string(null).tags(),
    )
    writer.int32(OPERATIONS_UNKNOWN).tags()
  },

  refuse: (_request, errorCode) => ({errorCode, clusterId: '', host: '', port: 0}),
})
