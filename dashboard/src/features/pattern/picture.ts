// The picture of a pattern: one round from left to right, the rate upwards, all within the unit square.
//
// Invariant: columns tile the width without a gap. Patterns of thousands of steps are drawn in as many columns as can be told
// apart, each the mean of what it covers, so that no outage is longer than it is.

import { isThere } from '@/api/absent'
import type { Conditions, PatternStep } from '@/api/schema'

import { roundSeconds } from './expand'

export type ColumnKind = 'rate' | 'stall' | 'unlimited' | 'link'

export interface Column {
  kind: ColumnKind
  /** From and to, shares of the round. */
  from: number
  to: number
  /** Mbit/s; an unlimited step has none. */
  rate: number | null
  /** The step, from 0; the first of several. */
  step: number
}

export interface Picture {
  columns: Column[]
  /** Where each step begins, and the end; shares of the round. */
  begins: number[]
  seconds: number
  /** The rate at the top. */
  top: number
}

const MOST_COLUMNS = 480

/** `base` is the rate of the player's own link, in force where a step says none. */
export function pictureOf(steps: readonly PatternStep[], base: number | null): Picture {
  const seconds = roundSeconds(steps)
  const begins = [0]
  let at = 0
  for (const { duration_seconds } of steps) begins.push((at += duration_seconds) / seconds)
  const each = steps.map((step, index) => columnOf(step, index, begins, base))
  const columns = each.length > MOST_COLUMNS ? merged(each) : each
  const top = columns.reduce((most, { rate }) => Math.max(most, rate ?? 0), 0.1)
  return { columns, begins, seconds, top: 1.12 * top }
}

function columnOf(step: PatternStep, index: number, begins: readonly number[], base: number | null): Column {
  const span = { from: begins[index] ?? 0, to: begins[index + 1] ?? 1, step: index }
  if (step.stall === true) return { ...span, kind: 'stall', rate: 0 }
  if (step.unlimited === true) return { ...span, kind: 'unlimited', rate: null }
  if (isThere(step.rate_mbps)) return { ...span, kind: 'rate', rate: step.rate_mbps }
  return { ...span, kind: base === null ? 'unlimited' : 'link', rate: base }
}

function merged(each: readonly Column[]): Column[] {
  const bucketOf = ({ from, to }: Column) => Math.min(MOST_COLUMNS - 1, Math.floor(((from + to) / 2) * MOST_COLUMNS))
  const buckets = new Map<number, Column[]>()
  for (const column of each) {
    const bucket = bucketOf(column)
    const part = buckets.get(bucket)
    if (part) part.push(column)
    else buckets.set(bucket, [column])
  }
  return [...buckets.values()].flatMap(meanOf)
}

/** Several columns as one: stalled or unlimited only if every one of them is. */
function meanOf(part: readonly Column[]): Column[] {
  const [head] = part
  if (head === undefined) return []
  const to = part.at(-1)?.to ?? head.to
  const uniform = part.every(({ kind }) => kind === head.kind)
  const known = part.filter(({ rate }) => rate !== null)
  const width = known.reduce((sum, column) => sum + column.to - column.from, 0)
  const total = known.reduce((sum, column) => sum + (column.to - column.from) * (column.rate ?? 0), 0)
  return [{ ...head, to, kind: uniform ? head.kind : 'rate', rate: width > 0 ? total / width : null }]
}

/** Where the step in force stands at an instant: a share of the round. Only if steps are played as they are written. */
export function playheadOf(picture: Picture, step: number, sinceMs: number, nowMs: number): number | undefined {
  const from = picture.begins[step]
  const to = picture.begins[step + 1]
  if (from === undefined || to === undefined) return undefined
  return Math.min(to, Math.max(from, from + (nowMs - sinceMs) / 1_000 / picture.seconds))
}

const NOT_TOLD = ['rate_mbps', 'duration_seconds', 'disabled', 'unlimited', 'stall', 'seed']

/** A step in a few words. */
export function stepWords(step: PatternStep): string {
  const words = [
    ...rateWords(step),
    ...knobWords(step, NOT_TOLD),
    ...knobWords(step.uplink ?? {}, []).map((text) => `uplink ${text}`),
  ]
  return words.join(', ') || 'the link as it is'
}

function rateWords({ rate_mbps, unlimited, stall }: PatternStep): string[] {
  if (stall === true) return ['stalled']
  if (unlimited === true) return ['unlimited']
  return isThere(rate_mbps) ? [`${Number(rate_mbps.toFixed(3))} Mbit/s`] : []
}

function knobWords(conditions: Conditions, without: readonly string[]): string[] {
  return Object.entries(conditions).flatMap(([name, value]) =>
    without.includes(name) || (typeof value !== 'number' && typeof value !== 'boolean') ? [] : [`${name} ${value}`],
  )
}
