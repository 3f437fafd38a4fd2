/** Names of the detector's shards in snapshots: `debtor/<partition>`, and `shared`. */

export const SHARED_SHARD = 'shared'

export function debtorShard(partition: number): string {
  return `debtor/${partition}`
}

/** The input partition of a debtor shard's name, undefined for any other name. */
export function partitionOf(shard: string): number | undefined {
  const match = /^debtor\/(0|[1-9][0-9]{0,8})$/.exec(shard)
  return match === null ? undefined : Number(match[1])
}
