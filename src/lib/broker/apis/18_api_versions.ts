/**
 * ApiVersions, versions 0 to 4. A version that is not known is answered in version 0 with UNSUPPORTED_VERSION and the
 * list, so that the client can ask again (KIP-511); the answer's header never has tagged fields.
 *
 *   request  = client_name (3+), client_version (3+)
 *   response = error i16, [key i16, min i16, max i16], throttle i32 (1+)
 */
import {type Api, type ApiRange, defineApi} from '../api.js'
import type {Writer} from '../codec.js'
import {ERROR} from '../error-codes.js'

interface ApiVersionsResponse {
  readonly errorCode: number
  readonly apis: readonly ApiRange[]
}

/** @param listed all APIs of the broker; asked at each request, for this one is among them */
export function apiVersions(listed: () => readonly ApiRange[]): Api {
  return defineApi<null, ApiVersionsResponse>({
    key: 18,
    name: 'ApiVersions',
    minVersion: 0,
    maxVersion: 4,
    flexibleFrom: 3,

    decode(reader, version) {
      if (version >= 3) {
        reader.string()
        reader.string()
      }
      reader.tags()
      return null
    },

    handle: () => ({errorCode: ERROR.none, apis: listed()}),
    encode: encodeApiVersions,
    refuse: (_request, errorCode) => ({errorCode, apis: listed()}),
  })
}

/** Also for the answer to a version that nobody here can decode. */
export function encodeApiVersions(response: ApiVersionsResponse, writer: Writer, version: number): void {
  writer.int16(response.errorCode)
  writer.array(response.apis, api => writer.int16(api.key).int16(api.minVersion).int16(api.maxVersion).tags())
  if (version >= 1) writer.int32(0)
  writer.tags()
}
