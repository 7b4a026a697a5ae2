// The connection to the rig in words: live, connecting, reconnecting since, lost since.
//
// Invariant: it is live only while the rig's events arrive. What is lost is still asked for, unless the rig refused for good.

import type { StreamState } from '@/api/stream'
import { clock } from '@/ui/format'

/** A rig that is away for longer is not on its way back by itself. */
export const LOST_AFTER_MS = 30_000

export type ConnectionKind = 'live' | 'connecting' | 'reconnecting' | 'lost'

export interface Connection {
  kind: ConnectionKind
  text: string
  why: string
}

export function connectionOf(state: StreamState, awaySince: number | undefined, now: number): Connection {
  if (state.kind === 'open') return { kind: 'live', text: 'live', why: 'The rig’s events arrive' }
  if (awaySince === undefined) {
    return { kind: 'connecting', text: 'connecting', why: 'Asking the rig for its events' }
  }
  const reason = state.kind === 'down' ? `${state.reason.title}: ${state.reason.detail}` : 'The rig closed its events'
  const since = clock(awaySince)
  const isFinal = state.kind === 'ended' || (state.kind === 'down' && state.final)
  if (isFinal) return { kind: 'lost', text: `lost since ${since}`, why: `${reason}. Load the page again to try again.` }
  const kind = now - awaySince < LOST_AFTER_MS ? 'reconnecting' : 'lost'
  return { kind, text: `${kind} since ${since}`, why: `${reason}. It is tried again every few seconds.` }
}
