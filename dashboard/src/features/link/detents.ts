// A slider for a knob: the values that people would write, few enough to be told apart, and both ends of its bounds.

import type { KnobView } from '@/api/schema'

const MANTISSAS = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8]
/** The least that is worth a step where a knob begins at 0: a hundredth of a percent, one millisecond. */
const LEAST = { number: 0.01, whole: 1 } as const

export interface Bounds {
  min: number
  max: number
}

export function detentsOf({ kind, min, max }: Pick<KnobView, 'kind' | 'min' | 'max'>): number[] {
  const least = kind === 'flag' ? 1 : Math.max(min, LEAST[kind])
  const found = new Set([min])
  for (let power = Math.floor(Math.log10(least)); Math.pow(10, power) <= max; power += 1) {
    for (const mantissa of MANTISSAS) {
      const value = Number((mantissa * Math.pow(10, power)).toPrecision(4))
      const fits = value >= least && value <= max
      if (fits && (kind !== 'whole' || Number.isInteger(value))) found.add(value)
    }
  }
  return [...found.add(max)]
}

/** The detent nearest to a value, in proportion. */
export function nearestDetent(detents: readonly number[], value: number): number {
  if (value <= 0) return 0
  let best = 0
  let distance = Infinity
  detents.forEach((detent, index) => {
    const away = detent <= 0 ? Infinity : Math.abs(Math.log(value / detent))
    if (away < distance) [best, distance] = [index, away]
  })
  return best
}

/** What somebody typed: a number within the bounds, nothing at all, or a text that says what is wrong. */
export function readNumber(
  typed: string,
  { kind, min, max, unit }: Pick<KnobView, 'kind' | 'min' | 'max' | 'unit'>,
): number | null | string {
  const text = typed.trim().replace(',', '.')
  if (text === '') return null
  const value = Number(text)
  if (!Number.isFinite(value)) return `${typed} is no number`
  if (value < min || value > max) return `From ${min} to ${max} ${unit}`
  if (kind === 'whole' && !Number.isInteger(value)) return `Whole ${unit} only`
  return value
}
