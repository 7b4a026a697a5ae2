// Where a running pattern stands, in words.

import { isThere } from '@/api/absent'
import type { PatternStep, PatternView } from '@/api/schema'

import { stepWords } from './picture'

export interface Standing {
  /** `Step 2 of 8`. */
  place: string
  /** What the step does, and how long it goes on. */
  what: string
  /** Why it is not at any step, or not at this one. */
  idle: string | undefined
  /** Seconds until the step is over. */
  left: number | undefined
}

export function standingOf(view: PatternView, steps: readonly PatternStep[], now: number): Standing {
  const step = view.step > 0 ? steps[view.step - 1] : undefined
  const since = isThere(view.since) ? Date.parse(view.since) : undefined
  const left =
    step === undefined || since === undefined ? undefined : Math.max(0, step.duration_seconds - (now - since) / 1_000)
  const place = view.step > 0 ? `Step ${view.step} of ${view.steps}, round ${view.round}` : 'No step in force'
  return { place, what: step === undefined ? '' : stepWords(step), idle: view.idle ?? undefined, left }
}
