// What a link cannot do on this machine, or only in part: one line per reason.
//
// Invariant: every knob that the kernel does not turn is named, in every direction it is not turned in, and what is no knob and
// not here beside them.

import type { Info, KnobView } from '@/api/schema'
import { DIRECTIONS, knobLabel, meansOf } from '@/features/link/knobs'

export interface Limit {
  by: 'proxy' | 'nobody'
  /** How it is done instead, or why not at all. */
  how: string
  /** The knobs, each with its direction where the other one is not meant. */
  names: string[]
}

type Machine = Pick<Info, 'knobs' | 'transport_fault' | 'path_ping'>

export function limitsOf({ knobs, transport_fault, path_ping }: Machine): Limit[] {
  const others = [
    { ...transport_fault, names: ['transport faults'] },
    { ...path_ping, names: ['path ping'] },
  ]
  return [...ofKnobs(knobs), ...others.flatMap(({ by, how, names }) => (by === 'nobody' ? [{ by, how, names }] : []))]
}

function ofKnobs(knobs: readonly KnobView[]): Limit[] {
  const found = new Map<string, Limit & { places: Map<string, string[]> }>()
  for (const knob of knobs) {
    for (const direction of DIRECTIONS) {
      const { by, how } = meansOf(knob, direction)
      if (by === 'kernel') continue
      const key = `${by} ${how}`
      const limit = found.get(key) ?? { by, how, names: [], places: new Map<string, string[]>() }
      limit.places.set(knob.name, [...(limit.places.get(knob.name) ?? []), direction])
      found.set(key, limit)
    }
  }
  const limits = [...found.values()].map(({ by, how, places }) => ({ by, how, names: namesOf(places) }))
  return limits.toSorted((a, b) => Number(a.by === 'proxy') - Number(b.by === 'proxy'))
}

function namesOf(places: ReadonlyMap<string, string[]>): string[] {
  return [...places].map(([name, directions]) => {
    const label = knobLabel(name).toLowerCase()
    return directions.length === DIRECTIONS.length ? label : `${label} (${directions.join()})`
  })
}

/** How many knobs are there in no direction, or in only one, or not by the kernel: for the head of the list. */
export function limitWords({ knobs, transport_fault, path_ping }: Machine): string {
  const nobody = knobs.filter((knob) => DIRECTIONS.every((direction) => meansOf(knob, direction).by === 'nobody'))
  const some = knobs.filter(
    (knob) => !nobody.includes(knob) && DIRECTIONS.some((direction) => meansOf(knob, direction).by !== 'kernel'),
  )
  const parts = [
    nobody.length > 0 ? `${nobody.length} of ${knobs.length} knobs cannot be turned here` : '',
    some.length > 0 ? `${some.length} only in part` : '',
    transport_fault.by === 'nobody' ? 'no transport faults' : '',
    path_ping.by === 'nobody' ? 'no path ping' : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}
