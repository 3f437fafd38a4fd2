import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {UsageError} from '../../../src/lib/base/errors.js'
import {parseBrokers} from '../../../src/lib/kafka/connection.js'
import {parseProperties} from '../../../src/lib/kafka/properties.js'
import {temporaryDirectory} from '../../support/temp.js'

const scram = ['security.protocol=sasl_ssl', 'sasl.mechanisms=SCRAM-SHA-512', 'sasl.username=u']

function messageOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return error instanceof Error ? `${error.message}` : ''
  }
  throw new Error('nothing was thrown')
}

describe('Kafka properties', () => {
  it('are plaintext without any', () => {
    expect(parseProperties([])).toMatchObject({tls: undefined, sasl: undefined, deliveryTimeoutMs: 30_000, lingerMs: 5})
  })

  it('take the spellings of kcat, librdkafka and Java', () => {
    expect(
      parseProperties([...scram, 'sasl.password=p', 'message.timeout.ms=5000', 'queue.buffering.max.ms=0']),
    ).toMatchObject({
      tls: {verify: true, verifyHost: true},
      sasl: {mechanism: 'scram-sha-512', username: 'u', password: 'p'},
      deliveryTimeoutMs: 5000,
      lingerMs: 0,
    })
    expect(
      parseProperties({
        'security.protocol': 'SASL_PLAINTEXT',
        'sasl.mechanism': 'plain',
        'sasl.username': 'u',
        'sasl.password': 'a=b',
      }),
    ).toMatchObject({tls: undefined, sasl: {mechanism: 'plain', password: 'a=b'}})
  })

  it('read certificates and secrets from files', async () => {
    const directory = await temporaryDirectory()
    const file = async (name: string, text: string): Promise<string> => {
      await writeFile(join(directory, name), text)
      return join(directory, name)
    }
    const settings = parseProperties([
      ...scram,
      `sasl.password=@${await file('password', 'secret\n')}`,
      `ssl.ca.location=${await file('ca', 'CA')}`,
      `ssl.certificate.location=${await file('cert', 'CERT')}`,
      `ssl.key.location=${await file('key', 'KEY')}`,
      'ssl.key.password=kp',
      'ssl.endpoint.identification.algorithm=none',
    ])
    expect(settings.sasl).toMatchObject({password: 'secret'})
    expect(settings.tls).toEqual({
      ca: Buffer.from('CA'),
      cert: Buffer.from('CERT'),
      key: Buffer.from('KEY'),
      passphrase: 'kp',
      verify: true,
      verifyHost: false,
    })
  })

  it('take secrets from the environment, below what is given', () => {
    const environment = {P2PAY_KAFKA_SASL_PASSWORD: 'e', P2PAY_KAFKA_SASL_USERNAME: 'ignored', P2PAY_KAFKA_OTHER: 'x'}
    expect(parseProperties(scram, environment).sasl).toEqual({mechanism: 'scram-sha-512', username: 'u', password: 'e'})
  })

  it('read an OAuth token again at each log-in', async () => {
    const path = join(await temporaryDirectory(), 'token')
    await writeFile(path, 'one\n')
    const {sasl} = parseProperties([
      'security.protocol=sasl_ssl',
      'sasl.mechanism=OAUTHBEARER',
      `sasl.oauthbearer.token.file=${path}`,
    ])
    if (sasl?.mechanism !== 'oauthbearer') throw new Error('not oauthbearer')
    expect(sasl.token()).toBe('one')
    await writeFile(path, 'two')
    expect(sasl.token()).toBe('two')
  })

  it.each([
    [
      'an unknown key, with the nearest',
      ['sasl.usrname=u'],
      '"sasl.usrname" is not supported, did you mean "sasl.username"?',
    ],
    ['what has a flag of its own', ['bootstrap.servers=a:1'], '"bootstrap.servers" is given by --brokers'],
    ['no value', ['linger.ms'], '"linger.ms" is not key=value'],
    ['a number that is none', ['linger.ms=soon'], 'linger.ms must be a number of milliseconds'],
    ['an unknown protocol', ['security.protocol=tls'], 'security.protocol must be one of plaintext, ssl'],
    [
      'an unknown mechanism',
      ['security.protocol=sasl_ssl', 'sasl.mechanism=GSSAPI'],
      'sasl.mechanism must be one of PLAIN',
    ],
    ['no mechanism', ['security.protocol=sasl_ssl'], 'sasl.mechanism is missing'],
    ['half of a log-in', scram, 'sasl.password is missing for SCRAM-SHA-512'],
    ['a log-in without its protocol', ['sasl.username=u'], 'sasl properties need security.protocol'],
    ['a certificate without its key', ['security.protocol=ssl', 'ssl.certificate.pem=x'], 'belong together'],
    ['a file that is not there', ['security.protocol=ssl', 'ssl.ca.location=/nowhere'], 'ssl.ca.location: ENOENT'],
    ['weaker acknowledgements', ['acks=1'], 'acks can only be all'],
    ['a producer that doubles', ['enable.idempotence=false'], 'enable.idempotence can only be true'],
  ])('refuse %s', (_name, properties, message) => {
    expect(messageOf(() => parseProperties(properties))).toContain(message)
  })

  it('name every problem at once, and no secret', () => {
    const message = messageOf(() =>
      parseProperties([...scram, 'sasl.password=hunter2', 'x.y=hunter2', 'acks=0', 'hunter2!']),
    )
    expect(message).toContain('"x.y"')
    expect(message).toContain('acks')
    expect(message).toContain('"…" is not key=value')
    expect(message).not.toContain('hunter2')
  })
})

describe('broker addresses', () => {
  it.each([
    ['kafka', ['kafka:9092']],
    ['a:1,b:2', ['a:1', 'b:2']],
    [' a:1 , a:1,', ['a:1']],
    ['PLAINTEXT://a:1,sasl_ssl://b', ['a:1', 'b:9092']],
  ])('%s', (text, brokers) => expect(parseBrokers(text)).toEqual(brokers))

  it.each(['', ',', 'a:0', 'a:99999', 'a:b', '[::1]:9092', 'a b'])('refuses "%s"', text => {
    expect(() => parseBrokers(text)).toThrow(UsageError)
  })
})
