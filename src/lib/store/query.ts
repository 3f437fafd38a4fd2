/** One statement on one connection, as the store uses pg: unnamed unless it is given a name, with rows as arrays. */
import type {ClientBase} from 'pg'

export interface Answer {
  /** Columns in the order of the statement, as pg makes them: bigint is text, bytea a Buffer, text[] an array. */
  readonly rows: readonly (readonly unknown[])[]
  /** Rows that were returned or changed. */
  readonly count: number
}

/**
 * @param name one a text: the connection keeps the statement parsed under it. Only for a session that is its client's
 *   own, and for a plan that holds whatever the tables grow to
 */
export type Query = (text: string, values: readonly unknown[], name?: string) => Promise<Answer>

export function queryOn(client: ClientBase): Query {
  return async (text, values, name) => {
    const {rows, rowCount} = await client.query<unknown[]>({
      ...(name === undefined ? {} : {name}),
      text,
      values: [...values],
      rowMode: 'array',
    })
    return {rows, count: rowCount ?? 0}
  }
}
