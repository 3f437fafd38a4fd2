import {withClient} from './connect.js'

/** The database server's clock, ms since the epoch. @throws EnvironmentError P2PAY_DATABASE_DOWN */
export function serverClockMs(url: string): Promise<number> {
  return withClient(url, async client => {
    const {rows} = await client.query<{ms: number}>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS ms',
    )
    return Number(rows[0]?.ms)
  })
}
