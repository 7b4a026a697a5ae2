// What narrows a rule in the making to some requests, and the filter that it becomes.
//
// Invariant: what is not chosen is not in the filter; a filter that narrows nothing is none at all.

import type {
  Filter,
  Info,
  PlayerRecord,
  Presentation,
  PresentationRole,
  RequestKind,
  RungPosition,
  Variant,
} from '@/api/schema'

export interface Narrowing {
  kinds: RequestKind[]
  /** Of those that are suggested. */
  hosts: string[]
  /** Others, with `*` and `?`, separated by commas or blanks. */
  moreHosts: string
  roles: PresentationRole[]
  paths: string[]
  morePaths: string
  rungs: RungPosition[]
}

export interface Suggestion<T extends string = string> {
  value: T
  label: string
  title?: string
}

export const ROLES: readonly Suggestion<PresentationRole>[] = [
  { value: 'primary', label: 'primary', title: 'What the player was started with' },
  { value: 'interstitial', label: 'interstitial', title: 'An HLS interstitial, such as an advertisement' },
  { value: 'other', label: 'other', title: 'Another one beside the primary' },
]

const RUNGS: readonly (Suggestion<RungPosition> & { at: number })[] = [
  { value: 'top', label: 'top', at: -1 },
  { value: 'second_from_top', label: 'second from top', at: -2 },
  { value: 'second_from_bottom', label: 'second from bottom', at: 1 },
  { value: 'bottom', label: 'bottom', at: 0 },
]

export function unnarrowed(): Narrowing {
  return { kinds: ['segment'], hosts: [], moreHosts: '', roles: [], paths: [], morePaths: '', rungs: [] }
}

export function filterOf(narrowing: Narrowing): Filter | undefined {
  const { kinds, hosts, moreHosts, roles, paths, morePaths, rungs } = narrowing
  const host = [...hosts, ...listed(moreHosts)]
  const allPaths = [...paths, ...listed(morePaths)]
  const filter: Filter = {
    ...(kinds.length > 0 ? { request_kind: [...kinds] } : {}),
    ...(host.length > 0 ? { host } : {}),
    ...(roles.length + allPaths.length > 0
      ? {
          presentation: {
            ...(roles.length > 0 ? { roles: [...roles] } : {}),
            ...(allPaths.length > 0 ? { paths: allPaths } : {}),
          },
        }
      : {}),
    ...(rungs.length > 0 ? { variant: { rung_positions: [...rungs] } } : {}),
  }
  return Object.keys(filter).length > 0 ? filter : undefined
}

/** The hosts that a session asks: its origins by name, each with its address; without a session, those of the rig. */
export function hostsOf(player: PlayerRecord | undefined, info: Info | undefined): Suggestion[] {
  const ports = player?.session?.ports ?? []
  const origins = ports.length > 0 ? ports.map(({ origin, url }) => ({ name: origin, url })) : (info?.origins ?? [])
  const found = new Map<string, Suggestion>()
  for (const { name, url } of origins) found.set(name, { value: name, label: name, title: url })
  return [...found.values()]
}

/** The paths of presentations, as far as requests of the session named them. */
export function pathsOf(presentations: readonly Presentation[]): Suggestion[] {
  const found = new Map<string, Suggestion>()
  for (const { path, role } of presentations) {
    if (!found.has(path)) found.set(path, { value: path, label: path, title: role })
  }
  return [...found.values()]
}

/** Places in a ladder; what stands there in the one that is known is said beside. */
export function rungsOf(ladder: readonly Variant[]): Suggestion<RungPosition>[] {
  return RUNGS.map(({ value, label, at }) => {
    const variant = ladder.at(at)
    if (variant === undefined) return { value, label }
    const rate = `${(variant.bandwidth / 1e6).toFixed(1)} Mbit/s`
    return { value, label, title: `In the primary presentation now: ${variant.resolution ?? ''} ${rate}` }
  })
}

function listed(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== '')
}
