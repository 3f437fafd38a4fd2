import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {MalformedRequest, Reader, Writer} from '../../../src/lib/broker/codec.js'

const written = (flexible: boolean, write: (writer: Writer) => void): Buffer => {
  const writer = new Writer(flexible, 1)
  write(writer)
  return writer.finish()
}

const offset = fc.maxSafeInteger()
const message = fc.record({
  flag: fc.boolean(),
  small: fc.integer({min: -128, max: 127}),
  short: fc.integer({min: -32_768, max: 32_767}),
  int: fc.integer(),
  offset,
  text: fc.string({unit: 'binary', maxLength: 300}),
  maybe: fc.option(fc.string({maxLength: 3})),
  bytes: fc.option(fc.uint8Array({maxLength: 300})),
  list: fc.option(fc.array(fc.integer(), {maxLength: 200})),
  id: fc.uuid(),
})

describe.each([
  {name: 'classic', flexible: false},
  {name: 'compact', flexible: true},
])('$name encoding', ({flexible}) => {
  it('reads back whatever it wrote, to the last byte', () => {
    fc.assert(
      fc.property(message, value => {
        const bytes = written(flexible, writer => {
          writer.bool(value.flag).int8(value.small).int16(value.short).int32(value.int).int64(value.offset)
          writer.string(value.text).string(value.maybe).bytes(value.bytes)
          writer
            .array(value.list, item => writer.int32(item))
            .uuid(value.id)
            .tags()
        })
        const reader = new Reader(bytes, flexible)
        const read = {
          flag: reader.bool(),
          small: reader.int8(),
          short: reader.int16(),
          int: reader.int32(),
          offset: reader.int64(),
          text: reader.string(),
          maybe: reader.nullableString(),
          bytes: reader.nullableBytes(),
          list: reader.nullableArray(() => reader.int32()),
          id: reader.uuid(),
        }
        reader.tags()
        expect(read).toEqual({...value, bytes: value.bytes === null ? null : Buffer.from(value.bytes)})
        expect(reader.remaining).toBe(0)
      }),
    )
  })

  it('never reads beyond the end, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 40}), bytes => {
        const reader = new Reader(Buffer.from(bytes), flexible)
        try {
          reader.nullableArray(() => [reader.nullableString(), reader.nullableBytes(), reader.tags()])
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedRequest)
        }
        expect(reader.remaining).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

describe('the writer', () => {
  it.each([
    {name: 'string', write: (w: Writer) => w.string('hi'), classic: '00026869', compact: '036869'},
    {name: 'null string', write: (w: Writer) => w.string(null), classic: 'ffff', compact: '00'},
    {name: 'empty string', write: (w: Writer) => w.string(''), classic: '0000', compact: '01'},
    {name: 'bytes', write: (w: Writer) => w.bytes(Buffer.of(7)), classic: '0000000107', compact: '0207'},
    {name: 'null array', write: (w: Writer) => w.array(null, () => {}), classic: 'ffffffff', compact: '00'},
    {name: 'empty array', write: (w: Writer) => w.array([], () => {}), classic: '00000000', compact: '01'},
    {name: 'array', write: (w: Writer) => w.array([1], n => w.int8(n)), classic: '0000000101', compact: '0201'},
    {name: 'tags', write: (w: Writer) => w.tags(), classic: '', compact: '00'},
    {name: 'int64 -1', write: (w: Writer) => w.int64(-1), classic: 'ffffffffffffffff', compact: 'ffffffffffffffff'},
    {
      name: 'int64',
      write: (w: Writer) => w.int64(2 ** 32 + 1),
      classic: '0000000100000001',
      compact: '0000000100000001',
    },
    {name: 'varint 300', write: (w: Writer) => w.uvarint(300), classic: 'ac02', compact: 'ac02'},
  ])('writes a $name as the protocol says', ({write, classic, compact}) => {
    expect(written(false, write).toString('hex')).toBe(classic)
    expect(written(true, write).toString('hex')).toBe(compact)
  })
})

describe('the reader', () => {
  it.each([
    {name: 'a string longer than the rest', hex: '00056869', read: (r: Reader) => r.string()},
    {name: 'a null where a string must be', hex: 'ffff', read: (r: Reader) => r.string()},
    {name: 'a null where an array must be', hex: 'ffffffff', read: (r: Reader) => r.array(() => r.int8())},
    {
      name: 'an array of two thousand million in no bytes',
      hex: '7fffffff',
      read: (r: Reader) => r.array(() => r.int8()),
    },
    {name: 'a varint without end', hex: 'ffffffffffffff', read: (r: Reader) => r.uvarint()},
    {name: 'an integer cut in half', hex: '0000', read: (r: Reader) => r.int32()},
  ])('refuses $name', ({hex, read}) => {
    expect(() => read(new Reader(Buffer.from(hex, 'hex')))).toThrow(MalformedRequest)
  })

  it('skips tagged fields that it does not know', () => {
    const reader = new Reader(Buffer.from('020003aabbcc05010107', 'hex'), true)
    reader.tags()
    expect(reader.int8()).toBe(7)
  })
})
