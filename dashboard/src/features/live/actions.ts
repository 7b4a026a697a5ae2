// What an action of the archive means on the axis of time: a mark, and the link from then on.

import { isThere } from '@/api/absent'
import type { ControlRow } from '@/api/schema'
import type { Mark } from '@/charts/marks'
import { leftOutNames } from '@/features/link/leftOut'
import { sentenceOf } from '@/features/rules/sentence'
import { unseenOf } from '@/features/unseen/unseen'
import { count, mbps, words } from '@/ui/format'

import { infoOf } from './info'

export interface LinkChange {
  asked: number | null
  /** What was read back; absent where nobody said. */
  inForce?: number | null
}

/** The rate of a link with a name, where it is known. */
export type RateOfPreset = (name: string) => number | null

interface Info {
  rule?: Parameters<typeof sentenceOf>[0] & { id?: string }
  rule_id?: string
  asked?: { rate_mbps?: number | null; preset?: string | null; pattern?: object | null; stall?: boolean | null }
  in_force_rate_mbps?: number | null
  left_out?: { knob: string }[]
  mode?: string
  step?: number
  steps?: number
  rate_mbps?: number | null
  duration_s?: number
  previous_measured_mbps?: number | null
  refused?: string | null
  finished?: boolean
  packets?: number
  found?: string
  repaired?: boolean
  lost?: number
}

const NO_PRESET: RateOfPreset = () => null

export function markOf(row: ControlRow, rateOfPreset = NO_PRESET): Mark | undefined {
  const info = infoOf<Info>(row)
  const at = Date.parse(row.ts)
  const base = { id: `control-${row.id}`, at }
  const unseen = unseenOf(row)
  if (unseen) return { ...base, kind: 'unseen', text: unseen.text, advice: unseen.advice, setting: unseen.setting }
  switch (row.event) {
    case 'shaper_config_change': {
      const { asked, inForce = null } = linkOf(info, rateOfPreset)
      const differs = asked !== inForce && !isThere(info.asked?.pattern) ? `, ${rateText(inForce)} in force` : ''
      const rest = info.left_out?.length ? `; left out: ${leftOutNames(info.left_out)}` : ''
      return { ...base, kind: 'rate', text: `Link set to ${rateText(asked)}${differs}${rest}` }
    }
    case 'fault_rule_enabled':
    case 'fault_rule_config_change': {
      const verb = row.event === 'fault_rule_enabled' ? 'armed' : 'edited'
      const rule = info.rule
      return { ...base, kind: 'rule', text: `Rule ${rule?.id ?? ''} ${verb}${rule ? `: ${sentenceOf(rule)}` : ''}` }
    }
    case 'fault_rule_disabled':
      return { ...base, kind: 'rule', text: `Rule ${info.rule_id ?? ''} removed` }
    case 'pattern_enabled':
      return {
        ...base,
        kind: 'rate',
        text: `Pattern ${words(info.mode ?? '')} began, ${info.steps ?? '?'} steps a round`,
      }
    case 'pattern_disabled': {
      const how = info.finished === true ? 'played its round' : 'ended'
      return { ...base, kind: 'rate', text: `Pattern ${words(info.mode ?? '')} ${how}` }
    }
    case 'pattern_step':
      return { ...base, kind: 'step', text: stepText(info) }
    case 'shaper_drift': {
      const after = info.repaired === true ? 'and was set right' : 'and is not set right'
      return { ...base, kind: 'rate', text: `The link was changed from outside (${info.found ?? ''}) ${after}` }
    }
    case 'feed_gap':
      return { ...base, kind: 'rule', text: `${count(info.lost ?? 0)} records were lost` }
    // The two ends of a band, see `strikeOf`.
    case 'fault_on':
    case 'fault_off':
    case 'session_start':
    case 'session_end':
    case 'label_changed':
      return undefined
    default:
      return { ...base, kind: 'rule', text: words(row.event ?? '') }
  }
}

/** How the link was changed, if it was. `base` is what is asked while no pattern says otherwise. */
export function linkChangeOf(
  row: ControlRow,
  base: number | null | undefined,
  rateOfPreset = NO_PRESET,
): { change?: LinkChange; base?: number | null } | undefined {
  const info = infoOf<Info>(row)
  switch (row.event) {
    case 'shaper_config_change': {
      const change = linkOf(info, rateOfPreset)
      // The steps of a pattern say for themselves what they ask.
      return isThere(info.asked?.pattern) ? { base: change.asked } : { change, base: change.asked }
    }
    case 'pattern_step':
      return isThere(info.refused) ? undefined : { change: { asked: info.rate_mbps ?? null } }
    case 'pattern_disabled':
      return base === undefined ? undefined : { change: { asked: base } }
    default:
      return undefined
  }
}

export interface Strike {
  end: boolean
  text: string
}

/** An end of a window in which packets are struck, if it is one. */
export function strikeOf(row: ControlRow): Strike | undefined {
  if (row.event !== 'fault_on' && row.event !== 'fault_off') return undefined
  const { type, packets } = infoOf<{ type: string; packets: number }>(row)
  const verb = type === 'reject' ? 'Packets reset' : 'Packets dropped'
  return { end: row.event === 'fault_off', text: packets === undefined ? verb : `${verb}: ${count(packets)}` }
}

function stepText(info: Info): string {
  const before = isThere(info.previous_measured_mbps)
    ? `; the step before carried ${mbps(info.previous_measured_mbps)} Mbit/s`
    : ''
  const step = `Step ${info.step ?? '?'} of ${words(info.mode ?? '')}`
  if (isThere(info.refused)) return `${step} was refused: ${info.refused}`
  const asked = info.asked?.stall === true ? 'stalled' : rateText(info.rate_mbps ?? null)
  return `${step}: ${asked}${before}`
}

function linkOf(info: Info, rateOfPreset: RateOfPreset): LinkChange {
  const preset = info.asked?.preset
  const asked = info.asked?.rate_mbps ?? (isThere(preset) ? rateOfPreset(preset) : null)
  return { asked, inForce: info.in_force_rate_mbps ?? null }
}

function rateText(rate: number | null): string {
  return rate === null ? 'unlimited' : `${mbps(rate)} Mbit/s`
}
