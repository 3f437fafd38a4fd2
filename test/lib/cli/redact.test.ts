import {describe, expect, it} from 'vitest'
import {redactArguments, redactUrl} from '../../../src/lib/cli/redact.js'

describe('arguments for a report', () => {
  it.each([
    [
      ['-H', 'Authorization: Bearer abc'],
      ['-H', 'Authorization: ***'],
    ],
    [
      ['--header', 'X-Api-Key: abc'],
      ['--header', 'X-Api-Key: ***'],
    ],
    [['--header=Cookie: a=b'], ['--header=Cookie: ***']],
    [['-HX-Auth-Token: abc'], ['-HX-Auth-Token: ***']],
    [['https://u:p@h/x?api_key=1&n=2'], ['https://u:***@h/x?api_key=***&n=2']],
    [
      ['--database-url', 'postgres://u:p@h/d'],
      ['--database-url', 'postgres://u:***@h/d'],
    ],
    [['--database-url=postgres://u:p@h/d'], ['--database-url=postgres://u:***@h/d']],
    [
      ['-X', 'sasl.password=abc'],
      ['-X', 'sasl.password=***'],
    ],
  ])('%j hide their secret', (given, expected) => {
    expect(redactArguments(given)).toEqual(expected)
  })

  it.each([
    [['-H', 'Content-Type: application/json']],
    [['-H', 'Idempotency-Key: {{payment_id}}']],
    [['--api-key-env', 'P2PAY_API_KEY']],
    [['--threshold', 'http.response_time:p(99)<250ms']],
    [['--body', '{"key":"a=b"}']],
    [['http://127.0.0.1:8000/a?page=2']],
    [['-X', 'security.protocol=sasl_ssl']],
    [['--duration=30s', '--key', 'key.pem']],
  ])('%j stay as they are', given => {
    expect(redactArguments(given)).toEqual(given)
  })
})

describe('a URL for a report', () => {
  it.each([
    ['http://127.0.0.1:8000/a?b=c', 'http://127.0.0.1:8000/a?b=c'],
    ['http://user:pass@h/a', 'http://h/a'],
    ['http://user@h/a', 'http://h/a'],
    ['http://h/a?token=x&b=1&access_key=y', 'http://h/a?token=***&b=1&access_key=***'],
    ['http://h/mail@home', 'http://h/mail@home'],
  ])('%s → %s', (given, expected) => {
    expect(redactUrl(given)).toBe(expected)
  })
})
