// What a rule does, in words. The form shows it before arming, the list and the charts afterwards.
//
// Invariant: the words follow the engine to the letter, at its edges too: a cycle no longer than its faulted part faults
// every request, and a cycle of 0 is one window that is then over.

import type { Filter, Mode, RequestKind } from '@/api/schema'
import { words } from '@/ui/format'

import { filterOf, type Narrowing } from './narrowing'

export interface RuleShape {
  type: string
  mode?: Mode
  consecutive?: number
  frequency?: number
  filter?: Filter | null
}

const KINDS: Record<RequestKind, [one: string, many: string]> = {
  master_manifest: ['master playlist', 'master playlists'],
  manifest: ['media playlist', 'media playlists'],
  segment: ['segment', 'segments'],
  partial: ['partial segment', 'partial segments'],
  init: ['init segment', 'init segments'],
  audio_manifest: ['audio playlist', 'audio playlists'],
  audio_segment: ['audio segment', 'audio segments'],
  subtitle_manifest: ['subtitle playlist', 'subtitle playlists'],
  subtitle_segment: ['subtitle segment', 'subtitle segments'],
  key: ['key', 'keys'],
  preflight: ['preflight', 'preflights'],
  other: ['other request', 'other requests'],
}

export const ALL_KINDS = Object.keys(KINDS) as RequestKind[]

export function kindWords(kind: RequestKind): string {
  return KINDS[kind][1]
}

export function sentenceOf(rule: RuleShape): string {
  return `${faultWords(rule.type)} ${cadenceWords(rule)}`
}

export function faultWords(type: string): string {
  if (/^\d+$/.test(type)) return `Answer ${type} to`
  switch (type) {
    case 'none':
      return 'Leave alone'
    case 'request_body_reset':
      return 'Reset the connection mid-body on'
    case 'corrupted':
      return 'Zero the body of'
    default:
      return `Do ${type.replaceAll('_', ' ')} to`
  }
}

function cadenceWords(rule: RuleShape): string {
  const c = rule.consecutive ?? 1
  const f = rule.frequency ?? 0
  const [one, many] = target(rule.filter)
  const named = c === 1 ? one : many
  const mode = rule.mode ?? 'failures_per_seconds'
  if (f === 0 && mode === 'seconds') return `all ${many} for ${unit(c)} from the first, once`
  if (f === 0) return c === 1 ? `the next ${one}, once` : `the next ${c} ${many}, once`
  if (mode === 'failures_per_seconds') return `at most ${c} ${named} in each ${unit(f)}`
  if (f <= c) return `every ${one}`
  return mode === 'requests'
    ? `${c} of every ${f} ${many}`
    : `all ${many} during the first ${unit(c)} of every ${unit(f)}`
}

function target(filter: Filter | null | undefined): [one: string, many: string] {
  const which = whichWords(filter)
  const kinds = filter?.request_kind ?? []
  const [only] = kinds
  if (only === undefined) return [`matching request${which}`, `matching requests${which}`]
  if (kinds.length === 1) return [`${KINDS[only][0]}${which}`, `${KINDS[only][1]}${which}`]
  const names = kinds.map((kind) => KINDS[kind][1]).join(' or ')
  return [`request for ${names}${which}`, `requests for ${names}${which}`]
}

/** What narrows a rule beyond the kinds, in words; empty where nothing does. */
export function narrowingWords(narrowing: Narrowing): string {
  return whichWords(filterOf(narrowing)).trim()
}

function whichWords(filter: Filter | null | undefined): string {
  const { presentation, variant, host, url_match } = filter ?? {}
  return [
    variant ? ` of ${rungWords(variant)}` : '',
    presentation ? ` of ${presentationWords(presentation)}` : '',
    host?.length ? ` at ${host.join(' or ')}` : '',
    url_match ? ' whose URL matches' : '',
  ].join('')
}

function rungWords(variant: NonNullable<Filter['variant']>): string {
  const positions = variant.rung_positions ?? []
  const others = Object.keys(variant).some((name) => name !== 'rung_positions')
  if (others || positions.length === 0) return 'the chosen rungs'
  return `the ${positions.map(words).join(' or ')} rung`
}

function presentationWords({ roles, paths }: NonNullable<Filter['presentation']>): string {
  const which = roles?.length ? `${roles.join(' or ')} presentations` : 'the presentations'
  return paths?.length ? `${which} at ${paths.join(' or ')}` : roles?.length ? which : 'any presentation'
}

function unit(seconds: number): string {
  return seconds === 1 ? 'second' : `${seconds} seconds`
}
