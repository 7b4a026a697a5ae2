// A pattern in the making: what stands in the fields, and the pattern it comes to.
//
// Invariant: a pattern that was read and not touched comes out as it went in, so that nothing has to be sent. What cannot be
// written as a pattern says so at the field, under the pointer the rig would use.

import { isThere } from '@/api/absent'
import type { Conditions, Pattern, PatternStep, PatternTemplate } from '@/api/schema'
import { type Direction, DIRECTIONS, type Value } from '@/features/link/knobs'

export type Mode = 'none' | 'template' | 'steps' | 'trace'
/** What a number field holds. */
export type Typed = number | ''
export type What = 'rate' | 'stall' | 'unlimited' | 'link'

export interface Extra {
  direction: Direction
  name: string
  value: Value | ''
}

export interface StepDraft {
  key: number
  what: What
  rate: Typed
  seconds: Typed
  enabled: boolean
  extras: Extra[]
  seed: number | null
}

export interface Draft {
  mode: Mode
  template: PatternTemplate
  marginPct: Typed
  stepSeconds: Typed
  steps: StepDraft[]
  trace: string
  repeat: boolean
  startOffset: Typed
  shuffle: boolean
  seed: Typed
}

export interface Made {
  /** Nothing is no pattern. */
  pattern: Pattern | null
  /** What is wrong, by pointer relative to the pattern. */
  wrong: Record<string, string>
}

export const MAX_STEPS = 1_000
let keys = 0

export function emptyDraft(): Draft {
  return {
    mode: 'none',
    template: 'pyramid',
    marginPct: 5,
    stepSeconds: 6,
    steps: [],
    trace: '',
    repeat: true,
    startOffset: 0,
    shuffle: false,
    seed: 1,
  }
}

export function newStep(rate: Typed, seconds: Typed): StepDraft {
  return { key: (keys += 1), what: 'rate', rate, seconds, enabled: true, extras: [], seed: null }
}

export function draftOf(pattern: Pattern | null | undefined): Draft {
  const empty = emptyDraft()
  if (!isThere(pattern)) return empty
  return {
    ...empty,
    mode: isThere(pattern.template) ? 'template' : isThere(pattern.trace) ? 'trace' : 'steps',
    template: pattern.template ?? empty.template,
    marginPct: pattern.margin_pct ?? empty.marginPct,
    stepSeconds: pattern.default_step_seconds ?? empty.stepSeconds,
    steps: (pattern.steps ?? []).map(stepDraft),
    trace: pattern.trace ?? '',
    repeat: pattern.repeat ?? true,
    startOffset: pattern.start_offset_seconds ?? 0,
    shuffle: isThere(pattern.seed),
    seed: pattern.seed ?? empty.seed,
  }
}

export function stepDraft(step: PatternStep): StepDraft {
  const what =
    step.stall === true ? 'stall' : step.unlimited === true ? 'unlimited' : isThere(step.rate_mbps) ? 'rate' : 'link'
  const extras = DIRECTIONS.flatMap((direction) => extrasOf(step, direction, what))
  return {
    ...newStep(step.rate_mbps ?? '', step.duration_seconds),
    what,
    extras,
    enabled: step.disabled !== true,
    seed: step.seed ?? null,
  }
}

const OF_STEP = ['duration_seconds', 'unlimited', 'disabled', 'uplink', 'seed']

function extrasOf(step: PatternStep, direction: Direction, what: What): Extra[] {
  const conditions: Conditions = direction === 'uplink' ? (step.uplink ?? {}) : step
  const said =
    direction === 'downlink'
      ? [...OF_STEP, ...(what === 'rate' ? ['rate_mbps'] : what === 'stall' ? ['stall'] : [])]
      : []
  return Object.entries(conditions).flatMap(([name, value]) =>
    said.includes(name) || (typeof value !== 'number' && typeof value !== 'boolean')
      ? []
      : [{ direction, name, value }],
  )
}

/** The pattern a draft comes to, as far as it does. */
export function patternOf(draft: Draft): Made {
  if (draft.mode === 'none') return { pattern: null, wrong: {} }
  const wrong: Record<string, string> = {}
  const number = (at: string, value: Value | '', fallback = 0): number => {
    if (typeof value === 'number' && Number.isFinite(value)) return value
    wrong[at] = 'a number is missing'
    return fallback
  }
  const pattern: Pattern = {
    ...source(draft, wrong, number),
    margin_pct: number('/margin_pct', draft.marginPct, 5),
    default_step_seconds: number('/default_step_seconds', draft.stepSeconds, 6),
    repeat: draft.repeat,
    start_offset_seconds: number('/start_offset_seconds', draft.startOffset),
    ...(draft.shuffle ? { seed: number('/seed', draft.seed, 1) } : {}),
  }
  return { pattern, wrong }
}

type ReadNumber = (at: string, value: Value | '') => number

function source(draft: Draft, wrong: Record<string, string>, number: ReadNumber): Pattern {
  switch (draft.mode) {
    case 'template':
      return { template: draft.template }
    case 'trace':
      if (draft.trace === '') wrong['/trace'] = 'choose a trace, or add one'
      return { trace: draft.trace }
    case 'steps':
      if (draft.steps.length === 0) wrong['/steps'] = 'add a step'
      else if (!draft.steps.some(({ enabled }) => enabled)) wrong['/steps'] = 'every step is disabled'
      return { steps: draft.steps.map((step, index) => stepOf(step, `/steps/${index}`, number)) }
    case 'none':
      return {}
  }
}

function stepOf(draft: StepDraft, at: string, number: ReadNumber): PatternStep {
  const step: Record<string, unknown> = {}
  const uplink: Record<string, unknown> = {}
  for (const { direction, name, value } of draft.extras) {
    const pointer = direction === 'uplink' ? `${at}/uplink/${name}` : `${at}/${name}`
    const target = direction === 'uplink' ? uplink : step
    target[name] = typeof value === 'boolean' ? value : number(pointer, value)
  }
  if (draft.what === 'rate') step.rate_mbps = number(`${at}/rate_mbps`, draft.rate)
  if (draft.what === 'stall') step.stall = true
  return {
    ...step,
    ...(Object.keys(uplink).length > 0 ? { uplink } : {}),
    ...(draft.seed === null ? {} : { seed: draft.seed }),
    ...(draft.what === 'unlimited' ? { unlimited: true } : {}),
    duration_seconds: number(`${at}/duration_seconds`, draft.seconds),
    ...(draft.enabled ? {} : { disabled: true }),
  }
}

/** Moves a step by one place, if there is one. */
export function moved(steps: readonly StepDraft[], from: number, by: 1 | -1): StepDraft[] {
  const list = [...steps]
  const [step] = list.splice(from, 1)
  if (step === undefined || from + by < 0 || from + by > list.length) return [...steps]
  list.splice(from + by, 0, step)
  return list
}

/** Where in a pattern a pointer into a player's document points, if it does. */
export function withinPattern(pointer: string | null | undefined): string | undefined {
  const root = '/shape/pattern'
  return isThere(pointer) && (pointer === root || pointer.startsWith(`${root}/`))
    ? pointer.slice(root.length)
    : undefined
}

/** The name a trace gets from its file. */
export function traceName(file: string): string {
  const stem = file.replace(/\.(txt|log|csv|json|trace|down|up)$/i, '')
  return stem
    .toLowerCase()
    .replace(/[^a-z0-9_.-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 63)
}
