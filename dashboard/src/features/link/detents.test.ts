import { describe, expect, it } from 'vitest'

import { detentsOf, nearestDetent, readNumber } from './detents'

const delay = { kind: 'whole', min: 0, max: 10_000, unit: 'ms' } as const
const loss = { kind: 'number', min: 0, max: 100, unit: '%' } as const
const queue = { kind: 'whole', min: 3_028, max: 16_777_216, unit: 'bytes' } as const
const burst = { kind: 'number', min: 1, max: 1_000, unit: 'packets' } as const

describe('the detents of a knob', () => {
  it.each([delay, loss, queue, burst])('begin and end at its bounds, rise, and keep to its kind: $unit', (knob) => {
    const detents = detentsOf(knob)
    expect([detents[0], detents.at(-1)]).toEqual([knob.min, knob.max])
    expect(detents).toEqual(detents.toSorted((a, b) => a - b))
    expect(detents.length).toBeLessThan(60)
    if (knob.kind === 'whole') expect(detents.every(Number.isInteger)).toBe(true)
    detents.forEach((value, index) => expect(nearestDetent(detents, value)).toBe(index))
  })

  it('take a value between them to the nearer one, in proportion', () => {
    const detents = detentsOf(delay)
    expect([37, 44, 1_400, 99_999].map((value) => detents[nearestDetent(detents, value)])).toEqual([
      40, 40, 1_500, 10_000,
    ])
  })
})

describe('what is typed into a knob', () => {
  it('is a number, or nothing, or says what is wrong', () => {
    expect([readNumber(' 40 ', delay), readNumber('', delay), readNumber('0,5', loss)]).toEqual([40, null, 0.5])
    expect([readNumber('1.5', delay), readNumber('x', delay), readNumber('101', loss)]).toEqual([
      'Whole ms only',
      'x is no number',
      'From 0 to 100 %',
    ])
  })
})
