/**
 * A run's load side on Kafka, on topics that are there. `generate` is this alone; `run` has the detector beside it.
 */
import type {KafkaConnection} from '../kafka/connection.js'
import type {PartitionOffsets} from '../payment/record.js'
import type {TopicNames} from '../payment/topics.js'
import {openKafkaSink} from '../sink/kafka-sink.js'
import type {Manifest} from './run-directory.js'
import {type AccountsFile, type Produced, type RunOptions, sendRun} from './send-run.js'

export type {AccountsFile, Produced}

export interface ProduceOptions extends RunOptions {
  readonly kafka: KafkaConnection
  readonly brokers: string
  /** Topics of the run; `generate` alone knows the raw one. */
  readonly topics: Pick<TopicNames, 'raw'> & Partial<TopicNames>
}

/**
 * @throws EnvironmentError broker, topics, disk
 * @throws UsageError the plan's population or accounts do not fit
 */
export function produce(options: ProduceOptions): Promise<Produced> {
  const {kafka, brokers} = options
  return sendRun(options, async () => {
    const topics: Record<string, Manifest['topics'][string]> = {}
    for (const [role, name] of Object.entries(options.topics)) {
      topics[role] = {name, start_offsets: listOffsets(await kafka.admin.endOffsets(name))}
    }
    return {
      broker: {address: brokers, cluster_id: kafka.clusterId},
      topics,
      openSink: onOutcome => openKafkaSink(kafka, {topic: options.topics.raw}, onOutcome),
    }
  })
}

/** Offsets by partition as a list, partition 0 first. */
export function listOffsets(offsets: PartitionOffsets): number[] {
  return Array.from({length: Math.max(-1, ...offsets.keys()) + 1}, (_, partition) => offsets.get(partition) ?? 0)
}

/** The list of a manifest, back as a map. */
export function offsetsOfList(list: readonly number[]): PartitionOffsets {
  return new Map(list.entries())
}
