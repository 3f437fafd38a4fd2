import {describe, expect, it} from 'vitest'
import {checkTopicNames} from '../../../src/lib/kafka/topic-name.js'

describe('topic names', () => {
  it.each([['payments.raw'], ['A_b-9'], ['...'], ['x'.repeat(249)]])('take %s', name => {
    expect(() => checkTopicNames([name])).not.toThrow()
  })

  it.each([
    ['', '"" is empty'],
    ['.', '"." is reserved'],
    ['..', '".." is reserved'],
    ['x'.repeat(250), `"${'x'.repeat(40)}…" has 250 characters, more than 249`],
    ['bad name!', '"bad name!" contains " ", "!"'],
    ['a/b\n', '"a/b\\n" contains "/", "\\n"'],
    ['zahlung-€', '"zahlung-€" contains "€"'],
  ])('refuse %j', (name, message) => {
    expect(() => checkTopicNames([name])).toThrow(expect.objectContaining({message: `Not a topic name: ${message}`}))
  })

  it('are all named that are wrong, with the rule', () => {
    expect(() => checkTopicNames(['', 'fine', '.'])).toThrow(
      expect.objectContaining({
        message: 'Not a topic name: "" is empty; "." is reserved',
        code: 'P2PAY_TOPIC_NAME',
        suggestions: [expect.stringContaining('1 to 249')],
      }),
    )
  })
})
