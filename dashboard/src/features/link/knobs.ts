// The knobs of a link as the rig names them: where a value stands, what is asked, and the change that asks for another.
//
// Invariant: a change names the one field it is about. What is asked is the player's own knob, or else the preset's.

import { isThere } from '@/api/absent'
import type { MergePatch } from '@/api/mergePatch'
import type { Conditions, KnobMeans, KnobView, PresetView, Shape, ShapeControl } from '@/api/schema'

export type Direction = 'downlink' | 'uplink'
export type Value = number | boolean
export type ShapePatch = MergePatch<ShapeControl>

export interface Place {
  direction: Direction
  name: string
}

export interface Asked {
  value: Value | null
  by: 'player' | 'preset' | 'nobody'
}

export const DIRECTIONS: readonly Direction[] = ['downlink', 'uplink']
/** What is turned most, always in sight. */
export const COMMON: readonly string[] = ['rate_mbps', 'delay_ms', 'loss_pct']

const OF_CONTROL = ['pattern', 'transport_fault'] as const

export function conditionsOf(shape: Shape | undefined, direction: Direction): Conditions {
  return (direction === 'uplink' ? shape?.uplink : shape) ?? {}
}

export function valueOf(shape: Shape | undefined, { direction, name }: Place): Value | null {
  const value = (conditionsOf(shape, direction) as Record<string, unknown>)[name]
  return typeof value === 'number' || typeof value === 'boolean' ? value : null
}

export function meansOf(knob: KnobView, direction: Direction): KnobMeans {
  return knob[direction]
}

/** What is asked of a knob, and by whom. */
export function askedOf(shape: Shape | undefined, preset: Shape | undefined, place: Place): Asked {
  const own = valueOf(shape, place)
  if (own !== null) return { value: own, by: 'player' }
  const value = valueOf(preset, place)
  return { value, by: value === null ? 'nobody' : 'preset' }
}

/** Whether two values of a knob ask for the same: off and nothing are what an absent knob stands for. */
export function isSame(a: Value | null, b: Value | null): boolean {
  return (a || null) === (b || null)
}

export function knobPatch({ direction, name }: Place, value: Value | null): ShapePatch {
  const field = { [name]: value }
  return direction === 'uplink' ? { uplink: field } : field
}

/** Every knob the player's own shape turns, taken back. Pattern and transport fault stay, and that a part of them is enough. */
export function resetPatch(shape: ShapeControl): ShapePatch {
  const stays = OF_CONTROL.filter((name) => isThere(shape[name]))
  const kept: readonly string[] = stays.length > 0 ? [...OF_CONTROL, 'partial'] : OF_CONTROL
  const set = Object.entries(shape).filter(([key, value]) => isThere(value) && !kept.includes(key))
  return Object.fromEntries(set.map(([key]) => [key, null]))
}

/** A link with a name, as it is: knobs that would stand over it are taken back. The seed stays. */
export function presetPatch(shape: ShapeControl, preset: string | null, partial: boolean): ShapePatch {
  return { ...resetPatch({ ...shape, seed: null }), preset, ...(partial ? { partial } : {}) }
}

/** The knob that a pointer into a player's document means. */
export function placeOf(pointer: string | null | undefined, knobs: readonly KnobView[]): Place | undefined {
  const [root, first, second, ...rest] = (pointer ?? '').split('/').slice(1)
  if (root !== 'shape' || first === undefined || rest.length > 0) return undefined
  const place: Place =
    first === 'uplink' && second !== undefined
      ? { direction: 'uplink', name: second }
      : { direction: 'downlink', name: first }
  const deep = place.direction === 'downlink' && second !== undefined
  return !deep && knobs.some(({ name }) => name === place.name) ? place : undefined
}

/** `loss_burst_packets` as people read it; the unit stands elsewhere. */
export function knobLabel(name: string): string {
  const text = name.replace(/_(mbps|ms|pct|packets|bytes)$/, '').replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

export function valueWords(knob: KnobView, value: Value | null): string {
  if (value === null) return knob.default
  if (typeof value === 'boolean') return value ? 'on' : knob.default
  return `${numberWords(value)} ${knob.unit}`
}

export function numberWords(value: number): string {
  return String(Number(value.toPrecision(6)))
}

/** What is asked of a direction beyond what is always in sight, in a few words. */
export function summary(
  knobs: readonly KnobView[],
  shape: Shape | undefined,
  preset: Shape | undefined,
  direction: Direction,
): string[] {
  return knobs.flatMap((knob) => {
    const { value } = askedOf(shape, preset, { direction, name: knob.name })
    if (!value) return []
    return [typeof value === 'boolean' ? knobLabel(knob.name) : `${knobLabel(knob.name)} ${valueWords(knob, value)}`]
  })
}

/** Presets by who calls them so, in the order they come. */
export function bySource(presets: readonly PresetView[]): { source: string; about: string; items: PresetView[] }[] {
  const groups = new Map<string, { source: string; about: string; items: PresetView[] }>()
  for (const preset of presets) {
    const source = preset.name.split('/')[0] ?? ''
    const group = groups.get(source) ?? { source, about: preset.source, items: [] }
    group.items.push(preset)
    groups.set(source, group)
  }
  return [...groups.values()]
}

/** What a preset does, each direction in a few signs. */
export function presetWords({ shape }: PresetView): string {
  const way = (conditions: Conditions) =>
    [
      isThere(conditions.rate_mbps) ? `${numberWords(conditions.rate_mbps)} Mbit/s` : '',
      isThere(conditions.delay_ms) ? `${conditions.delay_ms} ms` : '',
      isThere(conditions.jitter_ms) ? `±${conditions.jitter_ms} ms` : '',
      isThere(conditions.loss_pct) ? `${numberWords(conditions.loss_pct)} % lost` : '',
    ]
      .filter((part) => part !== '')
      .join(', ') || 'untouched'
  return `↓ ${way(conditionsOf(shape, 'downlink'))}  ↑ ${way(conditionsOf(shape, 'uplink'))}`
}
