// The one window of time that every chart of a page shows.
//
// Invariant: either it follows the live edge with a span, or it is pinned to a range; a range that is moved to the
// edge follows it again. Deliberately absent: any clock. The edge is given, on the clock of the rig.

import { computed, reactive, type ComputedRef } from 'vue'

export interface Span {
  from: number
  to: number
}

export interface TimeWindow {
  /** Pinned; null follows the edge. */
  range: Span | null
  liveSpan: number
  edge: number
  cursor: number | null
}

export const MIN_SPAN = 1_000
export const MAX_SPAN = 3_600_000
const EDGE_TOLERANCE = 2_000

export function boundsOf(window: TimeWindow): Span {
  return window.range ?? { from: window.edge - window.liveSpan, to: window.edge }
}

/** Pins the window to a range, or follows the edge when the range ends there. */
export function pin(window: TimeWindow, span: Span): void {
  const width = Math.min(MAX_SPAN, Math.max(MIN_SPAN, span.to - span.from))
  if (span.to >= window.edge - EDGE_TOLERANCE) return goLive(window, width)
  window.range = { from: span.to - width, to: span.to }
}

export function goLive(window: TimeWindow, span = window.liveSpan): void {
  window.range = null
  window.liveSpan = Math.min(MAX_SPAN, Math.max(MIN_SPAN, span))
}

/** Stops the window where it is. */
export function freeze(window: TimeWindow): void {
  window.range = boundsOf(window)
}

/** Zooms around an instant; while live only the left end moves. */
export function zoom(window: TimeWindow, factor: number, at: number): void {
  const { from, to } = boundsOf(window)
  if (window.range === null) return goLive(window, (to - from) * factor)
  const width = Math.min(MAX_SPAN, Math.max(MIN_SPAN, (to - from) * factor))
  const share = to > from ? (at - from) / (to - from) : 0.5
  pin(window, { from: at - width * share, to: at + width * (1 - share) })
}

export function pan(window: TimeWindow, by: number): void {
  const { from, to } = boundsOf(window)
  pin(window, { from: from + by, to: to + by })
}

export interface SharedWindow {
  state: TimeWindow
  bounds: ComputedRef<Span>
}

export function useTimeWindow(start: { edge: number; liveSpan: number; range: Span | null }): SharedWindow {
  const state = reactive<TimeWindow>({ ...start, cursor: null })
  return { state, bounds: computed(() => boundsOf(state)) }
}
