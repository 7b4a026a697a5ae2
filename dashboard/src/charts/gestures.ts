// How a chart is moved: the same hands on every chart, over one shared window.
//
// Alt or Ctrl with the wheel zooms, a horizontal wheel pans, a drag with the right button pans, a drag with the left one
// (uPlot's own) zooms to what was drawn over, a double click goes live. A plain wheel scrolls the page.

import { boundsOf, goLive, pan, zoom, type TimeWindow } from './window'

const WHEEL_FACTOR = 0.9

/** Puts the gestures on an element whose width is the window; returns what takes them away. */
export function attachGestures(element: HTMLElement, window: TimeWindow): () => void {
  const listeners = new AbortController()
  const options = { signal: listeners.signal }
  const msPerPixel = () => {
    const { from, to } = boundsOf(window)
    return (to - from) / Math.max(1, element.clientWidth)
  }

  element.addEventListener(
    'wheel',
    (event) => {
      if (event.altKey || event.ctrlKey) {
        event.preventDefault()
        const at = boundsOf(window).from + event.offsetX * msPerPixel()
        zoom(window, event.deltaY < 0 ? WHEEL_FACTOR : 1 / WHEEL_FACTOR, at)
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault()
        pan(window, event.deltaX * msPerPixel())
      }
    },
    { ...options, passive: false },
  )
  element.addEventListener('contextmenu', (event) => event.preventDefault(), options)
  element.addEventListener('dblclick', () => goLive(window), options)
  attachPan(element, window, msPerPixel, options)
  return () => listeners.abort()
}

function attachPan(
  element: HTMLElement,
  window: TimeWindow,
  msPerPixel: () => number,
  options: { signal: AbortSignal },
): void {
  let last: number | null = null
  element.addEventListener(
    'pointerdown',
    (event) => {
      if (event.button !== 2) return
      last = event.clientX
      element.setPointerCapture(event.pointerId)
    },
    options,
  )
  element.addEventListener(
    'pointermove',
    (event) => {
      if (last === null) return
      pan(window, (last - event.clientX) * msPerPixel())
      last = event.clientX
    },
    options,
  )
  for (const end of ['pointerup', 'pointercancel'] as const) {
    element.addEventListener(end, () => (last = null), options)
  }
}

/** The keys of a focused chart. Returns whether the key was one of them. */
export function moveByKey(window: TimeWindow, key: string): boolean {
  const { from, to } = boundsOf(window)
  const width = to - from
  switch (key) {
    case 'ArrowLeft':
      pan(window, -width / 10)
      return true
    case 'ArrowRight':
      pan(window, width / 10)
      return true
    case '+':
    case '=':
      zoom(window, 0.75, (from + to) / 2)
      return true
    case '-':
      zoom(window, 1 / 0.75, (from + to) / 2)
      return true
    case 'End':
      goLive(window)
      return true
    default:
      return false
  }
}
