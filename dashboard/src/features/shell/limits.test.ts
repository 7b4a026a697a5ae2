import { expect, it } from 'vitest'

import type { Info, KnobMeans, KnobView } from '@/api/schema'

import { limitsOf, limitWords } from './limits'

const kernel: KnobMeans = { by: 'kernel', how: 'a class', seeded: false }
const proxy: KnobMeans = { by: 'proxy', how: 'holds answers back', seeded: false }
const nobody: KnobMeans = { by: 'nobody', how: 'this kernel has no netem', seeded: false }
const knob = (name: string, downlink: KnobMeans, uplink: KnobMeans) => ({ name, downlink, uplink }) as KnobView

const machine = (knobs: KnobView[], others = kernel) =>
  ({ knobs, transport_fault: others, path_ping: others }) as unknown as Info

it('names every knob that the kernel does not turn, by the reason', () => {
  const knobs = [knob('rate_mbps', kernel, kernel), knob('delay_ms', proxy, nobody), knob('jitter_ms', nobody, nobody)]
  expect(limitsOf(machine(knobs))).toEqual([
    { by: 'nobody', how: 'this kernel has no netem', names: ['delay (uplink)', 'jitter'] },
    { by: 'proxy', how: 'holds answers back', names: ['delay (downlink)'] },
  ])
  expect(limitWords(machine(knobs))).toBe('1 of 3 knobs cannot be turned here, 1 only in part')
})

it('names what is no knob too, where it is not here', () => {
  const less = machine([], nobody)
  expect(limitsOf(less).map(({ names }) => names)).toEqual([['transport faults'], ['path ping']])
  expect(limitWords(less)).toBe('no transport faults, no path ping')
})

it('has nothing to say where the kernel does everything', () => {
  const whole = machine([knob('rate_mbps', kernel, kernel)])
  expect([limitsOf(whole), limitWords(whole)]).toEqual([[], ''])
})
