// The axis of time of the rows in sight: from the first start to the last end, with round ticks.

import type { Request } from './request'

export interface Axis {
  from: number
  to: number
  ticks: { at: number; share: number; label: string }[]
}

const STEPS = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 3_600_000]
const MIN_MS = 500
const MAX_TICKS = 4

export function axisOf(requests: readonly Pick<Request, 'start' | 'end'>[]): Axis {
  if (requests.length === 0) return { from: 0, to: MIN_MS, ticks: [] }
  const from = Math.min(...requests.map(({ start }) => start))
  const to = Math.max(from + MIN_MS, ...requests.map(({ end }) => end))
  const step = STEPS.find((size) => (to - from) / size <= MAX_TICKS) ?? 3_600_000
  const ticks = []
  for (let at = 0; at < to - from; at += step) ticks.push({ at, share: at / (to - from), label: labelOf(at) })
  return { from, to, ticks }
}

/** Where something lies on the axis, in percent. */
export function placeOn(axis: Axis, start: number, end: number): { left: number; width: number } {
  const whole = axis.to - axis.from
  return { left: (100 * (start - axis.from)) / whole, width: (100 * (end - start)) / whole }
}

function labelOf(ms: number): string {
  if (ms === 0) return '0'
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`
}
