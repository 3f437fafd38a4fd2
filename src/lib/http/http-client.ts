/**
 * Port of the load client: one exchange at a time per connection, each stamped when its bytes leave and when the
 * first and the last byte of the answer come. The caller bounds how many are under way.
 */

/** Where requests go; prepared once, shared by many requests. */
export interface HttpTarget {
  readonly method: string
  readonly url: URL
  /** Names and values alternating, as they go on the wire; without Host and Content-Length, which the client adds. */
  readonly headers: readonly string[]
}

export interface HttpRequest {
  readonly target: HttpTarget
  readonly body: Buffer | null
  /** Headers of this request alone, names and values alternating. */
  readonly headers?: readonly string[]
}

/**
 * `response`: an answer came, whole, whatever its status. `timeout`: it was sent and no whole answer came in time.
 * `refused`: no connection came about (in time), so nothing has left us. `broken`: the connection ended before the
 * answer was whole, or what came is no answer. No request is ever sent twice: a server that closes an idle connection
 * just as it is used leaves it broken, since nobody can tell whether it was worked on.
 */
export type HttpOutcomeKind = 'response' | 'timeout' | 'refused' | 'broken'

export interface HttpOutcome {
  readonly kind: HttpOutcomeKind
  /** 0 without a response. */
  readonly status: number
  /** Wall clock µs when the request was handed to a connection; 0 when it never was. */
  readonly sentUs: number
  /** First byte of the response's head; 0 without one. */
  readonly firstByteUs: number
  /** Last byte of the response, or when the failure was known. */
  readonly settledUs: number
  /** Body bytes received. */
  readonly receivedBytes: number
  /** The response's body when it was asked for, cut at `maxBodyBytes`; else null. */
  readonly body: Buffer | null
  /** Such as ECONNREFUSED, UND_ERR_SOCKET; null with a response. */
  readonly errorCode: string | null
  readonly errorMessage: string | null
}

export interface HttpClient {
  /** For the first line of a run: `keep-alive, 50 connections, timeout 10 s`. */
  readonly description: string
  /**
   * Sends at once on a free connection, opening one when there is room. Calls back exactly once, never synchronously
   * and never throws: what goes wrong is an outcome.
   * At most `connections` requests per origin may be under way; the caller holds the rest back (one too many comes
   * back as `refused`). From within `onOutcome` there is room again.
   */
  send(request: HttpRequest, onOutcome: (outcome: HttpOutcome) => void): void
  /** Ends at once: what is under way comes back as `broken`, or `refused` when nothing of it had left us. */
  close(): Promise<void>
}

export interface HttpClientOptions {
  /** Connections to one origin at most, and so requests under way. */
  readonly connections: number
  /** From `send` to the last byte, a connection that has to be made included; Infinity for none. */
  readonly timeoutMs: number
  /** False: a new connection for each request. */
  readonly keepAlive: boolean
  /** Keep at most so many bytes of each response's body; 0 = none. */
  readonly maxBodyBytes: number
  readonly tls: TlsOptions
}

export interface TlsOptions {
  /** False: any certificate is taken (`--insecure`). */
  readonly verify: boolean
  /** PEM texts. */
  readonly ca?: string
  readonly certificate?: string
  readonly key?: string
  readonly serverName?: string
}
