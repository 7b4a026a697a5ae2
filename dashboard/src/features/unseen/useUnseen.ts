// What the rig does not see of sessions that are live, for pages that show them: from the archive, or, while there is none, from
// the rig's feed.
//
// Invariant: with an archive nothing of a live session is missing, however long ago it was told. Without one, what is told is
// what the feed's end holds, and everything from when the page was opened.

import { useQuery } from '@tanstack/vue-query'
import { computed, type ComputedRef, onScopeDispose, shallowRef, watch, type Ref } from 'vue'

import { listActions } from '@/api/rig'
import type { PlayerRecord } from '@/api/schema'
import { followFeed } from '@/features/live/feedStream'
import { rowOf } from '@/features/live/records'

import { stillUnseen, type Unseen, UNSEEN_EVENTS, unseenOf } from './unseen'

const MAX_TOLD = 2_000

/** What the archive has of sessions since one began; of one alone, if it is named. */
export function useArchivedUnseen(
  since: Ref<string | undefined>,
  ready: Ref<boolean>,
  sessionId?: Ref<string | undefined>,
) {
  const { data } = useQuery({
    queryKey: ['unseen', since, computed(() => sessionId?.value ?? '')],
    queryFn: async () => {
      const lists = UNSEEN_EVENTS.map((event) => listActions(event, since.value ?? '', sessionId?.value))
      return (await Promise.all(lists)).flat().flatMap((row) => unseenOf(row) ?? [])
    },
    enabled: computed(() => ready.value && since.value !== undefined),
    refetchInterval: 10_000,
    retry: false,
  })
  return computed<readonly Unseen[]>(() => data.value ?? [])
}

/** What the feed tells of all sessions, while there is no archive to ask. */
function useToldUnseen(wanted: Ref<boolean>): Ref<readonly Unseen[]> {
  const told = shallowRef<readonly Unseen[]>([])
  let stop = () => {}
  watch(
    wanted,
    (isWanted) => {
      stop()
      stop = () => {}
      if (!isWanted) return
      stop = followFeed({
        record: (record) => {
          if (!('action' in record.body)) return
          const { stream, row } = rowOf(record)
          const unseen = stream === 'control' ? unseenOf(row) : undefined
          if (unseen && !told.value.some(({ id }) => id === unseen.id)) {
            told.value = [...told.value, unseen].slice(-MAX_TOLD)
          }
        },
        state: () => {},
      })
    },
    { immediate: true },
  )
  onScopeDispose(() => stop())
  return told
}

/** What is not seen of each of these players, by its id. */
export function useUnseenPlayers(
  players: Ref<readonly PlayerRecord[]>,
  archiveReady: Ref<boolean | undefined>,
): ComputedRef<ReadonlyMap<string, Unseen[]>> {
  const since = computed(() => {
    const began = players.value.flatMap(({ session }) => session?.started_at ?? [])
    return began.length > 0 ? began.toSorted()[0] : undefined
  })
  const archived = useArchivedUnseen(
    since,
    computed(() => archiveReady.value === true),
  )
  const told = useToldUnseen(computed(() => archiveReady.value === false))
  return computed(() => {
    const all = [...archived.value, ...told.value]
    return new Map(players.value.map((player) => [player.id, unseenOfPlayer(all, player)]))
  })
}

/** What is still not seen of a player's session; nothing while it has none. */
export function unseenOfPlayer(all: readonly Unseen[], player: PlayerRecord, declaredAt?: number): Unseen[] {
  const { id, session, ladder } = player
  if (!session) return []
  const mine = all.filter(
    ({ playerId, sessionId }) => playerId === id && (sessionId === '' || sessionId === session.id),
  )
  return stillUnseen(mine, ladder.length > 0, declaredAt)
}
