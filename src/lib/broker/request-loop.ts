/**
 * One request from frame to answer: header, version check, the fault hook, handler, encoding. The header is
 *
 *   key i16, version i16, correlation i32, client_id (always classic), tags (flexible versions)
 *
 * and the answer is size i32, correlation i32, tags (flexible versions, never ApiVersions), body.
 */
import type {Api, BrokerState, Call, Encode} from './api.js'
import {APIS, APIS_BY_KEY} from './api-table.js'
import {encodeApiVersions} from './apis/18_api_versions.js'
import {MalformedRequest, Reader, Writer} from './codec.js'
import {ERROR} from './error-codes.js'
import type {FaultPlan} from './fault-plan.js'

const API_VERSIONS_KEY = 18

/** The connection must go: what was sent cannot be answered. */
export class CloseConnection extends Error {
  override readonly name = 'CloseConnection'
}

export interface Peer {
  readonly host: string
  /** Aborts when the connection is gone. */
  readonly gone: AbortSignal
}

export class RequestLoop {
  readonly #broker: BrokerState
  #faults: FaultPlan

  constructor(broker: BrokerState, faults: FaultPlan) {
    this.#broker = broker
    this.#faults = faults
  }

  setFaults(faults: FaultPlan): void {
    this.#faults = faults
  }

  /**
   * @returns the whole answer, or undefined when there is none (acks 0, a dropped response)
   * @throws CloseConnection or MalformedRequest when the connection must be closed
   */
  answer(frame: Buffer, peer: Peer): Buffer | undefined | Promise<Buffer | undefined> {
    const header = new Reader(frame)
    const key = header.int16()
    const version = header.int16()
    const correlationId = header.int32()
    const clientId = header.nullableString() ?? ''
    const api = APIS_BY_KEY.get(key)
    if (api === undefined || version < api.minVersion || version > api.maxVersion) {
      return this.#unsupported({key, version, correlationId, clientId})
    }
    const isFlexible = version >= api.flexibleFrom
    const reader = header.as(isFlexible)
    reader.tags()
    const call = decode(api, reader, version)
    const finish = (encode: Encode | undefined): Buffer | undefined =>
      encode === undefined
        ? undefined
        : framed(correlationId, {isFlexible, hasHeaderTags: isFlexible && key !== API_VERSIONS_KEY}, encode)
    const context = {broker: this.#broker, version, clientId, clientHost: peer.host, gone: peer.gone}
    const handle = (handled: Call): Buffer | undefined | Promise<Buffer | undefined> => {
      const encode = handled.handle(context)
      return encode instanceof Promise ? encode.then(finish) : finish(encode)
    }
    if (this.#faults.isEmpty) return handle(call)
    return this.#underFault(api, call, {handle, finish, gone: peer.gone})
  }

  /** The one place where faults act. */
  #underFault(
    api: Api,
    call: Call,
    next: {
      handle: (call: Call) => Buffer | undefined | Promise<Buffer | undefined>
      finish: (encode: Encode) => Buffer | undefined
      gone: AbortSignal
    },
  ): Buffer | undefined | Promise<Buffer | undefined> {
    const action = this.#faults.next(api.name, () => call.topics())
    switch (action?.kind) {
      case undefined:
        return next.handle(call)
      case 'delay':
        return Promise.resolve(next.handle(call)).then(async answer => {
          await this.#broker.clock.sleep(action.delayMs, next.gone)
          return answer
        })
      case 'error':
        return next.finish(call.refuse(action.errorCode))
      case 'drop-response':
        return Promise.resolve(next.handle(call)).then(() => undefined)
      case 'drop-record':
        return next.handle(call.omitRecord(action.index))
      case 'close':
        throw new CloseConnection(`fault: ${api.name} closes the connection`)
    }
  }

  /** ApiVersions is answered in version 0, with the list; nothing else has a form that the client could read. */
  #unsupported(request: {key: number; version: number; correlationId: number; clientId: string}): Buffer {
    if (request.key === API_VERSIONS_KEY) {
      return framed(request.correlationId, {isFlexible: false, hasHeaderTags: false}, writer =>
        encodeApiVersions({errorCode: ERROR.unsupportedVersion, apis: APIS}, writer, 0),
      )
    }
    const name = APIS_BY_KEY.get(request.key)?.name ?? 'unknown'
    throw new CloseConnection(
      `API ${request.key} (${name}) version ${request.version} of client "${request.clientId}" is not supported`,
    )
  }
}

function decode(api: Api, reader: Reader, version: number): Call {
  try {
    return api.decode(reader, version)
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error
    throw new MalformedRequest(`${api.name} version ${version}: ${error.message}`)
  }
}

function framed(correlationId: number, form: {isFlexible: boolean; hasHeaderTags: boolean}, encode: Encode): Buffer {
  const writer = new Writer(form.isFlexible)
  writer.int32(0).int32(correlationId)
  if (form.hasHeaderTags) writer.tags()
  encode(writer)
  writer.patchInt32(writer.length - 4, 0)
  return writer.finish()
}
