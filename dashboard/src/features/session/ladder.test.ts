import { expect, it } from 'vitest'

import { nearestRung, rungTicks } from './ladder'

const ladder = [400_000, 1_000_000, 2_500_000].map((bandwidth, rung) => ({ rung, bandwidth, uri: '' }))

it('finds the rung of a bitrate, in proportion', () => {
  expect([0.4, 0.6, 0.7, 2.4, 9].map((rate) => nearestRung(ladder, rate))).toEqual([0, 0, 1, 2, 2])
})

it('names the rungs, or none while there are none', () => {
  expect(rungTicks([])).toBeUndefined()
  expect(rungTicks([{ ...ladder[0]!, resolution: '640x360' }])).toEqual([{ value: 0, label: '360p 0.4' }])
})
