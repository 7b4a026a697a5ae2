import { expect, it } from 'vitest'

import { axisOf, placeOn } from './timeAxis'

it('spans the rows in sight with a few round ticks', () => {
  const axis = axisOf([
    { start: 1_000, end: 1_200 },
    { start: 3_000, end: 9_000 },
  ])
  expect([axis.from, axis.to]).toEqual([1_000, 9_000])
  expect(axis.ticks.map(({ label }) => label)).toEqual(['0', '2 s', '4 s', '6 s'])
  expect(placeOn(axis, 3_000, 5_000)).toEqual({ left: 25, width: 25 })
})

it('does not blow a single quick request up to the whole width', () => {
  const axis = axisOf([{ start: 0, end: 5 }])
  expect(placeOn(axis, 0, 5).width).toBe(1)
  expect(axisOf([]).ticks).toEqual([])
})
