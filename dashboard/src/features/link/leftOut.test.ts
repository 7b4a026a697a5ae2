import { describe, expect, it } from 'vitest'

import type { KnobView, LeftOut, LinkView } from '@/api/schema'

import { isLeftOut, leftOutLater, leftOutNames, omissions } from './leftOut'
import { readingOf } from './reading'

const knob = (name: string, unit: string, kind: KnobView['kind'] = 'whole') =>
  ({ name, unit, kind, default: 'none', doc: '', min: 0, max: 100 }) as unknown as KnobView
const RATE = knob('rate_mbps', 'Mbit/s', 'number')
const KNOBS = [RATE, knob('delay_ms', 'ms'), knob('loss_burst_packets', 'packets'), knob('stall', '', 'flag')]
const PACED = 'packets are out of its reach'
const LEFT_OUT: LeftOut[] = [
  { knob: 'loss_burst_packets', value: 4, reason: 'no netem' },
  { knob: 'uplink/rate_mbps', value: 0.75, reason: PACED },
  { knob: 'uplink/stall', value: true, reason: PACED },
  { knob: 'transport_fault', value: 'drop', reason: PACED },
]
const link = { backend: 'pacing', in_sync: true, observed: { rate_mbps: 5 }, left_out: LEFT_OUT } as LinkView

it('names what is left out with the value asked, by the reason', () => {
  expect(omissions(LEFT_OUT, KNOBS)).toEqual([
    { what: 'loss burst 4 packets', reason: 'no netem' },
    { what: 'uplink rate 0.75 Mbit/s, uplink stall on, transport fault drop', reason: PACED },
  ])
  expect(leftOutNames(LEFT_OUT)).toBe('loss burst, uplink rate, uplink stall, transport fault')
  expect(omissions([], KNOBS)).toEqual([])
})

it('tells what other steps of a pattern leave out', () => {
  const pattern = { left_out: [...LEFT_OUT, { knob: 'delay_ms', value: 9, reason: PACED }] }
  expect(leftOutLater({ ...link, pattern } as LinkView).map(({ knob }) => knob)).toEqual(['delay_ms'])
  expect([leftOutLater(link), leftOutLater(undefined)]).toEqual([[], []])
})

describe('beside what is in force', () => {
  const reading = (direction: 'downlink' | 'uplink', asked: number | null) =>
    readingOf(link, RATE, { direction, name: 'rate_mbps' }, { value: asked, by: 'preset' }, true)

  it('says of a knob that it is left out', () => {
    expect(reading('uplink', 0.75)).toEqual({
      text: 'unlimited',
      unit: '',
      value: null,
      tag: { text: 'left out', bad: false },
    })
    expect(reading('downlink', 5).tag).toBeUndefined()
  })

  it('knows a direction from the other', () => {
    expect(isLeftOut(link, { direction: 'uplink', name: 'stall' })).toBe(true)
    expect(isLeftOut(link, { direction: 'downlink', name: 'stall' })).toBe(false)
  })
})
