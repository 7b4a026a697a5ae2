import { describe, expect, it } from 'vitest'

import type { Pattern, PatternTemplate, Variant } from '@/api/schema'

import { expand, roundSeconds, traceStep } from './expand'

const ladder = (...rungs: [peak: number, average?: number][]): Variant[] =>
  rungs.map(([bandwidth, average], rung) => ({
    rung,
    bandwidth,
    ...(average === undefined ? {} : { average_bandwidth: average }),
    uri: '',
  }))
const rates = (pattern: Pattern, rungs: Variant[]) => expand(pattern, rungs, undefined).map((step) => step.rate_mbps)

describe('a template over a ladder', () => {
  // The cases of the rig's own test.
  const rungs = ladder([0], [2_000_000, 1_000_000], [3_000_001], [4_400_000])
  it.each<[PatternTemplate, number[]]>([
    ['square_wave', [1.05, 4.62]],
    ['ramp_up', [1.05, 3.15, 4.62]],
    ['ramp_down', [4.62, 3.15, 1.05]],
    ['pyramid', [1.05, 3.15, 4.62, 3.15, 1.05]],
  ])('%s', (template, want) => {
    expect(rates({ template }, rungs)).toEqual(want)
  })

  it('has no margin if none is wanted', () => {
    expect(rates({ template: 'ramp_up', margin_pct: 0 }, rungs)).toEqual([1, 3, 4.4])
  })

  it('ascends also when averages do not, and keeps to the bounds of the knob', () => {
    const odd = ladder([1], [900, 800], [1_000_000, 900_000], [1_100_000, 500_000])
    expect(rates({ template: 'ramp_up', margin_pct: 0 }, odd)).toEqual([0.015, 0.5, 0.9])
  })

  it('rounds to three places', () => {
    expect(rates({ template: 'ramp_up', margin_pct: 10 }, ladder([1_234_567]))).toEqual([1.358])
  })

  it('of n rungs has 2n - 1 steps as a pyramid, and a single rung twice as a square', () => {
    expect(rates({ template: 'pyramid', margin_pct: 0 }, ladder([1e6]))).toEqual([1])
    expect(rates({ template: 'square_wave', margin_pct: 0 }, ladder([1e6]))).toEqual([1, 1])
  })

  it('waits for a ladder', () => {
    expect(rates({ template: 'pyramid' }, [])).toEqual([])
    expect(rates({ template: 'pyramid' }, ladder([0]))).toEqual([])
  })

  it('takes its steps as long as was said', () => {
    expect(roundSeconds(expand({ template: 'pyramid' }, rungs, undefined))).toBe(30)
    expect(roundSeconds(expand({ template: 'pyramid', default_step_seconds: 12 }, rungs, undefined))).toBe(60)
  })
})

it('leaves out steps that are disabled', () => {
  const steps = [
    { rate_mbps: 1, duration_seconds: 0.1 },
    { duration_seconds: 9, disabled: true },
    { stall: true, duration_seconds: 0.2 },
  ]
  expect(expand({ steps }, [], undefined)).toEqual([steps[0], steps[2]])
})

describe('a step of a trace', () => {
  it('is a step of a pattern; an outage is a stall', () => {
    expect(traceStep({ duration_ms: 1_500, bandwidth_kbps: 1_250, latency_ms: 40, loss_pct: 1, up_kbps: 0 })).toEqual({
      rate_mbps: 1.25,
      delay_ms: 40,
      loss_pct: 1,
      uplink: { stall: true },
      duration_seconds: 1.5,
    })
    expect(traceStep({ duration_ms: 100, bandwidth_kbps: 0 })).toEqual({ stall: true, duration_seconds: 0.1 })
  })

  it('outside the bounds is played at the bound', () => {
    const rate = (bandwidth_kbps: number) => traceStep({ duration_ms: 100, bandwidth_kbps }).rate_mbps
    expect([rate(1), rate(2e7)]).toEqual([0.015, 10_000])
  })
})
