// The ladder as the scale of a chart: rungs at even distances, named by height and rate.

import type { Variant } from '@/api/schema'
import type { Tick } from '@/charts/curve'

/** The rung whose declared bandwidth is nearest, in proportion. */
export function nearestRung(ladder: readonly Variant[], mbps: number): number {
  let best = 0
  let distance = Infinity
  ladder.forEach(({ bandwidth }, index) => {
    const away = Math.abs(Math.log((mbps * 1e6) / bandwidth))
    if (away < distance) [best, distance] = [index, away]
  })
  return best
}

/** Nothing while the ladder is not known, or is too tall to name each rung. */
export function rungTicks(ladder: readonly Variant[]): Tick[] | undefined {
  if (ladder.length === 0 || ladder.length > 12) return undefined
  return ladder.map(({ bandwidth, resolution }, value) => {
    const height = resolution?.split('x')[1]
    const rate = (bandwidth / 1e6).toFixed(1)
    return { value, label: height === undefined ? rate : `${height}p ${rate}` }
  })
}
