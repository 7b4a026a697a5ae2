// The rig's own feed, followed: the end of what it holds, and everything from there on.
//
// Invariant: a follower is told at most `BACKLOG` records of the past, however much the feed holds. After an interruption it
// goes on behind the last record it was told.

import { streams } from '@/api/rig'
import type { FeedRecord } from '@/api/schema'
import { follow, type StreamState } from '@/api/stream'

/** How much of the past is told, records. */
export const BACKLOG = 5_000

interface Meta {
  /** Positions have 64 bits. */
  oldest: string
  newest: string
}

/** Follows until the returned function is called. */
export function followFeed(handlers: {
  record: (record: FeedRecord) => void
  state: (state: StreamState) => void
}): () => void {
  let stop = () => {}
  const begin = (after: bigint, atEnd: boolean) => {
    stop = follow(() => `${streams.feed}?after=${after}`, {
      state: handlers.state,
      frame: (name, data) => {
        if (name === 'record') return handlers.record(data as FeedRecord)
        if (name !== 'meta' || atEnd) return
        const { oldest, newest } = data as Meta
        const from = BigInt(newest) - BigInt(BACKLOG)
        if (from <= BigInt(oldest)) return
        stop()
        begin(from, true)
      },
    })
  }
  begin(0n, false)
  return () => stop()
}
