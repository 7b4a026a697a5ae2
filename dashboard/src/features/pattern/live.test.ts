import { expect, it } from 'vitest'

import { standingOf } from './live'

const STEPS = [
  { rate_mbps: 2, duration_seconds: 6 },
  { stall: true, duration_seconds: 3 },
]
const AT = Date.parse('2026-03-01T10:00:00.000Z')
const view = { mode: 'steps', step: 2, steps: 2, round: 3, since: '2026-03-01T10:00:00.000Z' }

it('says which step is in force and how long it goes on', () => {
  expect(standingOf(view, STEPS, AT + 1_000)).toEqual({
    place: 'Step 2 of 2, round 3',
    what: 'stalled',
    idle: undefined,
    left: 2,
  })
  expect(standingOf(view, STEPS, AT + 9_000).left).toBe(0)
})

it('says why there is none', () => {
  const idle = { ...view, step: 0, since: null, idle: 'no ladder is known yet' }
  expect(standingOf(idle, STEPS, AT)).toEqual({
    place: 'No step in force',
    what: '',
    idle: 'no ladder is known yet',
    left: undefined,
  })
})
