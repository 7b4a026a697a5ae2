// What a pattern comes to: the steps of one round, as the rig will play them.
//
// Invariant: the same rule as the rig's, to the last digit: each rung's average bandwidth, or else its peak, with the margin
// over it, in Mbit/s to three places, ascending, within the bounds of the knob. The rig alone plays.

import { isThere } from '@/api/absent'
import type { Pattern, PatternStep, PatternTemplate, TraceStep, Variant } from '@/api/schema'

export interface Bounds {
  min: number
  max: number
}

export const RATE_BOUNDS: Bounds = { min: 0.015, max: 10_000 }
export const TEMPLATES: readonly { value: PatternTemplate; label: string; title: string }[] = [
  { value: 'square_wave', label: 'Square', title: 'Lowest rung, highest rung' },
  { value: 'ramp_up', label: 'Ramp up', title: 'Up the ladder' },
  { value: 'ramp_down', label: 'Ramp down', title: 'Down the ladder' },
  { value: 'pyramid', label: 'Pyramid', title: 'Up and down again, the top once' },
]

/** What a template has to work with: a rate per rung, the lowest first. */
export function ladderRates(ladder: readonly Variant[], marginPct: number, bounds = RATE_BOUNDS): number[] {
  return ladder
    .map(({ bandwidth, average_bandwidth }) => average_bandwidth ?? bandwidth)
    .map((bits) => Math.round((bits * (1 + marginPct / 100)) / 1e3) / 1e3)
    .filter((rate) => rate > 0)
    .toSorted((a, b) => a - b)
    .map((rate) => within(rate, bounds))
}

/** The rates in the order of a template; they come ascending. */
export function arranged(template: PatternTemplate, rates: readonly number[]): number[] {
  switch (template) {
    case 'square_wave':
      return [...rates.slice(0, 1), ...rates.slice(-1)]
    case 'ramp_up':
      return [...rates]
    case 'ramp_down':
      return rates.toReversed()
    case 'pyramid':
      return [...rates, ...rates.toReversed().slice(1)]
  }
}

/** The steps of a round without those that are disabled; nothing while the ladder or the trace is not known. */
export function expand(
  pattern: Pattern,
  ladder: readonly Variant[],
  trace: readonly TraceStep[] | undefined,
  bounds = RATE_BOUNDS,
): PatternStep[] {
  if (isThere(pattern.template)) {
    const seconds = pattern.default_step_seconds ?? 6
    const rates = arranged(pattern.template, ladderRates(ladder, pattern.margin_pct ?? 5, bounds))
    return rates.map((rate_mbps) => ({ rate_mbps, duration_seconds: seconds }))
  }
  if (isThere(pattern.trace)) return (trace ?? []).map((step) => traceStep(step, bounds))
  return (pattern.steps ?? []).filter(({ disabled }) => disabled !== true)
}

/** An outage is a stall, and a rate outside the bounds of its knob is played at the bound. */
export function traceStep(step: TraceStep, bounds = RATE_BOUNDS): PatternStep {
  const rated = (kbps: number) => (kbps > 0 ? { rate_mbps: within(kbps / 1e3, bounds) } : { stall: true })
  return {
    ...rated(step.bandwidth_kbps),
    ...(isThere(step.latency_ms) ? { delay_ms: step.latency_ms } : {}),
    ...(isThere(step.loss_pct) ? { loss_pct: step.loss_pct } : {}),
    ...(isThere(step.up_kbps) ? { uplink: rated(step.up_kbps) } : {}),
    duration_seconds: step.duration_ms / 1e3,
  }
}

export function roundSeconds(steps: readonly PatternStep[]): number {
  return steps.reduce((sum, { duration_seconds }) => sum + duration_seconds, 0)
}

function within(rate: number, { min, max }: Bounds): number {
  return Math.min(max, Math.max(min, rate))
}
