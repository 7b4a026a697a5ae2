// What a machine leaves out of a link, in words: the rig names each knob with the value asked and the reason.

import type { KnobView, LeftOut, LinkView } from '@/api/schema'

import { knobLabel, type Place, placeOf, valueWords } from './knobs'

export interface Omission {
  /** Knobs with the values asked. */
  what: string
  reason: string
}

/** `uplink delay`, as people say it. */
export function leftOutName({ knob }: Pick<LeftOut, 'knob'>): string {
  const [first = '', second] = knob.split('/')
  const name = knobLabel(second ?? first).toLowerCase()
  return second === undefined ? name : `${first} ${name}`
}

export function leftOutNames(leftOut: readonly Pick<LeftOut, 'knob'>[]): string {
  return leftOut.map(leftOutName).join(', ')
}

/** What is left out, by the reason. */
export function omissions(leftOut: readonly LeftOut[], knobs: readonly KnobView[]): Omission[] {
  const groups = new Map<string, string[]>()
  for (const left of leftOut) {
    groups.set(left.reason, [...(groups.get(left.reason) ?? []), leftOutWords(left, knobs)])
  }
  return [...groups].map(([reason, what]) => ({ reason, what: what.join(', ') }))
}

function leftOutWords(left: LeftOut, knobs: readonly KnobView[]): string {
  const name = placeOf(`/shape/${left.knob}`, knobs)?.name
  const knob = knobs.find((knob) => knob.name === name)
  const value = knob && typeof left.value !== 'string' ? valueWords(knob, left.value) : String(left.value)
  return `${leftOutName(left)} ${value}`
}

/** What steps of the pattern leave out that the one in force does not. */
export function leftOutLater(link: LinkView | null | undefined): LeftOut[] {
  const now = new Set(link?.left_out?.map(({ knob }) => knob))
  return (link?.pattern?.left_out ?? []).filter(({ knob }) => !now.has(knob))
}

export function isLeftOut(link: LinkView, { direction, name }: Place): boolean {
  const path = direction === 'uplink' ? `uplink/${name}` : name
  return link.left_out?.some(({ knob }) => knob === path) ?? false
}
