/**
 * Produce, versions 3 to 11. Versions 0 to 2 are named as well, only so that librdkafka keeps its compression
 * features (Kafka 4 does the same, KAFKA-18659); their old message formats are refused.
 *
 *   request  = transactional_id(3+) acks i16, timeout_ms i32, [topic, [partition i32, records bytes]]
 *   response = [topic, [partition, error i16, base_offset i64, log_append_time i64 (2+), log_start i64 (5+),
 *              [batch_index i32, message] (8+), message (8+)]], throttle i32 (1+)
 *
 * One batch of format 2 per partition, stored as received before the answer is written. acks 1 and -1 are the same
 * (no replicas); acks 0 is stored and not answered. Over the disk quota see quota.ts; no room on the disk is
 * KAFKA_STORAGE_ERROR for this partition and nothing is changed.
 */
import {messageOf} from '../../base/errors.js'
import {type BrokerState, defineApi} from '../api.js'
import {ERROR} from '../error-codes.js'
import type {Appended, PartitionLog} from '../partition-log.js'
import {refusalOf, withoutRecord} from '../record-batch.js'
import {topicMaxMessageBytes} from '../topic-config.js'

interface PartitionBatch {
  readonly partition: number
  readonly records: Buffer | null
  /** Fault injection: acknowledge the batch without this record. */
  readonly omitIndex?: number
}

interface ProduceRequest {
  readonly transactionalId: string | null
  readonly acks: number
  readonly topics: readonly {readonly name: string; readonly partitions: readonly PartitionBatch[]}[]
}

interface PartitionAnswer {
  readonly partition: number
  readonly errorCode: number
  readonly message: string | null
  readonly baseOffset: number
  readonly logStartOffset: number
}

interface ProduceResponse {
  readonly topics: readonly {readonly name: string; readonly partitions: readonly PartitionAnswer[]}[]
}

export const produce = defineApi<ProduceRequest, ProduceResponse>({
  key: 0,
  name: 'Produce',
  minVersion: 0,
  maxVersion: 11,
  flexibleFrom: 9,

  decode(reader, version) {
    const transactionalId = version >= 3 ? reader.nullableString() : null
    const acks = reader.int16()
    reader.int32() // timeout: nothing here waits for replicas
    const topics = reader.array(() => {
      const name = reader.string()
      const partitions = reader.array(() => {
        const partition = {partition: reader.int32(), records: reader.nullableBytes()}
        reader.tags()
        return partition
      })
      reader.tags()
      return {name, partitions}
    })
    reader.tags()
    return {transactionalId, acks, topics}
  },

  handle(request, {broker, version}) {
    const topics = request.topics.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(batch => appendTo(broker, name, batch, request, version)),
    }))
    return request.acks === 0 ? undefined : {topics}
  },

  encode(response, writer, version) {
    writer.array(response.topics, topic => {
      writer.string(topic.name)
      writer.array(topic.partitions, answer => {
        writer.int32(answer.partition).int16(answer.errorCode).int64(answer.baseOffset)
        if (version >= 2) writer.int64(-1) // log append time: records keep the time their producer gave
        if (version >= 5) writer.int64(answer.logStartOffset)
        if (version >= 8) writer.array([], () => {}).string(answer.message)
        writer.tags()
      })
      writer.tags()
    })
    if (version >= 1) writer.int32(0)
    writer.tags()
  },

  refuse: (request, errorCode) => ({
    topics: request.topics.map(({name, partitions}) => ({
      name,
      partitions: partitions.map(({partition}) => refused(partition, errorCode, null)),
    })),
  }),

  topics: request => request.topics.map(topic => topic.name),

  omitRecord: (request, index) => ({
    ...request,
    topics: request.topics.map((topic, topicIndex) => ({
      ...topic,
      partitions: topic.partitions.map((batch, partitionIndex) =>
        topicIndex === 0 && partitionIndex === 0 ? {...batch, omitIndex: index} : batch,
      ),
    })),
  }),
})

function refused(partition: number, errorCode: number, message: string | null): PartitionAnswer {
  return {partition, errorCode, message, baseOffset: -1, logStartOffset: -1}
}

function appendTo(
  broker: BrokerState,
  topicName: string,
  batch: PartitionBatch,
  request: ProduceRequest,
  version: number,
): PartitionAnswer {
  const {partition, records} = batch
  if (request.acks < -1 || request.acks > 1) {
    return refused(partition, ERROR.invalidRequiredAcks, `acks ${request.acks} is not -1, 0 or 1`)
  }
  if (request.transactionalId !== null) {
    return refused(partition, ERROR.invalidRequest, 'transactions are not supported')
  }
  const topic = broker.storage.topic(topicName)
  const log = topic?.partitions[partition]
  if (topic === undefined || log === undefined) return refused(partition, ERROR.unknownTopicOrPartition, null)
  if (records === null) return refused(partition, ERROR.invalidRecord, 'there is no batch')
  const maxBytes = topicMaxMessageBytes(topic.configs, broker.maxMessageBytes)
  const refusal = refusalOf(records, {maxBytes, zstdAllowed: version >= 7})
  if (refusal !== undefined) return refused(partition, refusal.errorCode, refusal.message)
  // A repeated batch is already in the log: it gets its offset even when nothing new is let in.
  const known = log.check(records)
  const overQuota = known === undefined ? broker.quota.refusalFor(topic) : undefined
  if (overQuota !== undefined) {
    broker.log(`produce to ${topicName}-${partition} refused: ${overQuota}`)
    return refused(partition, ERROR.notEnoughReplicas, overQuota)
  }
  try {
    const appended = known ?? store(broker, log, records, batch.omitIndex)
    if (appended.kind === 'refused') return refused(partition, appended.errorCode, appended.message)
    return {
      partition,
      errorCode: ERROR.none,
      message: null,
      baseOffset: appended.baseOffset,
      logStartOffset: log.startOffset,
    }
  } catch (error) {
    broker.log(`produce to ${topicName}-${partition} failed: ${messageOf(error)}`)
    return refused(partition, ERROR.storageError, messageOf(error))
  }
}

function store(broker: BrokerState, log: PartitionLog, records: Buffer, omitIndex: number | undefined): Appended {
  const kept = omitIndex === undefined ? records : withoutRecord(records, omitIndex)
  if (kept === undefined) return log.pretend(records)
  const appended = broker.storage.append(log, kept)
  if (appended.kind === 'appended') broker.waiters.appended(log, kept.length)
  return appended
}
