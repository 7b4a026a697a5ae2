import { describe, expect, it } from 'vitest'

import { decades, rateOf, readRate, stepOf, STEPS } from './rate'

const bounds = { min: 0.05, max: 10_000 }

describe('the scale of rates', () => {
  it('reaches both ends exactly', () => {
    expect([rateOf(0, bounds), rateOf(STEPS, bounds)]).toEqual([0.05, 10_000])
    expect([stepOf(0.05, bounds), stepOf(10_000, bounds)]).toEqual([0, STEPS])
    expect(stepOf(1e9, bounds)).toBe(STEPS)
  })

  it('gives every decade the same way', () => {
    const steps = [0.1, 1, 10, 100, 1_000].map((rate) => stepOf(rate, bounds))
    const ways = steps.slice(1).map((step, i) => step - (steps[i] ?? 0))
    expect(Math.max(...ways) - Math.min(...ways)).toBeLessThanOrEqual(1)
  })

  it('only offers rates that people would write, and rises', () => {
    let last = 0
    for (let step = 0; step <= STEPS; step += 1) {
      const rate = rateOf(step, bounds)
      expect(rate).toBeGreaterThan(last)
      expect(stepOf(rate, bounds)).toBe(step)
      expect(
        String(rate)
          .replace(/^0\.0*|\./g, '')
          .replace(/0+$/, '').length,
      ).toBeLessThanOrEqual(3)
      last = rate
    }
  })

  it('marks the powers of ten within its bounds', () => {
    expect(decades(bounds)).toEqual([0.1, 1, 10, 100, 1_000, 10_000])
  })

  it('reads what is typed, and says what is wrong with it', () => {
    expect([readRate('2,5', bounds), readRate(' 5 ', bounds), readRate('', bounds)]).toEqual([2.5, 5, null])
    expect([readRate('fast', bounds), readRate('-1', bounds)]).toEqual([
      'fast is no number',
      'From 0.05 to 10000 Mbit/s',
    ])
  })
})
