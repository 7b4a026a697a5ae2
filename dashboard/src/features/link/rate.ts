// A slider for rates: its steps are even to the ear of a network engineer, that is, logarithmic.

/** Few enough that each is a rate of its own, written in two or three digits. */
export const STEPS = 200

export interface Bounds {
  min: number
  max: number
}

export function stepOf(rate: number, { min, max }: Bounds): number {
  const clamped = Math.min(max, Math.max(min, rate))
  return Math.round((STEPS * Math.log(clamped / min)) / Math.log(max / min))
}

/** The rate of a step, in the two or three digits that people would write. */
export function rateOf(step: number, { min, max }: Bounds): number {
  if (step <= 0) return min
  if (step >= STEPS) return max
  return tidy(min * Math.pow(max / min, step / STEPS))
}

function tidy(rate: number): number {
  const digits = Math.floor(Math.log10(rate))
  const unit = Math.pow(10, digits - 1) * (rate / Math.pow(10, digits) < 2 ? 0.5 : 1)
  return Number((Math.round(rate / unit) * unit).toPrecision(4))
}

/** Powers of ten within the bounds, for the scale under the slider. */
export function decades({ min, max }: Bounds): number[] {
  const found: number[] = []
  for (let power = Math.ceil(Math.log10(min)); Math.pow(10, power) <= max; power += 1) found.push(Math.pow(10, power))
  return found
}

/** What somebody typed as a rate: a number, nothing at all for unlimited, or a text that says what is wrong. */
export function readRate(typed: string, { min, max }: Bounds): number | null | string {
  const text = typed.trim().replace(',', '.')
  if (text === '') return null
  const rate = Number(text)
  if (!Number.isFinite(rate)) return `${typed} is no number`
  if (rate < min || rate > max) return `From ${min} to ${max} Mbit/s`
  return rate
}
