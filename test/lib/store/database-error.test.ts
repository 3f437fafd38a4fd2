import {describe, expect, it} from 'vitest'
import {BugError, EnvironmentError} from '../../../src/lib/base/errors.js'
import {readDatabaseUrl} from '../../../src/lib/store/connect.js'
import {databaseError} from '../../../src/lib/store/database-error.js'
import {RowError} from '../../../src/lib/store/store.js'

const ADDRESS = '127.0.0.1:5432/p2pay'
const withCode = (code: string, message = 'it says so'): Error => Object.assign(new Error(message), {code})

describe('an error of the database', () => {
  it.each([
    ['nobody listens', withCode('ECONNREFUSED'), 'P2PAY_DATABASE_DOWN'],
    [
      'nobody listens on either address of localhost',
      new AggregateError([withCode('ECONNREFUSED')], ''),
      'P2PAY_DATABASE_DOWN',
    ],
    ['the line breaks', withCode('ECONNRESET'), 'P2PAY_DATABASE_DOWN'],
    ['the host is not known', withCode('ENOTFOUND'), 'P2PAY_DATABASE_DOWN'],
    ['the connection ends', new Error('Connection terminated unexpectedly'), 'P2PAY_DATABASE_DOWN'],
    ['connecting takes too long', new Error('timeout exceeded when trying to connect'), 'P2PAY_DATABASE_DOWN'],
    ['an answer takes too long', new Error('Query read timeout'), 'P2PAY_DATABASE_DOWN'],
    [
      'a connection broke before',
      new Error('Client has encountered a connection error and is not queryable'),
      'P2PAY_DATABASE_DOWN',
    ],
    ['shut down by an administrator', withCode('57P01'), 'P2PAY_DATABASE_DOWN'],
    ['crashed', withCode('57P02'), 'P2PAY_DATABASE_DOWN'],
    ['starting up', withCode('57P03'), 'P2PAY_DATABASE_DOWN'],
    ['statement timeout', withCode('57014'), 'P2PAY_DATABASE_DOWN'],
    ['too many connections', withCode('53300'), 'P2PAY_DATABASE_DOWN'],
    ['disk full', withCode('53100'), 'P2PAY_DATABASE_DOWN'],
    ['a deadlock', withCode('40P01'), 'P2PAY_DATABASE_DOWN'],
    ['an I/O error', withCode('58030'), 'P2PAY_DATABASE_DOWN'],
    ['a standby', withCode('25006'), 'P2PAY_DATABASE_DOWN'],
    ['a table is missing', withCode('42P01'), 'P2PAY_DATABASE_SCHEMA'],
    ['a column is missing', withCode('42703'), 'P2PAY_DATABASE_SCHEMA'],
    ['a wrong password', withCode('28P01'), 'P2PAY_DATABASE_ACCESS'],
    ['no such database', withCode('3D000'), 'P2PAY_DATABASE_ACCESS'],
    ['no permission', withCode('42501'), 'P2PAY_DATABASE_ACCESS'],
    ['no TLS', new Error('The server does not support SSL connections'), 'P2PAY_DATABASE_ACCESS'],
    ['a certificate of nobody', withCode('SELF_SIGNED_CERT_IN_CHAIN'), 'P2PAY_DATABASE_ACCESS'],
    ['anything else', withCode('XX000'), 'P2PAY_DATABASE_ERROR'],
  ])('%s: %#', (_what, error, code) => {
    const told = databaseError(error, ADDRESS)
    expect(told).toBeInstanceOf(EnvironmentError)
    expect(told).toMatchObject({code, cause: error, message: expect.stringContaining(ADDRESS)})
  })

  it.each(['22001', '22P02', '23502', '23514', '22021'])('%s is the fault of a row', code => {
    expect(databaseError(withCode(code), ADDRESS)).toBeInstanceOf(RowError)
  })

  it('of our own stays what it is', () => {
    const bug = new BugError('a bug')
    expect(databaseError(bug, ADDRESS)).toBe(bug)
  })
})

describe('a database URL', () => {
  it.each([
    ['postgresql://user:secret@db.example:6432/pay', 'db.example:6432/pay'],
    ['postgres://user@localhost/pay', 'localhost:5432/pay'],
    ['postgresql://user@[::1]:6432/pay?sslmode=require', '[::1]:6432/pay'],
  ])('%s is at %s', (url, address) => {
    expect(readDatabaseUrl(url).address).toBe(address)
  })

  it.each([
    '',
    'mysql://user:secret@host/db',
    'postgresql://user:sec/ret@host:port/db',
    'host=localhost password=secret',
  ])('"%s" is refused, and not repeated', url => {
    const refused = (): unknown => readDatabaseUrl(url)
    expect(refused).toThrow(expect.objectContaining({code: 'P2PAY_DATABASE_URL'}))
    expect(refused).toThrow(expect.objectContaining({message: expect.not.stringMatching(/sec\/?ret/)}))
  })
})
