/** One statement on one connection, as the store uses pg: unnamed, with rows as arrays. */
import type {ClientBase} from 'pg'

export interface Answer {
  /** Columns in the order of the statement, as pg makes them: bigint is text, bytea a Buffer, text[] an array. */
  readonly rows: readonly (readonly unknown[])[]
  /** Rows that were returned or changed. */
  readonly count: number
}

export type Query = (text: string, values: readonly unknown[]) => Promise<Answer>

export function queryOn(client: ClientBase): Query {
  return async (text, values) => {
    const {rows, rowCount} = await client.query<unknown[]>({text, values: [...values], rowMode: 'array'})
    return {rows, count: rowCount ?? 0}
  }
}
