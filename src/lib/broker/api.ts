/** What one Kafka API is to the broker: a grammar both ways, a handler, and its answer to "refuse this". */
import type {Clock} from '../base/clock.js'
import type {Reader, Writer} from './codec.js'
import type {Coordinator} from './coordinator.js'
import type {FetchWaiters} from './fetch-waiters.js'
import type {Quota} from './quota.js'
import type {Storage} from './storage.js'

/** The only node; clients see it as leader, controller and coordinator of everything. */
export const NODE_ID = 1
/** There are no elections, so the epoch never moves. */
export const LEADER_EPOCH = 0
/** "Not asked" in authorized-operations fields. */
export const OPERATIONS_UNKNOWN = -2_147_483_648
export const NO_UUID = '00000000-0000-0000-0000-000000000000'

/** What handlers work on. */
export interface BrokerState {
  readonly host: string
  readonly port: number
  readonly clock: Clock
  readonly storage: Storage
  readonly coordinator: Coordinator
  readonly quota: Quota
  readonly waiters: FetchWaiters
  readonly defaultPartitions: number
  readonly maxMessageBytes: number
  readonly log: (line: string) => void
}

export interface RequestContext {
  readonly broker: BrokerState
  readonly version: number
  readonly clientId: string
  readonly clientHost: string
  /** Aborts when the client's connection is gone. */
  readonly gone: AbortSignal
}

export interface ApiRange {
  /** The protocol's number and name, such as 0 and `Produce`. */
  readonly key: number
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** First version with compact encoding and tagged fields; Infinity = none. */
  readonly flexibleFrom: number
}

export interface ApiDefinition<Q, R> extends ApiRange {
  readonly decode: (reader: Reader, version: number) => Q
  /** undefined = no answer at all (Produce with acks 0). */
  readonly handle: (request: Q, context: RequestContext) => R | undefined | Promise<R | undefined>
  readonly encode: (response: R, writer: Writer, version: number) => void
  /** The answer that says this error code in each place the grammar has for one. */
  readonly refuse: (request: Q, errorCode: number) => R
  /** For faults that name a topic. */
  readonly topics?: (request: Q) => string[]
  /** Produce only: the same request with one record to leave out. */
  readonly omitRecord?: (request: Q, index: number) => Q
}

export type Encode = (writer: Writer) => void

/** A decoded request, its types sealed in. */
export interface Call {
  topics(): string[]
  handle(context: RequestContext): Encode | undefined | Promise<Encode | undefined>
  refuse(errorCode: number): Encode
  omitRecord(index: number): Call
}

export interface Api extends ApiRange {
  decode(reader: Reader, version: number): Call
}

export function defineApi<Q, R>(definition: ApiDefinition<Q, R>): Api {
  const callOf = (request: Q, version: number): Call => {
    const encoderOf = (response: R | undefined): Encode | undefined =>
      response === undefined ? undefined : writer => definition.encode(response, writer, version)
    return {
      topics: () => definition.topics?.(request) ?? [],
      handle: context => {
        const response = definition.handle(request, context)
        return response instanceof Promise ? response.then(encoderOf) : encoderOf(response)
      },
      refuse: errorCode => writer => definition.encode(definition.refuse(request, errorCode), writer, version),
      omitRecord: index => callOf(definition.omitRecord?.(request, index) ?? request, version),
    }
  }
  const {key, name, minVersion, maxVersion, flexibleFrom} = definition
  return {
    key,
    name,
    minVersion,
    maxVersion,
    flexibleFrom,
    decode: (reader, version) => callOf(definition.decode(reader, version), version),
  }
}
