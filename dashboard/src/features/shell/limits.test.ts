import { expect, it } from 'vitest'

import type { KnobMeans, KnobView } from '@/api/schema'

import { limitsOf, limitWords } from './limits'

const kernel: KnobMeans = { by: 'kernel', how: 'a class', seeded: false }
const proxy: KnobMeans = { by: 'proxy', how: 'holds answers back', seeded: false }
const nobody: KnobMeans = { by: 'nobody', how: 'this kernel has no netem', seeded: false }
const knob = (name: string, downlink: KnobMeans, uplink: KnobMeans) => ({ name, downlink, uplink }) as KnobView

it('names every knob that the kernel does not turn, by the reason', () => {
  const knobs = [knob('rate_mbps', kernel, kernel), knob('delay_ms', proxy, nobody), knob('jitter_ms', nobody, nobody)]
  expect(limitsOf(knobs)).toEqual([
    { by: 'nobody', how: 'this kernel has no netem', names: ['delay (uplink)', 'jitter'] },
    { by: 'proxy', how: 'holds answers back', names: ['delay (downlink)'] },
  ])
  expect(limitWords(knobs)).toBe('1 of 3 knobs cannot be turned here, 1 only in part')
})

it('has nothing to say where the kernel does everything', () => {
  expect([limitsOf([knob('rate_mbps', kernel, kernel)]), limitWords([knob('rate_mbps', kernel, kernel)])]).toEqual([
    [],
    '',
  ])
})
