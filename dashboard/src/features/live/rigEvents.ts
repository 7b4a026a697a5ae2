// The rig's event stream, once for the whole page: keeps the records of players current, tells who wants to know what a link
// did, and shows whether the rig is there.

import { useQueryClient } from '@tanstack/vue-query'
import { onScopeDispose, readonly, shallowRef } from 'vue'

import { streams } from '@/api/rig'
import type { PlayerDeleted, PlayerLink, PlayerRecord } from '@/api/schema'
import { follow, type StreamState } from '@/api/stream'

import { rigClock } from './clock'
import { forgetPlayer, keys, storePlayer } from './players'

type Listener<T> = (news: T) => void

const state = shallowRef<StreamState>({ kind: 'connecting' })
const ofLinks = new Set<Listener<PlayerLink>>()

const awaySince = shallowRef<number>()

export const rigConnection = readonly(state)
/** Since when the rig is away, on this browser's clock; nothing while it is there. */
export const rigAwaySince = readonly(awaySince)

/** Follows the stream for as long as the calling component lives. */
export function followRig(): void {
  const client = useQueryClient()
  const stop = follow(() => streams.events, {
    state: (next) => {
      // What was missed while away is read again.
      if (next.kind === 'open' && state.value.kind !== 'open') {
        void client.invalidateQueries({ queryKey: keys.players })
        void client.invalidateQueries({ queryKey: ['player'] })
        void client.invalidateQueries({ queryKey: keys.info })
        void client.invalidateQueries({ queryKey: keys.presets })
      }
      if (next.kind === 'open') awaySince.value = undefined
      else if (next.kind !== 'connecting') awaySince.value ??= Date.now()
      if (!(next.kind === 'connecting' && state.value.kind === 'down')) state.value = next
    },
    frame: (name, frame) => {
      const data = (frame as { data?: unknown } | undefined)?.data
      if (data === undefined) return
      switch (name) {
        case 'player.created':
        case 'player.controls.updated':
          return storePlayer(client, data as PlayerRecord, true)
        case 'player.updated':
          return storePlayer(client, data as PlayerRecord, false)
        case 'player.deleted':
          return forgetPlayer(client, (data as PlayerDeleted).player_id)
        case 'player.link':
          return ofLinks.forEach((listener) => listener(data as PlayerLink))
        case 'heartbeat':
          return rigClock.observe(Date.parse((data as { ts: string }).ts))
        case 'replay.gap':
          void client.invalidateQueries({ queryKey: keys.players })
          void client.invalidateQueries({ queryKey: ['player'] })
          return
        default:
      }
    },
  })
  onScopeDispose(stop)
}

/** Calls with every second of any player's link, for as long as the calling component lives. */
export function onPlayerLink(listener: Listener<PlayerLink>): void {
  listen(ofLinks, listener)
}

function listen<T>(listeners: Set<Listener<T>>, listener: Listener<T>): void {
  listeners.add(listener)
  onScopeDispose(() => listeners.delete(listener))
}
