// What this page knows of players: the rig's answers, kept current by its event stream.
//
// Invariant: a record never goes back. A frame about metrics cannot undo what was patched meanwhile, because what can
// be patched is only taken over with a newer revision.

import { type QueryClient, useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'

import { Refusal } from '@/api/http'
import { createPlayer, listPlayers, readInfo, readPlayer } from '@/api/rig'
import type { PlayerRecord } from '@/api/schema'

export const keys = {
  info: ['info'] as const,
  presets: ['link-presets'] as const,
  players: ['players'] as const,
  player: (id: string) => ['player', id] as const,
}

const CONTROLLED = [
  'id',
  'display_id',
  'control_revision',
  'labels',
  'fault_rules',
  'shape',
  'transfer_timeouts',
  'content',
] as const

/** A record after news about it. `authoritative` news is about what can be patched, other news about what was seen. */
export function merged(old: PlayerRecord | undefined, news: PlayerRecord, authoritative: boolean): PlayerRecord {
  if (old === undefined) return news
  const order = compareRevisions(news.control_revision, old.control_revision)
  if (order < 0) return old
  if (authoritative || order > 0) return news
  const kept = Object.fromEntries(CONTROLLED.map((field) => [field, old[field]])) as Partial<PlayerRecord>
  return { ...news, ...kept }
}

/** Revisions that are numbers are compared as numbers; other revisions only for being the same, and the news wins. */
export function compareRevisions(a: string, b: string): number {
  if (a === b) return 0
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return 1
  return BigInt(a) < BigInt(b) ? -1 : 1
}

export function storePlayer(client: QueryClient, news: PlayerRecord, authoritative: boolean): void {
  client.setQueryData<PlayerRecord>(keys.player(news.id), (old) => merged(old, news, authoritative))
  // A page may know the player by another name than its canonical id.
  client.setQueriesData<PlayerRecord>({ queryKey: ['player'] }, (old) =>
    old?.id === news.id ? merged(old, news, authoritative) : old,
  )
  client.setQueryData<PlayerRecord[]>(keys.players, (list) => {
    if (list === undefined) return list
    const known = list.some((player) => player.id === news.id)
    return known
      ? list.map((player) => (player.id === news.id ? merged(player, news, authoritative) : player))
      : [...list, news]
  })
}

export function forgetPlayer(client: QueryClient, id: string): void {
  client.setQueryData<PlayerRecord[]>(keys.players, (list) => list?.filter((player) => player.id !== id))
  void client.invalidateQueries({
    queryKey: ['player'],
    predicate: ({ state }) => (state.data as PlayerRecord | undefined)?.id === id,
  })
}

export function useInfo() {
  return useQuery({ queryKey: keys.info, queryFn: readInfo, refetchInterval: 15_000, retry: 2 })
}

export function usePlayers() {
  return useQuery({ queryKey: keys.players, queryFn: listPlayers, refetchInterval: 10_000 })
}

/** A player by id. One that the rig has never heard of is made, but only while `mayCreate` allows. */
export function usePlayer(id: Ref<string>, mayCreate: Ref<boolean>) {
  return useQuery({
    queryKey: computed(() => keys.player(id.value)),
    queryFn: async () => {
      try {
        return await readPlayer(id.value)
      } catch (error) {
        if (!(error instanceof Refusal) || error.status !== 404 || !mayCreate.value) throw error
        mayCreate.value = false
        return createPlayer({ player_id: id.value })
      }
    },
    enabled: computed(() => id.value !== ''),
    refetchInterval: 10_000,
  })
}
