import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {ResponseParser} from '../../../src/lib/http/response-parser.js'

interface Read {
  readonly status: number
  readonly body: string
  readonly receivedBytes: number
  readonly keepsConnection: boolean
  readonly idleLimitMs: number
  readonly isDone: boolean
  readonly failure: string | null
  /** Bytes behind the response. */
  readonly left: number
}

/** Reads pieces one after the other, each from a buffer that is overwritten afterwards. */
function read(pieces: readonly string[], options: {isHeadRequest?: boolean; ended?: boolean; max?: number} = {}): Read {
  const parser = new ResponseParser(options.max ?? 1_000_000)
  parser.begin({isHeadRequest: options.isHeadRequest ?? false})
  let left = 0
  for (const piece of pieces) {
    const bytes = Buffer.from(`###${piece}###`, 'latin1')
    left += bytes.length - 3 - parser.push(bytes, 3, bytes.length - 3)
    bytes.fill(0)
  }
  if (options.ended === true) parser.end()
  const {status, receivedBytes, keepsConnection, idleLimitMs, isDone, failure} = parser
  return {
    status,
    body: parser.body.toString('latin1'),
    receivedBytes,
    keepsConnection,
    idleLimitMs,
    isDone,
    failure,
    left,
  }
}

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const bytewise = (text: string): string[] => [...text]

describe('a response', () => {
  it.each([
    ['with a length', `${head('HTTP/1.1 202 Accepted', 'Content-Length: 5')}hello`, 202, 'hello'],
    ['with length 0', head('HTTP/1.1 200 OK', 'content-length: 0'), 200, ''],
    ['with blanks around the length', `${head('HTTP/1.1 200 OK', 'CONTENT-LENGTH: \t 2 \t')}ab`, 200, 'ab'],
    [
      'with its length said twice',
      `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Content-Length: 2, 2')}ab`,
      200,
      'ab',
    ],
    ['without a reason', `${head('HTTP/1.1 200', 'Content-Length: 1')}a`, 200, 'a'],
    ['with bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 1\n\na', 200, 'a'],
    [
      'with a folded field',
      `${head('HTTP/1.1 200 OK', 'X-Long: a', ' content-length: 9', 'Content-Length: 1')}a`,
      200,
      'a',
    ],
    [
      'in chunks',
      `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n`,
      200,
      'abc0123456789',
    ],
    [
      'in chunks with extensions',
      `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: Chunked')}3 ;a="b"\r\nabc\r\n000;x\r\n\r\n`,
      200,
      'abc',
    ],
    [
      'in chunks with trailers',
      `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked')}1\r\na\r\n0\r\nX: y\r\nZ: \r\n\r\n`,
      200,
      'a',
    ],
    ['without a body by its status', head('HTTP/1.1 204 No Content', 'Content-Length: 7'), 204, ''],
    ['unchanged', head('HTTP/1.1 304 Not Modified', 'Transfer-Encoding: chunked'), 304, ''],
    [
      'after interim ones',
      head('HTTP/1.1 100 Continue') +
        head('HTTP/1.1 103 Early Hints', 'Link: </a>') +
        head('HTTP/1.1 200 OK', 'Content-Length: 1') +
        'a',
      200,
      'a',
    ],
  ])('%s is read whole, in one piece and byte by byte', (_name, text, status, body) => {
    const whole = read([text])
    expect(whole).toMatchObject({status, body, receivedBytes: body.length, isDone: true, failure: null, left: 0})
    expect(whole.keepsConnection).toBe(true)
    expect(read(bytewise(text))).toEqual(whole)
    // Not a byte less will do.
    expect(read([text.slice(0, -1)], {ended: true})).toMatchObject({isDone: false})
  })

  it('to HEAD has no body whatever its head says', () => {
    const text = head('HTTP/1.1 200 OK', 'Content-Length: 100')
    expect(read([text], {isHeadRequest: true})).toMatchObject({isDone: true, receivedBytes: 0, keepsConnection: true})
  })

  it.each([
    ['without any length', head('HTTP/1.1 200 OK')],
    ['of HTTP/1.0', head('HTTP/1.0 200 OK')],
    [
      'in a coding that is not chunks',
      head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked, gzip', 'Content-Length: 2'),
    ],
  ])('%s ends with the connection', (_name, text) => {
    expect(read([text, 'abc'])).toMatchObject({isDone: false, failure: null})
    expect(read([text, 'abc'], {ended: true})).toMatchObject({isDone: true, body: 'abc', keepsConnection: false})
  })

  it('keeps the first bytes of the body only, and counts them all', () => {
    const text = `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n`
    expect(read([text], {max: 4})).toMatchObject({body: 'abcd', receivedBytes: 6, isDone: true})
    expect(read([text], {max: 0})).toMatchObject({body: '', receivedBytes: 6, isDone: true})
  })

  it('leaves what comes behind it', () => {
    const text = head('HTTP/1.1 200 OK', 'Content-Length: 1')
    expect(read([`${text}aHTTP/1.1 200 OK`])).toMatchObject({body: 'a', isDone: true, left: 15})
    expect(read([head('HTTP/1.1 204 No Content'), 'x', 'y'])).toMatchObject({isDone: true, left: 2})
    const chunks = `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}0\r\n\r\n`
    expect(read([`${chunks}\r\n`])).toMatchObject({isDone: true, left: 2})
  })

  it('is read again by the same reader', () => {
    const parser = new ResponseParser(100)
    for (const [status, body] of [
      [200, 'first'],
      [500, ''],
      [202, 'x'],
    ] as const) {
      const bytes = Buffer.from(`${head(`HTTP/1.1 ${status} -`, `Content-Length: ${body.length}`)}${body}`)
      parser.begin({isHeadRequest: false})
      expect(parser.push(bytes, 0, bytes.length)).toBe(bytes.length)
      expect([parser.isDone, parser.status, parser.body.toString(), parser.receivedBytes]).toEqual([
        true,
        status,
        body,
        body.length,
      ])
    }
  })
})

describe('the future of the connection', () => {
  it.each([
    ['kept by HTTP/1.1', 'HTTP/1.1', [], true, -1],
    ['closed when it says so', 'HTTP/1.1', ['Connection: close'], false, -1],
    ['closed when it says so among others', 'HTTP/1.1', ['Connection: Upgrade, CLOSE'], false, -1],
    ['closed by HTTP/1.0', 'HTTP/1.0', [], false, -1],
    ['kept by HTTP/1.0 when it says so', 'HTTP/1.0', ['Connection: Keep-Alive'], true, -1],
    ['kept for as long as it says', 'HTTP/1.1', ['Keep-Alive: timeout=5'], true, 5000],
    ['kept for as long as it says, with more to say', 'HTTP/1.1', ['Keep-Alive: max=100, timeout=72'], true, 72_000],
    ['kept as if nothing were said by a hint without sense', 'HTTP/1.1', ['Keep-Alive: timeout=soon'], true, -1],
    ['closed when its framing contradicts itself', 'HTTP/1.1', ['Transfer-Encoding: chunked'], false, -1],
  ])('is %s', (_name, version, lines, keepsConnection, idleLimitMs) => {
    const text = head(`${version} 200 OK`, 'Content-Length: 0', ...lines)
    const result = read([lines.some(line => line.startsWith('Transfer')) ? `${text}0\r\n\r\n` : text])
    expect(result).toMatchObject({isDone: true, keepsConnection, idleLimitMs})
  })
})

describe('what is no response', () => {
  const chunked = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', /status line: "SSH-2.0/],
    ['HTTP/2', head('HTTP/2 200'), /status line/],
    ['a status of two digits', head('HTTP/1.1 20 OK'), /status line/],
    ['a status below 100', head('HTTP/1.1 099 No'), /status line/],
    ['a status that goes on', head('HTTP/1.1 2000 No'), /status line/],
    ['an empty line first', `\r\n${head('HTTP/1.1 200 OK')}`, /status line/],
    ['a line that is no field', head('HTTP/1.1 200 OK', 'nonsense'), /no header field: "nonsense"/],
    ['a blank before the colon', head('HTTP/1.1 200 OK', 'Content-Length : 5'), /no header field/],
    ['a field without a name', head('HTTP/1.1 200 OK', ': 5'), /no header field/],
    ['a negative length', head('HTTP/1.1 200 OK', 'Content-Length: -1'), /content-length "-1"/],
    ['a length that is no number', head('HTTP/1.1 200 OK', 'Content-Length: 0x10'), /content-length/],
    ['an empty length', head('HTTP/1.1 200 OK', 'Content-Length:'), /content-length ""/],
    ['a length beyond all bounds', head('HTTP/1.1 200 OK', `Content-Length: ${'9'.repeat(30)}`), /content-length/],
    ['two lengths', head('HTTP/1.1 200 OK', 'Content-Length: 1', 'Content-Length: 2'), /content-length/],
    ['a list of two lengths', head('HTTP/1.1 200 OK', 'Content-Length: 1, 2'), /content-length/],
    ['a switch of protocols', head('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket'), /101/],
    ['interim responses without end', head('HTTP/1.1 100 Continue').repeat(101), /more than 100/],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`, /more than 65536 bytes/],
    ['a chunk without a size', `${chunked}\r\n`, /without a size/],
    ['a chunk size that is no number', `${chunked}xyz\r\n`, /without a size/],
    ['a negative chunk size', `${chunked}-1\r\n`, /without a size/],
    ['a chunk size followed by something else', `${chunked}1g\r\n`, /chunk size/],
    ['a chunk size beyond all bounds', `${chunked}${'f'.repeat(14)}\r\n`, /beyond all bounds/],
    ['a chunk longer than its size', `${chunked}1\r\nab\r\n`, /longer than its size/],
    ['a chunk extension without end', `${chunked}1;${'x'.repeat(70_000)}`, /extension/],
    ['trailers without end', `${chunked}0\r\n${'X: y\r\n'.repeat(20_000)}`, /trailers/],
  ])('%s fails, in one piece and byte by byte', (_name, text, failure) => {
    for (const pieces of [[text], text.length > 20_000 ? chop(text, 999) : bytewise(text)]) {
      const result = read(pieces, {ended: true})
      expect(result.failure).toMatch(failure)
      expect(result).toMatchObject({isDone: false, keepsConnection: false})
    }
  })
})

describe('any response, cut anywhere', () => {
  const word = fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,12}$/).map(name => `X-${name}`)
  const value = fc.stringMatching(/^[!-~][ -~]{0,20}[!-~]$/)
  const fields = fc.array(fc.tuple(word, value), {maxLength: 6})
  const body = fc.array(fc.string({unit: 'binary-ascii', minLength: 1, maxLength: 40}), {maxLength: 5})
  const framing = fc.constantFrom('length', 'chunks', 'close')
  const cuts = fc.array(fc.nat(1000), {maxLength: 12})

  it('gives the body that went in', () => {
    fc.assert(
      fc.property(
        fc.integer({min: 200, max: 599}),
        fields,
        body,
        framing,
        cuts,
        (status, headers, parts, kind, places) => {
          fc.pre(status !== 204 && status !== 304)
          const whole = parts.join('')
          const own =
            kind === 'length'
              ? [`Content-Length: ${whole.length}`]
              : kind === 'chunks'
                ? ['transfer-encoding: chunked']
                : []
          const lines = headers.map(([name, text]) => `${name}: ${text}`)
          const text = `${head(`HTTP/1.1 ${status} Any`, ...lines, ...own)}${kind === 'chunks' ? chunksOf(parts) : whole}`
          const result = read(cutAt(text, places), {ended: kind === 'close'})
          expect(result).toMatchObject({
            status,
            body: whole,
            receivedBytes: whole.length,
            isDone: true,
            failure: null,
            left: 0,
          })
          expect(result.keepsConnection).toBe(kind !== 'close')
        },
      ),
    )
  })

  it('never throws and never takes more than there is, whatever the bytes', () => {
    const noise = fc.string({unit: 'binary-ascii', maxLength: 80})
    fc.assert(
      fc.property(
        fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
        noise,
        cuts,
        (start, rest, places) => {
          const text = start + rest
          const pieces = read(cutAt(text, places), {ended: true})
          const whole = read([text], {ended: true})
          expect(pieces.left).toBeGreaterThanOrEqual(0)
          expect({...pieces, left: 0}).toEqual({...whole, left: 0})
          if (whole.isDone) expect(pieces.left).toBe(whole.left)
        },
      ),
      {numRuns: 300},
    )
  })
})

function chunksOf(parts: readonly string[]): string {
  return `${parts.map(part => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`
}

function chop(text: string, length: number): string[] {
  return Array.from({length: Math.ceil(text.length / length)}, (_, index) =>
    text.slice(index * length, (index + 1) * length),
  )
}

function cutAt(text: string, places: readonly number[]): string[] {
  const sorted = [0, ...places.map(place => place % (text.length + 1)).toSorted((a, b) => a - b), text.length]
  return sorted.slice(1).map((end, index) => text.slice(sorted[index], end))
}
