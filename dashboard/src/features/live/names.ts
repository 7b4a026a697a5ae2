// What a player is called where people read it: the label that an operator gave it, else what it calls itself, else its id.
//
// Invariant: a name never identifies; two players may have the same one, and the canonical id stays beside it.

import type { PlayerRecord } from '@/api/schema'
import { shortId } from '@/ui/format'

type Named = Pick<PlayerRecord, 'id' | 'labels' | 'player_name'>

/** The name; nothing where it has none but its id. */
export function givenName({ labels, player_name }: Named): string | undefined {
  return labels.name || player_name || undefined
}

export function nameOf(player: Named): string {
  return givenName(player) ?? shortId(player.id)
}

/** Whether a search means this player: by any of its names or its id, whatever the case. */
export function isMeant(player: Named & Pick<PlayerRecord, 'display_id'>, search: string): boolean {
  const text = search.trim().toLowerCase()
  const { labels, player_name, id, display_id } = player
  const names = [labels.name ?? '', player_name ?? '', id]
  return names.some((name) => name.toLowerCase().includes(text)) || String(display_id) === text
}
