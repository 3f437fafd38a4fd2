/**
 * Ids that a service minted, beside the journal: `minted-ids.ndjson`, one `{"sequence":12,"id":"…"}` a line, appended
 * in blocks. With it an audit finds payments that a service renamed.
 */
export interface MintedIds {
  record(sequence: number, id: string): void
  /** Resolves when everything recorded is on disk. @throws EnvironmentError P2PAY_DISK_FULL, P2PAY_DISK */
  close(): Promise<void>
}
