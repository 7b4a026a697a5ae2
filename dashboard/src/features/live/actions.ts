// What an action of the archive means on the axis of time: a mark, and the link from then on.

import type { ControlRow } from '@/api/schema'
import type { Mark } from '@/charts/marks'
import { sentenceOf } from '@/features/rules/sentence'
import { mbps, words } from '@/ui/format'

export interface LinkChange {
  asked: number | null
  inForce: number | null
}

interface Info {
  rule?: Parameters<typeof sentenceOf>[0] & { id?: string }
  rule_id?: string
  asked?: { rate_mbps?: number | null }
  in_force_rate_mbps?: number | null
}

export function markOf(row: ControlRow): Mark | undefined {
  const info = infoOf(row)
  const at = Date.parse(row.ts)
  const base = { id: `control-${row.id}`, at }
  switch (row.event) {
    case 'shaper_config_change': {
      const { asked, inForce } = linkOf(info)
      const differs = asked !== inForce ? `, ${rateText(inForce)} in force` : ''
      return { ...base, kind: 'rate', text: `Link set to ${rateText(asked)}${differs}` }
    }
    case 'fault_rule_enabled':
    case 'fault_rule_config_change': {
      const verb = row.event === 'fault_rule_enabled' ? 'armed' : 'edited'
      const rule = info.rule
      return { ...base, kind: 'rule', text: `Rule ${rule?.id ?? ''} ${verb}${rule ? `: ${sentenceOf(rule)}` : ''}` }
    }
    case 'fault_rule_disabled':
      return { ...base, kind: 'rule', text: `Rule ${info.rule_id ?? ''} removed` }
    case 'session_start':
    case 'session_end':
    case 'label_changed':
      return undefined
    default:
      return { ...base, kind: 'rule', text: words(row.event ?? '') }
  }
}

/** How the link was changed, if it was. */
export function linkChangeOf(row: ControlRow): LinkChange | undefined {
  return row.event === 'shaper_config_change' ? linkOf(infoOf(row)) : undefined
}

function linkOf(info: Info): LinkChange {
  return { asked: info.asked?.rate_mbps ?? null, inForce: info.in_force_rate_mbps ?? null }
}

function rateText(rate: number | null): string {
  return rate === null ? 'unlimited' : `${mbps(rate)} Mbit/s`
}

function infoOf(row: ControlRow): Info {
  if (typeof row.info === 'object') return row.info
  try {
    return JSON.parse(row.info ?? '{}') as Info
  } catch {
    return {}
  }
}
