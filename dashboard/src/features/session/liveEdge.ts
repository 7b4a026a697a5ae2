// Moves the live edge with the rig's clock, as often as the eye can tell and no more.

import { onScopeDispose, watch } from 'vue'

import { boundsOf, type SharedWindow } from '@/charts/window'
import { rigClock } from '@/features/live/clock'

import type { Address } from './address'

const PIXELS = 900
const DEFAULT_SPAN = 3 * 60_000

/** The window as the page's address has it. */
export function windowFrom(address: Address) {
  const number = (name: string) => Number(address.get(name)) || 0
  const from = Date.parse(address.get('from'))
  const to = Date.parse(address.get('to'))
  return {
    edge: rigClock.now(),
    liveSpan: number('span') * 1_000 || DEFAULT_SPAN,
    range: Number.isFinite(from) && Number.isFinite(to) && from < to ? { from, to } : null,
  }
}

/** Runs the edge, and keeps the address in step with the window. */
export function runWindow({ state }: SharedWindow, address: Address): void {
  let frame = 0
  let last = 0
  const tick = (time: number) => {
    frame = requestAnimationFrame(tick)
    const { from, to } = boundsOf(state)
    const step = Math.min(1_000, Math.max(33, (to - from) / PIXELS))
    if (time - last < step) return
    last = time
    state.edge = rigClock.now()
  }
  frame = requestAnimationFrame(tick)

  let timer: ReturnType<typeof setTimeout> | undefined
  watch([() => state.range, () => state.liveSpan], () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      const { range, liveSpan } = state
      const iso = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString())
      const span = liveSpan === DEFAULT_SPAN ? undefined : String(Math.round(liveSpan / 1_000))
      address.set({ from: iso(range?.from), to: iso(range?.to), span })
    }, 400)
  })

  onScopeDispose(() => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
  })
}
