/**
 * Where the services of this suite are, for tests. The suite's setup writes the variables (or finds them given);
 * a missing one is an error, never a reason to skip.
 */
import {randomBytes} from 'node:crypto'
import {withClient} from './postgres.js'

/** The environment variables by which setup tells the tests, in one place. */
export const VARIABLES = {
  brokers: 'P2PAY_BROKERS',
  databaseUrl: 'P2PAY_DATABASE_URL',
  classpath: 'P2PAY_KAFKA_CLASSPATH',
  sslBrokers: 'P2PAY_KAFKA_SSL_BROKERS',
  mtlsBrokers: 'P2PAY_KAFKA_MTLS_BROKERS',
  saslBrokers: 'P2PAY_KAFKA_SASL_BROKERS',
  saslSslBrokers: 'P2PAY_KAFKA_SASL_SSL_BROKERS',
  caFile: 'P2PAY_KAFKA_CA_FILE',
  clientCertFile: 'P2PAY_KAFKA_CERT_FILE',
  clientKeyFile: 'P2PAY_KAFKA_KEY_FILE',
  user: 'P2PAY_KAFKA_USER',
  password: 'P2PAY_KAFKA_PASSWORD',
} as const

export interface Services {
  /** `host:port` of the plain listener. */
  readonly brokers: string
  readonly databaseUrl: string
  /** For `java -cp`, see kafka/tools.ts. */
  readonly classpath: string
  /** TLS; the server's certificate is signed by `caFile`. */
  readonly sslBrokers: string
  /** TLS that demands `clientCertFile` and `clientKeyFile`. */
  readonly mtlsBrokers: string
  /** SASL without TLS: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 with `user` and `password`. */
  readonly saslBrokers: string
  /** The same over TLS. */
  readonly saslSslBrokers: string
  readonly caFile: string
  readonly clientCertFile: string
  readonly clientKeyFile: string
  readonly user: string
  readonly password: string
}

/** @throws Error naming all variables that are missing */
export function services(): Services {
  const missing = Object.values(VARIABLES).filter(variable => !process.env[variable])
  if (missing.length > 0) {
    throw new Error(`Not set: ${missing.join(', ')}. The service suite's setup sets them: npm run test:services`)
  }
  const value = (name: keyof typeof VARIABLES): string => process.env[VARIABLES[name]] ?? ''
  return {
    brokers: value('brokers'),
    databaseUrl: value('databaseUrl'),
    classpath: value('classpath'),
    sslBrokers: value('sslBrokers'),
    mtlsBrokers: value('mtlsBrokers'),
    saslBrokers: value('saslBrokers'),
    saslSslBrokers: value('saslSslBrokers'),
    caFile: value('caFile'),
    clientCertFile: value('clientCertFile'),
    clientKeyFile: value('clientKeyFile'),
    user: value('user'),
    password: value('password'),
  }
}

/** A name that no other test and no earlier run used, for topics, groups and databases. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`
}

/** Calls `use` with the address of a new, empty database on the suite's server, and drops it afterwards. */
export async function withFreshDatabase<T>(use: (databaseUrl: string) => Promise<T>): Promise<T> {
  const {databaseUrl} = services()
  const name = uniqueName('p2pay_test')
  await withClient(databaseUrl, client => client.query(`create database ${name}`))
  const url = new URL(databaseUrl)
  url.pathname = `/${name}`
  try {
    return await use(url.href)
  } finally {
    await withClient(databaseUrl, client => client.query(`drop database ${name} with (force)`))
  }
}
