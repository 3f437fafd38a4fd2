/** Every way to connect that -X maps, against a real broker: TLS, mutual TLS, SASL with and without TLS. */
import {createPrivateKey} from 'node:crypto'
import {readFile, writeFile} from 'node:fs/promises'
import {connect, createServer, type Socket} from 'node:net'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {isP2payError} from '../../src/lib/base/errors.js'
import {type ConnectOptions, connectKafka, type KafkaConnection} from '../../src/lib/kafka/connection.js'
import {temporaryDirectory, withTemporaryDirectory} from '../support/temp.js'
import {type Services, services, uniqueName} from './context.js'
import {freePorts} from './ports.js'

type Way = Pick<ConnectOptions, 'brokers' | 'properties' | 'environment'>

const PARTITIONS = 2
const VALUES = ['one', 'two', 'three']

function tls({caFile}: Services): string[] {
  return ['security.protocol=ssl', `ssl.ca.location=${caFile}`]
}

function sasl(mechanism: string, {user, password}: Services): string[] {
  return ['security.protocol=sasl_plaintext', ...credentials(mechanism, {user, password})]
}

function saslTls(mechanism: string, all: Services): string[] {
  return ['security.protocol=sasl_ssl', `ssl.ca.location=${all.caFile}`, ...credentials(mechanism, all)]
}

function credentials(mechanism: string, {user, password}: Pick<Services, 'user' | 'password'>): string[] {
  return [`sasl.mechanism=${mechanism}`, `sasl.username=${user}`, `sasl.password=${password}`]
}

/** An unsecured JSON Web Token (RFC 7519, section 6), which this broker takes. */
function bearerToken(lifeSeconds: number): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const nowSeconds = Math.floor(Date.now() / 1000)
  return `${encode({alg: 'none'})}.${encode({sub: 'p2pay', iat: nowSeconds, exp: nowSeconds + lifeSeconds})}.`
}

const ways: readonly (readonly [string, (all: Services) => Way])[] = [
  ['no encryption', ({brokers}) => ({brokers})],
  ['TLS', all => ({brokers: all.sslBrokers, properties: tls(all)})],
  [
    'TLS with the authority as a text',
    all => ({brokers: all.sslBrokers, properties: ['security.protocol=ssl', `ssl.ca.pem=@${all.caFile}`]}),
  ],
  ['TLS by host name', all => ({brokers: all.sslBrokers.replace('127.0.0.1', 'localhost'), properties: tls(all)})],
  [
    'TLS without looking at the certificate',
    ({sslBrokers}) => ({
      brokers: sslBrokers,
      properties: ['security.protocol=ssl', 'enable.ssl.certificate.verification=false'],
    }),
  ],
  [
    'mutual TLS',
    all => ({
      brokers: all.mtlsBrokers,
      properties: [
        ...tls(all),
        `ssl.certificate.location=${all.clientCertFile}`,
        `ssl.key.location=${all.clientKeyFile}`,
      ],
    }),
  ],
  ['SASL PLAIN', all => ({brokers: all.saslBrokers, properties: sasl('PLAIN', all)})],
  ['SASL SCRAM-SHA-256', all => ({brokers: all.saslBrokers, properties: sasl('SCRAM-SHA-256', all)})],
  ['SASL SCRAM-SHA-512', all => ({brokers: all.saslBrokers, properties: sasl('SCRAM-SHA-512', all)})],
  ['SASL PLAIN over TLS', all => ({brokers: all.saslSslBrokers, properties: saslTls('PLAIN', all)})],
  ['SASL SCRAM-SHA-512 over TLS', all => ({brokers: all.saslSslBrokers, properties: saslTls('SCRAM-SHA-512', all)})],
  [
    'SASL OAUTHBEARER over TLS',
    all => ({
      brokers: all.saslSslBrokers,
      properties: [
        ...['security.protocol=sasl_ssl', `ssl.ca.location=${all.caFile}`],
        ...['sasl.mechanism=OAUTHBEARER', `sasl.oauthbearer.token=${bearerToken(600)}`],
      ],
    }),
  ],
  [
    'the password from the environment',
    all => ({
      brokers: all.saslBrokers,
      properties: ['security.protocol=sasl_plaintext', 'sasl.mechanism=SCRAM-SHA-512', `sasl.username=${all.user}`],
      environment: {P2PAY_KAFKA_SASL_PASSWORD: all.password},
    }),
  ],
]

describe.each(ways)('with %s', (_name, wayOf) => {
  it('creates a topic, writes to it and reads it back', async () => {
    await withConnection(wayOf(services()), async connection => {
      const topic = uniqueName('secured')
      await connection.admin.ensureTopics([topic], PARTITIONS)
      await produce(connection, topic)
      expect((await consume(connection, topic)).toSorted()).toEqual(VALUES.toSorted())
    })
  })
})

describe('a connection that is refused', () => {
  const refusals: readonly (readonly [string, string, (all: Services) => Way])[] = [
    [
      'a wrong password, SCRAM',
      'P2PAY_BROKER_AUTH',
      all => ({brokers: all.saslBrokers, properties: sasl('SCRAM-SHA-512', {...all, password: 'not-this-one'})}),
    ],
    [
      'a wrong password, PLAIN over TLS',
      'P2PAY_BROKER_AUTH',
      all => ({brokers: all.saslSslBrokers, properties: saslTls('PLAIN', {...all, password: 'not-this-one'})}),
    ],
    [
      'an unknown user',
      'P2PAY_BROKER_AUTH',
      all => ({brokers: all.saslBrokers, properties: sasl('SCRAM-SHA-256', {...all, user: 'nobody-here'})}),
    ],
    [
      // kafkajs takes the broker's refusal of a token for a success, and then sees only a closed connection.
      'a token that has expired',
      'P2PAY_BROKER_UNREACHABLE',
      all => ({
        brokers: all.saslBrokers,
        properties: [
          ...['security.protocol=sasl_plaintext', 'sasl.mechanism=OAUTHBEARER'],
          `sasl.oauthbearer.token=${bearerToken(-600)}`,
        ],
      }),
    ],
    [
      'a certificate of an authority that nobody named',
      'P2PAY_BROKER_TLS',
      ({sslBrokers}) => ({brokers: sslBrokers, properties: ['security.protocol=ssl']}),
    ],
    [
      'no client certificate where one is demanded',
      'P2PAY_BROKER_TLS',
      all => ({brokers: all.mtlsBrokers, properties: tls(all)}),
    ],
    ['TLS to a port without it', 'P2PAY_BROKER_UNREACHABLE', all => ({brokers: all.brokers, properties: tls(all)})],
    ['no log-in where one is demanded', 'P2PAY_BROKER_UNREACHABLE', ({saslBrokers}) => ({brokers: saslBrokers})],
    ['no TLS to a port that has it', 'P2PAY_BROKER_UNREACHABLE', ({sslBrokers}) => ({brokers: sslBrokers})],
  ]

  it.each(refusals)('%s: %s', async (_name, code, wayOf) => {
    const way = wayOf(services())
    const error = await refusalOf(way)
    expect(error).toMatchObject({code, suggestions: expect.arrayContaining([expect.any(String)])})
    for (const secret of ['not-this-one', services().password]) expect(JSON.stringify(error)).not.toContain(secret)
    expect(error.message).toContain(way.brokers)
  })

  it('a certificate for another host: P2PAY_BROKER_TLS, unless the name does not matter', async () => {
    const all = services()
    const {host, port, close} = await listenElsewhere(all.sslBrokers)
    try {
      const way = {brokers: `${host}:${port}`, properties: tls(all)}
      expect(await refusalOf(way)).toMatchObject({code: 'P2PAY_BROKER_TLS'})
      const anyName = [...tls(all), 'ssl.endpoint.identification.algorithm=none']
      await withConnection({...way, properties: anyName}, async connection => {
        expect(connection.clusterId).toEqual(expect.any(String))
      })
    } finally {
      await close()
    }
  })
})

describe('a renewed token file', () => {
  it('is read at the next log-in', async () => {
    const all = services()
    const file = join(await temporaryDirectory(), 'token')
    await writeFile(file, `${bearerToken(600)}\n`)
    const way: Way = {
      brokers: all.saslBrokers,
      properties: [
        ...['security.protocol=sasl_plaintext', 'sasl.mechanism=OAUTHBEARER'],
        `sasl.oauthbearer.token.file=${file}`,
      ],
    }
    await withConnection(way, async connection => {
      await writeFile(file, 'not a token')
      await expect(produce(connection, uniqueName('secured'))).rejects.toThrow()
      await writeFile(file, bearerToken(600))
      const topic = uniqueName('secured')
      await connection.admin.ensureTopics([topic], PARTITIONS)
      await produce(connection, topic)
    })
  })
})

describe('a client key with a passphrase', () => {
  it('is opened with ssl.key.password', async () => {
    const all = services()
    await withTemporaryDirectory(async directory => {
      const key = createPrivateKey(await readFile(all.clientKeyFile))
      const locked = key.export({type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame'})
      const file = join(directory, 'locked.key')
      await writeFile(file, locked)
      const properties = [
        ...tls(all),
        ...[`ssl.certificate.location=${all.clientCertFile}`, `ssl.key.location=${file}`],
        'ssl.key.password=open sesame',
      ]
      await withConnection({brokers: all.mtlsBrokers, properties}, async connection => {
        expect(await connection.admin.listTopics()).toEqual(expect.any(Array))
      })
    })
  })
})

/** The same broker at an address that its certificate does not name: 127.0.0.2 is this machine too. */
async function listenElsewhere(
  brokers: string,
): Promise<{readonly host: string; readonly port: number; close(): Promise<void>}> {
  const host = '127.0.0.2'
  const sockets = new Set<Socket>()
  const server = createServer(inbound => {
    const outbound = connect({host: '127.0.0.1', port: Number(brokers.split(':')[1])})
    for (const socket of [inbound, outbound]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
    inbound.pipe(outbound).pipe(inbound)
  })
  const [port = 0] = await freePorts(1)
  await new Promise<void>(resolve => server.listen({host, port}, resolve))
  return {
    host,
    port,
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

async function withConnection(way: Way, use: (connection: KafkaConnection) => Promise<void>): Promise<void> {
  const connection = await connectKafka(way)
  try {
    await use(connection)
  } finally {
    await connection.close()
  }
}

async function refusalOf(way: Way): Promise<Error> {
  try {
    const connection = await connectKafka({...way, timeoutMs: 4000})
    await connection.close()
  } catch (error) {
    if (isP2payError(error)) return error
    throw error
  }
  throw new Error('The connection was not refused')
}

async function produce(connection: KafkaConnection, topic: string): Promise<void> {
  const producer = connection.newClient().producer()
  try {
    await producer.connect()
    await producer.send({topic, acks: -1, messages: VALUES.map(value => ({key: value, value}))})
  } finally {
    await producer.disconnect()
  }
}

async function consume(connection: KafkaConnection, topic: string): Promise<string[]> {
  const consumer = connection.newClient().consumer({groupId: uniqueName('secured')})
  const values: string[] = []
  try {
    await consumer.connect()
    await consumer.subscribe({topics: [topic], fromBeginning: true})
    await new Promise<void>((resolve, reject) => {
      // A fresh broker is still loading its coordinator: kafkajs then starts the consumer anew by itself.
      consumer.on('consumer.crash', ({payload}) => {
        if (!payload.restart) reject(payload.error)
      })
      const eachMessage = async ({message}: {message: {value: Buffer | null}}): Promise<void> => {
        values.push(String(message.value))
        if (values.length === VALUES.length) resolve()
      }
      consumer.run({eachMessage}).catch(reject)
    })
    return values
  } finally {
    await consumer.disconnect()
  }
}
