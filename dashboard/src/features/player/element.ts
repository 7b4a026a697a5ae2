// Tells the machine what a media element does. It reads the element and never changes it.

import type { Input } from './playback'

/** The part of HTMLVideoElement that is looked at; a test brings its own. */
export interface Watched extends EventTarget {
  readonly currentTime: number
  readonly seeking: boolean
  requestVideoFrameCallback?: (callback: () => void) => number
}

const TICK_MS = 200

type Dispatch = (input: Input) => void

export interface Observer {
  /** The next seek is the viewer's; any other is the engine's. */
  announceSeek: () => void
  /** Looks at the playhead now. */
  look: () => void
  /** Watches for the first picture of what is loaded next. */
  expectPicture: () => void
  stop: () => void
}

export function observe(element: Watched, dispatch: Dispatch): Observer {
  const listeners = new AbortController()
  let viewerSeeks = false
  const on = (name: string, handle: () => void) => element.addEventListener(name, handle, { signal: listeners.signal })
  const look = () => dispatch({ kind: 'position', position: element.currentTime, seeking: element.seeking })

  on('play', () => dispatch({ kind: 'play' }))
  on('pause', () => dispatch({ kind: 'pause' }))
  on('ended', () => dispatch({ kind: 'ended' }))
  on('waiting', () => {
    // A seek waits too, and says so itself. The playhead's last steps belong to the time before.
    if (element.seeking) return
    look()
    dispatch({ kind: 'waiting' })
  })
  on('seeking', () => {
    dispatch({ kind: 'seek', by: viewerSeeks ? 'viewer' : 'engine' })
    viewerSeeks = false
  })
  on('loadeddata', () => {
    // Where pictures are announced one by one, that is more exact.
    if (element.requestVideoFrameCallback === undefined) dispatch({ kind: 'first_frame' })
  })
  on('timeupdate', look)
  const tick = setInterval(look, TICK_MS)

  return {
    announceSeek: () => (viewerSeeks = true),
    look,
    expectPicture: () => element.requestVideoFrameCallback?.(() => dispatch({ kind: 'first_frame' })),
    stop: () => {
      clearInterval(tick)
      listeners.abort()
    },
  }
}

export interface Ranges {
  readonly length: number
  start: (index: number) => number
  end: (index: number) => number
}

/** A playhead this little before a range is in it: engines round. */
const EDGE_S = 0.1

/** The end of the range that holds the playhead; nothing when it stands in a hole. */
export function contiguousEnd(ranges: Ranges, position: number): number | undefined {
  for (let i = 0; i < ranges.length; i += 1) {
    if (ranges.start(i) - EDGE_S <= position && position <= ranges.end(i)) return ranges.end(i)
  }
  return undefined
}
