import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {readTargets, type Target} from '../../../../src/lib/run/loadtest/targets.js'
import {temporaryDirectory} from '../../../support/temp.js'

async function targetsOf(text: string): Promise<readonly Target[]> {
  const path = join(await temporaryDirectory(), 'targets.json')
  await writeFile(path, text)
  return readTargets(path)
}

const BODY = Buffer.from('{"amount":5}').toString('base64')

describe('a targets file', () => {
  it('has one request a line, in vegeta’s JSON', async () => {
    const text = [
      '{"method":"GET","url":"http://127.0.0.1:8000/healthz"}',
      '',
      `{"method":"POST","url":"http://127.0.0.1:8000/p","header":{"X-A":["1","2"],"X-B":"3"},"body":"${BODY}"}`,
    ].join('\r\n')
    const [get, post] = await targetsOf(text)
    expect(get).toEqual({method: 'GET', url: 'http://127.0.0.1:8000/healthz', headers: [], body: null})
    expect(post).toMatchObject({
      method: 'POST',
      headers: [
        ['X-A', '1'],
        ['X-A', '2'],
        ['X-B', '3'],
      ],
    })
    expect(post?.body?.toString()).toBe('{"amount":5}')
  })

  it.each([
    ['nothing', '\n\n', /has no targets/],
    ['no JSON', 'GET http://127.0.0.1/', /targets\.json:1 is not JSON/],
    ['no object', '["GET"]', /:1 is no JSON object/],
    ['no method', '{"url":"http://a/"}', /:1 method: nothing is not a method/],
    ['a small method', '{"method":"get","url":"http://a/"}', /:1 method: "get" is not a method/],
    ['no URL', '{"method":"GET"}', /:1 url: nothing is not a URL/],
    [
      'an unknown key',
      '{"method":"GET","url":"http://a/","headers":{}}',
      /:1 headers: unknown key; did you mean "header"\?/,
    ],
    [
      'a header that is no text',
      '{"method":"GET","url":"http://a/","header":{"X":[5]}}',
      /:1 header\.X: 5 is not a text/,
    ],
    ['a header list', '{"method":"GET","url":"http://a/","header":[]}', /:1 header: \[\] is not an object/],
    ['a body that is not base64', '{"method":"POST","url":"http://a/","body":"{}"}', /:1 body: "\{\}" is not base64/],
  ])('is refused with %s', async (_, text, expected) => {
    await expect(targetsOf(text)).rejects.toMatchObject({
      code: 'P2PAY_TARGETS',
      message: expect.stringMatching(expected),
    })
  })

  it('tells of all lines that are wrong', async () => {
    const text = '{"method":"GET"}\n{"method":"GET","url":"http://a/"}\n{"url":5}\n'
    await expect(targetsOf(text)).rejects.toThrow(/3 problems\n.*:1 url: .*\n.*:3 method: .*\n.*:3 url: 5/s)
  })

  it('is refused when it is not there', async () => {
    await expect(readTargets('/nowhere/targets.json')).rejects.toMatchObject({code: 'P2PAY_TARGETS'})
  })
})
