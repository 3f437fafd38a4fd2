import {describe, expect, it} from 'vitest'
import {toEnvironmentError} from '../../../src/lib/kafka/errors.js'

const context = {doing: 'create topics a, b', brokers: ['kafka:9092'], timeoutMs: 10_000}

function failure(message: string, fields: object): Error {
  return Object.assign(new Error(message), fields)
}

const connection = (message: string, code?: string): Error =>
  failure(`Connection error: ${message}`, {name: 'KafkaJSConnectionError', code})

describe('what Kafka says', () => {
  it.each([
    [
      'a refused connection, which is no time-out',
      failure('retries', {name: 'KafkaJSConnectionError', cause: connection('connect ECONNREFUSED', 'ECONNREFUSED')}),
      'P2PAY_BROKER_UNREACHABLE',
      'Kafka at kafka:9092 refused the connection: nobody listens there (retries)',
    ],
    [
      'a host that is not known',
      connection('getaddrinfo ENOTFOUND kafka', 'ENOTFOUND'),
      'P2PAY_BROKER_UNREACHABLE',
      'Kafka at kafka:9092 was not found: no such host (getaddrinfo ENOTFOUND kafka)',
    ],
    [
      'silence, with its time limit',
      connection('no answer'),
      'P2PAY_BROKER_UNREACHABLE',
      'Kafka did not answer at kafka:9092 within 10 s: no answer',
    ],
    [
      'several refusals, by their reasons',
      failure('Topic creation errors', {
        name: 'KafkaJSAggregateError',
        errors: [
          failure('Policy violated', {type: 'POLICY_VIOLATION', topic: 'a'}),
          failure('Invalid partitions', {type: 'INVALID_PARTITIONS', topic: 'b'}),
        ],
      }),
      'P2PAY_BROKER_ERROR',
      'Kafka at kafka:9092 could not create topics a, b: a: Policy violated; b: Invalid partitions',
    ],
    [
      'a group with members of another kind',
      failure('protocol', {name: 'KafkaJSProtocolError', type: 'INCONSISTENT_GROUP_PROTOCOL'}),
      'P2PAY_BROKER_ERROR',
      'Kafka at kafka:9092 could not create topics a, b: the group has members of another kind',
    ],
  ])('names %s', (_name, error, code, message) => {
    expect(toEnvironmentError(error, context)).toMatchObject({code, message})
  })
})
