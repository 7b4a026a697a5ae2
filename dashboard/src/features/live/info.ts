// What belongs to an action, as its row carries it.

import type { ControlRow } from '@/api/schema'

/** Nothing where it cannot be read. */
export function infoOf<T extends object>(row: ControlRow): Partial<T> {
  try {
    return JSON.parse(row.info ?? '{}') as Partial<T>
  } catch {
    return {}
  }
}
