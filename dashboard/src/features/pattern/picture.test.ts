import { describe, expect, it } from 'vitest'

import { pictureOf, playheadOf, stepWords } from './picture'

const STEPS = [
  { rate_mbps: 2, duration_seconds: 6 },
  { stall: true, duration_seconds: 2 },
  { unlimited: true, duration_seconds: 2 },
  { delay_ms: 40, duration_seconds: 10 },
]

describe('the picture of a pattern', () => {
  it('gives every step its share of the round', () => {
    const { columns, begins, seconds } = pictureOf(STEPS, 5)
    expect(seconds).toBe(20)
    expect(begins).toEqual([0, 0.3, 0.4, 0.5, 1])
    expect(columns.map(({ kind, rate }) => [kind, rate])).toEqual([
      ['rate', 2],
      ['stall', 0],
      ['unlimited', null],
      ['link', 5],
    ])
    expect(pictureOf(STEPS, null).columns[3]?.kind).toBe('unlimited')
  })

  it('of thousands of steps still tiles the width, and keeps the mean', () => {
    const steps = Array.from({ length: 5_003 }, (_, i) => ({
      rate_mbps: 1 + (i % 3),
      duration_seconds: 0.1 + (i % 7) / 10,
    }))
    const { columns } = pictureOf(steps, null)
    expect(columns.length).toBeLessThanOrEqual(480)
    expect([columns[0]?.from, columns.at(-1)?.to]).toEqual([0, 1])
    columns.slice(1).forEach(({ from }, i) => expect(from).toBe(columns[i]?.to))
    const mean = columns.reduce((sum, { from, to, rate }) => sum + (to - from) * (rate ?? 0), 0)
    const length = steps.reduce((sum, step) => sum + step.duration_seconds, 0)
    const want = steps.reduce((sum, step) => sum + step.duration_seconds * step.rate_mbps, 0) / length
    expect(mean).toBeCloseTo(want, 6)
  })

  it('shows a stall only where nothing moves', () => {
    const steps = Array.from({ length: 2_000 }, (_, i) =>
      i < 1_000 ? { stall: true, duration_seconds: 1 } : { rate_mbps: 4, duration_seconds: 1 },
    )
    const stalled = pictureOf(steps, null).columns.filter(({ kind }) => kind === 'stall')
    expect(stalled.at(-1)?.to).toBeCloseTo(0.5, 2)
  })
})

it('moves the playhead within the step in force only', () => {
  const picture = pictureOf(STEPS, 5)
  const at = (ms: number) => playheadOf(picture, 0, 1_000, ms)
  expect([at(1_000), at(4_000), at(60_000), at(0)]).toEqual([0, 0.15, 0.3, 0])
  expect(playheadOf(picture, 9, 0, 0)).toBeUndefined()
})

it('says what a step does', () => {
  expect(STEPS.map(stepWords)).toEqual(['2 Mbit/s', 'stalled', 'unlimited', 'delay_ms 40'])
  expect(stepWords({ duration_seconds: 1, uplink: { loss_pct: 1 } })).toBe('uplink loss_pct 1')
  expect(stepWords({ duration_seconds: 1 })).toBe('the link as it is')
})
