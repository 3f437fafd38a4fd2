/** An account; in the file of `p2pay accounts` and `--accounts` its names are in snake_case (accounts-file.ts). */
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
