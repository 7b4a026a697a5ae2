import { describe, expect, it } from 'vitest'

import type { KnobView, PresetView, ShapeControl } from '@/api/schema'

import { askedOf, bySource, isSame, knobLabel, knobPatch, placeOf, presetPatch, resetPatch, summary } from './knobs'

const knob = (name: string, unit: string, kind: KnobView['kind'] = 'whole') =>
  ({ name, unit, kind, default: 'none', doc: '', min: 0, max: 100 }) as unknown as KnobView
const KNOBS = [
  knob('rate_mbps', 'Mbit/s', 'number'),
  knob('delay_ms', 'ms'),
  knob('loss_pct', '%'),
  knob('stall', '', 'flag'),
]

describe('the knob a refusal points at', () => {
  it.each([
    ['/shape/delay_ms', { direction: 'downlink', name: 'delay_ms' }],
    ['/shape/uplink/loss_pct', { direction: 'uplink', name: 'loss_pct' }],
    ['/shape', undefined],
    ['/shape/preset', undefined],
    ['/shape/uplink', undefined],
    ['/shape/pattern/steps/0/rate_mbps', undefined],
    ['/shape/delay_ms/0', undefined],
    ['/labels/delay_ms', undefined],
    ['', undefined],
    [null, undefined],
  ] as const)('%s', (pointer, place) => {
    expect(placeOf(pointer, KNOBS)).toEqual(place)
  })
})

describe('a change of the link', () => {
  const shape: ShapeControl = {
    rate_mbps: 5,
    loss_pct: null,
    uplink: { delay_ms: 40 },
    seed: 7,
    preset: 'wpt/3g',
    pattern: { template: 'pyramid' },
    transport_fault: { type: 'drop' },
  }

  it('names one knob and nothing else', () => {
    expect(knobPatch({ direction: 'downlink', name: 'delay_ms' }, 40)).toEqual({ delay_ms: 40 })
    expect(knobPatch({ direction: 'uplink', name: 'stall' }, true)).toEqual({ uplink: { stall: true } })
    expect(knobPatch({ direction: 'uplink', name: 'delay_ms' }, null)).toEqual({ uplink: { delay_ms: null } })
  })

  it('takes back what is set, and leaves pattern and transport fault alone', () => {
    expect(resetPatch(shape)).toEqual({ rate_mbps: null, uplink: null, seed: null, preset: null })
    expect(resetPatch({ pattern: { template: 'pyramid' } })).toEqual({})
  })

  it('clears the knobs that would stand over a preset, but not the seed', () => {
    expect(presetPatch(shape, 'wpt/lte', false)).toEqual({ rate_mbps: null, uplink: null, preset: 'wpt/lte' })
    expect(presetPatch({ seed: 7 }, 'wpt/lte', false)).toEqual({ preset: 'wpt/lte' })
  })

  it('asks for a part of a preset where that was said, and for all of it otherwise', () => {
    expect(presetPatch({}, 'wpt/3g', true)).toEqual({ preset: 'wpt/3g', partial: true })
    expect(presetPatch({ preset: 'wpt/3g', partial: true }, 'wpt/lte', true)).toEqual({
      preset: 'wpt/lte',
      partial: true,
    })
    expect(presetPatch({ preset: 'wpt/3g', partial: true }, 'wpt/lte', false)).toEqual({
      preset: 'wpt/lte',
      partial: null,
    })
    expect(resetPatch({ preset: 'wpt/3g', partial: true })).toEqual({ preset: null, partial: null })
    const running: ShapeControl = { partial: true, pattern: { trace: 'lossy' } }
    expect(presetPatch(running, 'wpt/lte', false)).toEqual({ preset: 'wpt/lte' })
    expect(resetPatch({ ...running, rate_mbps: 5 })).toEqual({ rate_mbps: null })
  })
})

describe('what is asked of a knob', () => {
  const preset = { rate_mbps: 1.6, delay_ms: 150, uplink: { rate_mbps: 0.768 } }

  it('is the player’s own, or else the preset’s', () => {
    const of = (name: string, direction: 'downlink' | 'uplink' = 'downlink') =>
      askedOf({ rate_mbps: 3 }, preset, { direction, name })
    expect(of('rate_mbps')).toEqual({ value: 3, by: 'player' })
    expect(of('rate_mbps', 'uplink')).toEqual({ value: 0.768, by: 'preset' })
    expect(of('loss_pct')).toEqual({ value: null, by: 'nobody' })
  })

  it('is the same off as absent', () => {
    expect([isSame(false, null), isSame(0, null), isSame(1, null), isSame(2, 2), isSame(true, false)]).toEqual([
      true,
      true,
      false,
      true,
      false,
    ])
  })

  it('is told in a few words', () => {
    expect(summary(KNOBS, { stall: true, loss_pct: 0 }, preset, 'downlink')).toEqual([
      'Rate 1.6 Mbit/s',
      'Delay 150 ms',
      'Stall',
    ])
  })
})

it('names knobs without their unit', () => {
  expect(['loss_burst_packets', 'jitter_reorders', 'queue_bytes'].map(knobLabel)).toEqual([
    'Loss burst',
    'Jitter reorders',
    'Queue',
  ])
})

it('keeps presets with who calls them so', () => {
  const preset = (name: string) => ({ name, source: `about ${name.split('/')[0]}`, shape: {} }) as PresetView
  const groups = bySource([preset('wpt/3g'), preset('atc/dsl'), preset('wpt/lte')])
  expect(groups.map(({ source, about, items }) => [source, about, items.length])).toEqual([
    ['wpt', 'about wpt', 2],
    ['atc', 'about atc', 1],
  ])
})
