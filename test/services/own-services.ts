/** A Kafka node and a PostgreSQL server of a test's own, which it may kill, and pipelines over them. */
import {expect} from 'vitest'
import {run} from '../support/p2pay.js'
import {Pipeline} from '../support/pipeline.js'
import {temporaryDirectory} from '../support/temp.js'
import {services, uniqueName} from './context.js'
import {KafkaNode} from './kafka/node.js'
import {PostgresServer, withClient} from './postgres.js'

const SESSION_TIMEOUT_MS = 1000

export class OwnServices {
  readonly node: KafkaNode
  readonly server: PostgresServer

  private constructor(node: KafkaNode, server: PostgresServer) {
    this.node = node
    this.server = server
  }

  static async create(): Promise<OwnServices> {
    const [node, server] = await Promise.all([
      // With Kafka's default of 6 s, five restarts of a detector would last half a minute.
      KafkaNode.create(services().classpath, {properties: {'group.min.session.timeout.ms': '500'}}),
      PostgresServer.create(),
    ])
    return new OwnServices(node, server)
  }

  async remove(): Promise<void> {
    await Promise.all([this.node.remove(), this.server.remove()])
  }

  /** With topics and a migrated database of its own. Only inside of a test. */
  async pipeline(): Promise<Pipeline> {
    const directory = await temporaryDirectory()
    const name = uniqueName('kill')
    await withClient(this.server.databaseUrl, client => client.query(`create database ${name}`))
    const url = new URL(this.server.databaseUrl)
    url.pathname = `/${name}`
    const migrated = await run(['migrate', '--database-url', url.href], {cwd: directory})
    expect(migrated.exitCode, migrated.stderr).toBe(0)
    const {brokers} = this.node
    return new Pipeline({brokers, databaseUrl: url.href, directory, sessionTimeoutMs: SESSION_TIMEOUT_MS})
  }
}
