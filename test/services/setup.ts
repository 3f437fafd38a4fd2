/**
 * Starts the real services before the first test of the suite and stops them after the last one. What the
 * environment names is used as it is; everything else is started here. A service that cannot be had fails the suite.
 */
import {VARIABLES} from './context.js'
import {kafkaClasspath} from './kafka/jars.js'
import {KafkaNode, kafkaAnswers} from './kafka/node.js'
import {answers, PostgresServer} from './postgres.js'

type Stop = () => Promise<void>

export default async function setup(): Promise<Stop> {
  const startedAtMs = performance.now()
  const outcomes = await Promise.allSettled([provideKafka(), providePostgres()])
  const stops = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const stop: Stop = async () => {
    await Promise.all(stops.map(end => end()))
  }
  const failures = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (failures.length > 0) {
    await stop()
    throw new Error(`The service suite needs real services:\n${failures.map(describe).join('\n')}`)
  }
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
  process.stderr.write(
    `Kafka at ${process.env[VARIABLES.brokers]}, PostgreSQL at ${withoutPassword(process.env[VARIABLES.databaseUrl])}, ready after ${seconds} s\n`,
  )
  return stop
}

/**
 * The tests also want Kafka's own tools and the encrypted listeners, so a node is started here even when the plain
 * broker is given, unless its encrypted addresses are given too.
 */
async function provideKafka(): Promise<Stop> {
  const classpath = await kafkaClasspath()
  provide({classpath})
  const given = process.env[VARIABLES.brokers]
  if (given) await expectAnswer('Kafka', given, kafkaAnswers)
  const secured = ['sslBrokers', 'mtlsBrokers', 'saslBrokers', 'saslSslBrokers'] as const
  if (given && secured.every(name => process.env[VARIABLES[name]])) return async () => {}
  const node = await KafkaNode.create(classpath)
  const {brokers, sslBrokers, mtlsBrokers, saslBrokers, saslSslBrokers, user, password} = node
  const {caFile, clientCertFile, clientKeyFile} = node.certificates
  provide({sslBrokers, mtlsBrokers, saslBrokers, saslSslBrokers, caFile, clientCertFile, clientKeyFile, user, password})
  if (!given) provide({brokers})
  return () => node.remove()
}

async function providePostgres(): Promise<Stop> {
  const given = process.env[VARIABLES.databaseUrl]
  if (given) {
    await expectAnswer('PostgreSQL', given, answers)
    return async () => {}
  }
  const server = await PostgresServer.create()
  provide({databaseUrl: server.databaseUrl})
  return () => server.remove()
}

async function expectAnswer(name: string, address: string, ask: (address: string) => Promise<void>): Promise<void> {
  try {
    await ask(address)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`${name} at ${withoutPassword(address)}, which the environment names, does not answer: ${why}`)
  }
}

function provide(values: Partial<Record<keyof typeof VARIABLES, string>>): void {
  for (const [name, value] of Object.entries(values)) process.env[VARIABLES[name as keyof typeof VARIABLES]] = value
}

function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return `- ${message}`
}

function withoutPassword(databaseUrl = ''): string {
  return databaseUrl.replace(/:[^:@/]*@/, '@')
}
