import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  MessageReader,
  message,
  messagesOf,
  readyForQuery,
  statusAtEnd,
} from '../../../../src/lib/store/embedded/wire.js'

async function* pieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0
  for (const size of [...sizes, bytes.length]) {
    if (at < bytes.length) yield bytes.subarray(at, at + size)
    at += size
  }
}

describe('the message reader', () => {
  it('gives the same messages however the bytes arrive', async () => {
    const anyMessage = fc.tuple(fc.constantFrom('Q', 'P', 'd'), fc.uint8Array({maxLength: 40}))
    const anySizes = fc.array(fc.integer({min: 1, max: 30}), {maxLength: 20})
    await fc.assert(
      fc.asyncProperty(fc.array(anyMessage, {maxLength: 8}), anySizes, async (messages, sizes) => {
        const bytes = Buffer.concat(messages.map(([type, body]) => message(type, Buffer.from(body))))
        const reader = new MessageReader(pieces(bytes, sizes))
        for (const [type, body] of messages) expect(await reader.next()).toEqual({type, body: Buffer.from(body)})
        expect(await reader.next()).toBeUndefined()
      }),
    )
  })

  it('takes a stream that ends or breaks within a message for ended', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from([0x51, 0, 0])
      throw new Error('connection reset')
    }
    expect(await new MessageReader(broken()).next()).toBeUndefined()
    expect(await new MessageReader(pieces(Buffer.from([0x51, 0, 0, 0, 9, 1]), [])).next()).toBeUndefined()
  })
})

describe('answers', () => {
  it('are cut into their messages', () => {
    const answer = Buffer.concat([message('1'), message('D', Buffer.alloc(7)), readyForQuery('T')])
    expect(Array.from(messagesOf(answer), part => part.type)).toEqual(['1', 'D', 'Z'])
  })

  it.each([
    [readyForQuery('I'), 'I'],
    [Buffer.concat([message('1'), readyForQuery('E')]), 'E'],
    [message('1'), undefined],
    [Buffer.alloc(0), undefined],
    [message('Z', Buffer.from('?')), undefined],
  ])('%# tell the transaction status at their end', (answer, status) => {
    expect(statusAtEnd(answer)).toBe(status)
  })
})
