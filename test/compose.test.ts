/** docker-compose.yml and .env.example: what a stranger starts is safe, repeatable, and is what p2pay is told to use. */
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {parse} from 'yaml'

interface Service {
  readonly image: string
  readonly ports: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly volumes: readonly string[]
  readonly healthcheck?: {readonly test: readonly string[]; readonly retries: number}
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8')
const compose: Compose = parse(read('docker-compose.yml'), {strict: true, uniqueKeys: true})

describe.each(Object.entries(compose.services))('the service %s', (_name, service) => {
  it('is pinned to a version', () => {
    expect(service.image).toMatch(/^[a-z/]+:\d+(\.\d+)*$/)
  })

  it('is reachable from this machine only', () => {
    expect(service.ports.length).toBeGreaterThan(0)
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  })

  it('keeps its data in a named volume', () => {
    expect(service.volumes.length).toBeGreaterThan(0)
    for (const volume of service.volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0])
  })

  it('says when it is healthy, within bounds', () => {
    expect(service.healthcheck?.test[0]).toMatch(/^CMD/)
    expect(service.healthcheck?.retries).toBeGreaterThan(0)
  })
})

describe('docker-compose.yml', () => {
  it('has the two services and no more', () => {
    expect(Object.keys(compose.services)).toEqual(['kafka', 'postgres'])
  })

  it('runs the Kafka that the service suite runs', () => {
    const version = read('test/services/kafka/pom.xml').match(/<kafka\.version>(.*)<\/kafka\.version>/)?.[1]
    expect(compose.services['kafka']?.image).toBe(`apache/kafka:${version}`)
  })

  it('has no password but the default for development, which .env overrides', () => {
    expect(compose.services['postgres']?.environment['POSTGRES_PASSWORD']).toBe('${' + 'POSTGRES_PASSWORD:-p2pay}')
  })
})

describe('.env.example', () => {
  const lines = read('.env.example')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
  const variables = new Map(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))

  it('sets exactly the two variables', () => {
    expect([...variables.keys()]).toEqual(['P2PAY_BROKERS', 'P2PAY_DATABASE_URL'])
  })

  it('names the broker by the address that it advertises', () => {
    const advertised = compose.services['kafka']?.environment['KAFKA_ADVERTISED_LISTENERS']
    expect(advertised).toBe(`PLAINTEXT://${variables.get('P2PAY_BROKERS')}`)
    expect(compose.services['kafka']?.ports).toEqual([`127.0.0.1:9092:${portOf(variables.get('P2PAY_BROKERS'))}`])
  })

  it('names user, password, database and port of the server', () => {
    const url = new URL(variables.get('P2PAY_DATABASE_URL') ?? '')
    const {environment, ports} = compose.services['postgres'] ?? {environment: {}, ports: []}
    expect(url.username).toBe(environment['POSTGRES_USER'])
    expect(environment['POSTGRES_PASSWORD']).toContain(`:-${url.password}}`)
    expect(url.pathname).toBe(`/${environment['POSTGRES_DB']}`)
    expect(ports).toEqual([`127.0.0.1:${url.port}:${url.port}`])
  })
})

function portOf(address: string | undefined): string | undefined {
  return address?.split(':')[1]
}
