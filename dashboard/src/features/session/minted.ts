// The players that this browser made. Only they begin to play by themselves when their page opens.

import { newUuid } from '@/features/player/uuid'

const KEY = 'rebuffer.players'
const KEEP = 50

export function mintPlayer(): string {
  return remember(newUuid())
}

export function isOurs(id: string): boolean {
  return known().includes(id)
}

function remember(id: string): string {
  localStorage.setItem(KEY, JSON.stringify([id, ...known()].slice(0, KEEP)))
  return id
}

function known(): string[] {
  try {
    const list = JSON.parse(localStorage.getItem(KEY) ?? '[]') as unknown
    return Array.isArray(list) ? list.filter((id) => typeof id === 'string') : []
  } catch {
    return []
  }
}
