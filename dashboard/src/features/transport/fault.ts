// A transport fault: the form of it, and in words what it will do and what it does.

import { isThere } from '@/api/absent'
import type { TransportFault, TransportView } from '@/api/schema'

export type Action = TransportFault['type']
export type Mode = NonNullable<TransportFault['mode']>
export type Typed = number | ''

export interface Draft {
  action: Action
  mode: Mode
  /** One window lasts until the fault is removed. */
  held: boolean
  consecutive: Typed
  frequency: Typed
}

export const MAX_CONSECUTIVE = 1_000_000
export const MAX_FREQUENCY = 86_400

export function draftOf(fault: TransportFault | null | undefined): Draft {
  const consecutive = fault?.consecutive ?? 1
  return {
    action: fault?.type ?? 'drop',
    mode: fault?.mode ?? 'seconds',
    held: consecutive === 0,
    consecutive: fault ? consecutive || 1 : 3,
    frequency: fault?.frequency ?? 0,
  }
}

/** The fault of a draft, or what is wrong with it. */
export function faultOf(draft: Draft): TransportFault | string {
  const { action: type, mode, held, consecutive, frequency } = draft
  if (held) return { type, mode, consecutive: 0, frequency: 0 }
  if (!isWhole(consecutive, 1, MAX_CONSECUTIVE))
    return `A window is from 1 to ${MAX_CONSECUTIVE} ${mode}, in whole numbers`
  if (!isWhole(frequency, 0, MAX_FREQUENCY)) return `The pause is from 0 to ${MAX_FREQUENCY} seconds, in whole numbers`
  return { type, mode, consecutive, frequency }
}

function isWhole(value: Typed, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
}

/** What a fault does, in words. */
export function sentenceOf({ type, mode, consecutive, frequency }: TransportFault): string {
  const does = type === 'drop' ? 'Drop what the player sends' : 'Reset what the player sends'
  const length = consecutive ?? 1
  if (length === 0) return `${does} until it is taken back`
  const unit = (mode ?? 'seconds') === 'packets' ? plural(length, 'packet') : plural(length, 'second')
  if (!frequency) return `${does} for ${unit}, once`
  return `${does} for ${unit}, then pause ${plural(frequency, 'second')}, again and again`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

export type Phase = 'open' | 'pause' | 'spent' | 'refused'

export function phaseOf(view: TransportView): Phase {
  if (isThere(view.refused)) return 'refused'
  if (view.exhausted) return 'spent'
  return view.active ? 'open' : 'pause'
}
