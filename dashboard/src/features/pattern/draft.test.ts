import { describe, expect, it } from 'vitest'

import { mergePatch } from '@/api/mergePatch'
import type { Pattern } from '@/api/schema'

import { draftOf, emptyDraft, moved, newStep, patternOf, traceName, withinPattern } from './draft'

/** What the rig always says of a pattern. */
const SAID = { margin_pct: 5, default_step_seconds: 6, repeat: true, start_offset_seconds: 0 }

describe('a pattern that was read and not touched', () => {
  it.each<[string, Pattern]>([
    ['a template', { ...SAID, template: 'ramp_up', margin_pct: 10 }],
    ['a trace', { ...SAID, trace: 'lte-1', repeat: false, start_offset_seconds: 30 }],
    ['steps in a random order', { ...SAID, steps: [{ rate_mbps: 1, duration_seconds: 6 }], seed: 7 }],
    [
      'steps of every kind',
      {
        ...SAID,
        steps: [
          { rate_mbps: 2, delay_ms: 40, uplink: { loss_pct: 1 }, duration_seconds: 6 },
          { stall: true, duration_seconds: 0.5 },
          { stall: true, rate_mbps: 3, duration_seconds: 0.5 },
          { unlimited: true, duration_seconds: 1, disabled: true },
          { jitter_reorders: false, seed: 3, duration_seconds: 1 },
          { stall: false, duration_seconds: 1 },
        ],
      },
    ],
  ])('comes out as it went in: %s', (_, pattern) => {
    const made = patternOf(draftOf(pattern))
    expect(made.wrong).toEqual({})
    expect(mergePatch({ pattern }, { pattern: made.pattern })).toBeUndefined()
  })
})

describe('a draft', () => {
  const pattern: Pattern = { ...SAID, template: 'pyramid' }

  it('that changes its kind takes the other kind back', () => {
    const draft = { ...draftOf(pattern), mode: 'steps' as const, steps: [newStep(1, 6)] }
    expect(mergePatch(pattern, patternOf(draft).pattern ?? {})).toEqual({
      template: null,
      steps: [{ rate_mbps: 1, duration_seconds: 6 }],
    })
  })

  it('that changes one field names one field', () => {
    expect(mergePatch(pattern, patternOf({ ...draftOf(pattern), marginPct: 25 }).pattern ?? {})).toEqual({
      margin_pct: 25,
    })
  })

  it('of nothing is no pattern', () => {
    expect(patternOf(emptyDraft())).toEqual({ pattern: null, wrong: {} })
    expect(mergePatch<{ pattern: Pattern | null }>({ pattern }, { pattern: null })).toEqual({ pattern: null })
  })

  it('says what is missing where the rig would', () => {
    const extra = { direction: 'uplink' as const, name: 'delay_ms', value: '' as const }
    const steps = [newStep(1, 6), { ...newStep('', ''), extras: [extra] }]
    expect(Object.keys(patternOf({ ...emptyDraft(), mode: 'steps', steps }).wrong)).toEqual([
      '/steps/1/uplink/delay_ms',
      '/steps/1/rate_mbps',
      '/steps/1/duration_seconds',
    ])
    expect(patternOf({ ...emptyDraft(), mode: 'steps' }).wrong).toHaveProperty('/steps')
    const off = [{ ...newStep(1, 6), enabled: false }]
    expect(patternOf({ ...emptyDraft(), mode: 'steps', steps: off }).wrong).toHaveProperty('/steps')
    expect(patternOf({ ...emptyDraft(), mode: 'trace' }).wrong).toHaveProperty('/trace')
  })
})

it('moves a step by one place and not over the ends', () => {
  const steps = [newStep(1, 1), newStep(2, 1), newStep(3, 1)]
  const rates = (from: number, by: 1 | -1) => moved(steps, from, by).map(({ rate }) => rate)
  expect([rates(0, 1), rates(2, -1), rates(0, -1), rates(2, 1)]).toEqual([
    [2, 1, 3],
    [1, 3, 2],
    [1, 2, 3],
    [1, 2, 3],
  ])
})

it('finds where in a pattern a refusal points', () => {
  expect(
    ['/shape/pattern', '/shape/pattern/steps/3/rate_mbps', '/shape/patterns', '/shape/preset', null].map(withinPattern),
  ).toEqual(['', '/steps/3/rate_mbps', undefined, undefined, undefined])
})

it('names a trace after its file, by the rule', () => {
  expect(['LTE Down.log', 'ATT-LTE-driving.down', '_x.csv', 'a'.repeat(80), '!!!.txt'].map(traceName)).toEqual([
    'lte-down',
    'att-lte-driving',
    'x',
    'a'.repeat(63),
    '',
  ])
})
