/** One step of the schema, applied once per database, in a transaction of its own. */
export interface Migration {
  /** `NNNN_what`, the order of application. */
  readonly id: string
  /** Statements separated by semicolons; tables are named with their schema. */
  readonly sql: string
}
