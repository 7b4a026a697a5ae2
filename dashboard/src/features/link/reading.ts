// What is in force of one knob, beside what was asked of it, and why the two may differ.
//
// Invariant: only the rig says whether the link is as asked. Where it says yes and the values differ, the knob is left out, or
// a step of the pattern or the rig's baseline stands over it.

import type { KnobView, LinkView } from '@/api/schema'

import { type Asked, isSame, knobLabel, numberWords, type Place, type Value, valueOf } from './knobs'
import { isLeftOut } from './leftOut'

export interface Reading {
  text: string
  unit: string
  value: Value | null
  /** Why it is not what was asked. */
  tag?: { text: string; bad: boolean }
}

export function readingOf(
  link: LinkView | null | undefined,
  knob: KnobView,
  place: Place,
  asked: Asked,
  known: boolean,
): Reading {
  if (!link) return { text: known ? 'no session' : '–', unit: '', value: null }
  if (link.backend === 'off') return { text: 'not enforced', unit: '', value: null }
  const value = valueOf(link.observed, place)
  const unit = typeof value === 'number' ? knob.unit : ''
  const reading = { text: words(knob, value), unit, value }
  if (isSame(value, asked.value)) return reading
  return { ...reading, tag: tagOf(link, place, asked) }
}

function words(knob: KnobView, value: Value | null): string {
  if (typeof value === 'number') return numberWords(value)
  if (knob.kind === 'flag') return value === true ? 'on' : 'off'
  return knob.name === 'rate_mbps' ? 'unlimited' : 'none'
}

function tagOf(link: LinkView, place: Place, asked: Asked): { text: string; bad: boolean } {
  const { direction, name } = place
  if (isLeftOut(link, place)) return { text: 'left out', bad: false }
  if (!link.in_sync) return { text: 'not as asked', bad: true }
  if (link.pattern && link.pattern.step > 0) return { text: `step ${link.pattern.step}`, bad: false }
  if (direction === 'downlink' && name === 'rate_mbps' && asked.value === null) return { text: 'baseline', bad: false }
  return { text: 'by the rig', bad: false }
}

/** What a refusal says at the knob it points at, when another one was turned. */
export function refusedWords(turned: Place | undefined, at: Place, detail: string): string {
  if (turned === undefined || (turned.name === at.name && turned.direction === at.direction)) return detail
  const of = turned.direction === at.direction ? '' : ` (${turned.direction})`
  return `${knobLabel(turned.name)}${of} was not set: ${detail}`
}
