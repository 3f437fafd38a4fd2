/**
 * InitProducerId, versions 0 to 5, for idempotent producers.
 *
 *   request  = transactional_id, timeout i32, producer_id i64 (3+), epoch i16 (3+)
 *   response = throttle i32, error i16, producer_id i64, epoch i16
 *
 * Ids are never given out twice, also after a crash. A producer that comes with its id and epoch wants to begin its
 * sequences again (KIP-360): it gets the next epoch, or a new id when epochs are used up. Transactions are refused.
 */
import {messageOf} from '../../base/errors.js'
import {defineApi} from '../api.js'
import {ERROR} from '../error-codes.js'

const EPOCH_MAX = 32_767

interface InitProducerIdRequest {
  readonly transactionalId: string | null
  readonly producerId: number
  readonly epoch: number
}

interface InitProducerIdResponse {
  readonly errorCode: number
  readonly producerId: number
  readonly epoch: number
}

export const initProducerId = defineApi<InitProducerIdRequest, InitProducerIdResponse>({
  key: 22,
  name: 'InitProducerId',
  minVersion: 0,
  maxVersion: 5,
  flexibleFrom: 2,

  decode(reader, version) {
    const transactionalId = reader.nullableString()
    reader.int32()
    const producerId = version >= 3 ? reader.int64() : -1
    const epoch = version >= 3 ? reader.int16() : -1
    reader.tags()
    return {transactionalId, producerId, epoch}
  },

  handle(request, {broker}) {
    if (request.transactionalId !== null) return refused(ERROR.invalidRequest)
    if (request.producerId >= 0 && request.epoch >= 0 && request.epoch < EPOCH_MAX) {
      return {errorCode: ERROR.none, producerId: request.producerId, epoch: request.epoch + 1}
    }
    try {
      return {errorCode: ERROR.none, producerId: broker.storage.newProducerId(), epoch: 0}
    } catch (error) {
      broker.log(`no producer id: ${messageOf(error)}`)
      return refused(ERROR.coordinatorNotAvailable)
    }
  },

  encode(response, writer) {
    writer.int32(0).int16(response.errorCode).int64(response.producerId).int16(response.epoch).tags()
  },

  refuse: (_request, errorCode) => refused(errorCode),
})

function refused(errorCode: number): InitProducerIdResponse {
  return {errorCode, producerId: -1, epoch: -1}
}
