/** An account as `p2pay accounts` exports it and `--accounts FILE` reads it (NDJSON, one a line). */
export interface AccountRecord {
  readonly accountId: string
  readonly kind: 'person' | 'merchant'
  readonly country: string
  readonly currency: string
  readonly latitude: number
  readonly longitude: number
  /** ISO 18245; merchants only. */
  readonly merchantCategory?: string
}
