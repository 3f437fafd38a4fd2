import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {exp, ln, normalQuantile} from '../../../src/lib/base/portable-math.js'

describe('portable elementary functions', () => {
  it('exp agrees with the engine to 1e-13', () => {
    fc.assert(
      fc.property(fc.double({min: -50, max: 50, noNaN: true}), x => {
        expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-13)
      }),
    )
  })

  it('ln agrees with the engine to 1e-13', () => {
    fc.assert(
      fc.property(fc.double({min: 1e-12, max: 1e12, noNaN: true}), x => {
        expect(Math.abs(ln(x) - Math.log(x))).toBeLessThanOrEqual(1e-13 * Math.max(1, Math.abs(Math.log(x))))
      }),
    )
  })

  it.each([
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.025, -1.959963984540054],
    [0.999, 3.090232306167813],
    [0.0001, -3.719016485455709],
  ])('the normal quantile of %f is %f (tables)', (p, z) => {
    expect(normalQuantile(p)).toBeCloseTo(z, 7)
  })

  it('has fixed bits: these values are the same on every engine', () => {
    expect([exp(1), exp(-3.7), ln(10), ln(0.3), normalQuantile(0.3)].map(String)).toMatchInlineSnapshot(`
      [
        "2.7182818284590455",
        "0.024723526470339388",
        "2.302585092994046",
        "-1.2039728043259361",
        "-0.5244005132792953",
      ]
    `)
  })
})
