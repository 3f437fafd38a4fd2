import {describe, expect, it} from 'vitest'
import {includesStatus, parseFieldPath, parseStatuses, valueAt} from '../../../src/lib/payment/response-rule.js'

describe('a set of statuses', () => {
  it.each([
    ['2xx', [200, 299], [199, 300]],
    ['2XX', [204], [404]],
    ['200,202', [200, 202], [201]],
    ['200-299', [200, 250, 299], [300]],
    ['201, 4xx, 500 - 502', [201, 400, 499, 501], [200, 503]],
  ])('%s', (text, within, without) => {
    const set = parseStatuses(text)
    if (typeof set === 'string') throw new Error(set)
    expect(within.every(status => includesStatus(set, status))).toBe(true)
    expect(without.some(status => includesStatus(set, status))).toBe(false)
  })

  it.each(['', 'ok', '20', '6xx', '600', '299-200', '200,', '200;201', '2xx-3xx', '-200'])('refuses %j', text => {
    expect(parseStatuses(text)).toContain(`"${text}" is no set of statuses`)
  })
})

describe('a path', () => {
  it.each([
    ['payment_id', ['payment_id']],
    ['data.id', ['data', 'id']],
    ['$.data.id', ['data', 'id']],
    ['items[0].id', ['items', 0, 'id']],
    ['[1][2]', [1, 2]],
    ['transaction-id', ['transaction-id']],
  ])('%s', (text, steps) => {
    expect(parseFieldPath(text)).toEqual(steps)
  })

  it.each(['', '.', 'a.', '.a', 'a..b', 'a[x]', 'a[0', 'a b', 'a[0]b', '$'])(
    'refuses %j or takes it as a name',
    text => {
      const path = parseFieldPath(text)
      if (text === '$') expect(path).toEqual(['$'])
      else expect(path).toContain('is no path')
    },
  )

  it('leads to a value, or to none', () => {
    const value = {items: [{id: 5}], text: 'abc'}
    expect(valueAt(value, ['items', 0, 'id'])).toBe(5)
    expect(valueAt(value, ['items', 1, 'id'])).toBeUndefined()
    expect(valueAt(value, ['text', 'length'])).toBeUndefined()
    expect(valueAt(value, ['constructor'])).toBeUndefined()
    expect(valueAt(null, ['a'])).toBeUndefined()
  })
})
