import {describe, expect, it} from 'vitest'
import {nearest} from '../../../src/lib/base/nearest.js'

describe('nearest', () => {
  it.each([
    ['a letter too many', 'ratee', 'rate'],
    ['a letter missing', 'thresolds', 'thresholds'],
    ['two letters swapped', 'laod', 'load'],
    ['a wrong letter', 'dutation', 'duration'],
    ['another case', 'Seed', 'seed'],
    ['nothing near', 'kafka', undefined],
    ['a short word is not near everything', 'x', undefined],
  ])('%s: %s → %s', (_, word, expected) => {
    expect(nearest(word, ['rate', 'load', 'duration', 'thresholds', 'seed'])).toBe(expected)
  })

  it('takes the first of equally near ones', () => {
    expect(nearest('bat', ['cat', 'rat'])).toBe('cat')
  })

  it('finds nothing among no candidates', () => {
    expect(nearest('rate', [])).toBeUndefined()
  })
})
