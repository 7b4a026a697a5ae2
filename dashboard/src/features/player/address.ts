// Where a play begins: the address on the rig's base port that names origin, playlist, player, play and attempt.

import type { Info, OriginView } from '@/api/schema'

export interface Target {
  origin: string
  /** Path of a playlist on the origin, with its query. */
  path: string
}

/** An address for players outside this page. */
export interface Offer {
  path: string
  url: string
}

export interface Identity {
  playerId: string
  playId: string
  attemptId: number
}

/** The origin that is meant, or the one that is offered first. */
export function chooseOrigin(info: Info, name: string): OriginView | undefined {
  if (name !== '') return info.origins.find((origin) => origin.name === name)
  return info.origins.find((origin) => origin.default) ?? info.origins[0]
}

/** DASH is for other players: hls.js reads HLS. */
export function isDash(path: string): boolean {
  return /\.mpd$/i.test(path.split(/[?#]/)[0] ?? '')
}

/** Of what an origin is known to have, what the player of this page can play. */
export function playableHere(origin: OriginView | undefined): string[] {
  return (origin?.playlists ?? []).filter((path) => !isDash(path))
}

/**
 * What to play, from what stands in the page's address. `url` is a path on the origin, or an absolute address that one
 * of the origins serves. A text says what is wrong.
 */
export function targetOf(info: Info, originName: string, url: string): Target | string {
  if (/^https?:\/\//.test(url)) return withinOrigins(info, url)
  const origin = chooseOrigin(info, originName)
  if (origin === undefined) {
    return originName === ''
      ? 'No origin is configured: start the rig with --demo, or with --origin NAME=URL'
      : `No origin is called ${originName}; there ${info.origins.length === 1 ? 'is' : 'are'} ${info.origins.map(({ name }) => name).join(', ')}`
  }
  const path = url !== '' ? url : playableHere(origin)[0]
  if (path === undefined) return `Nothing is known to play on ${origin.name}: give the path of a playlist`
  return played({ origin: origin.name, path })
}

function played(target: Target): Target | string {
  if (!isDash(target.path)) return target
  return `hls.js plays HLS and no DASH (${target.path}): give its address to another player`
}

export function bootstrapUrl(page: { protocol: string; hostname: string }, info: Info, target: Target, id: Identity) {
  const url = addressOf(page, info, target, id.playerId)
  url.searchParams.set('play_id', id.playId)
  url.searchParams.set('attempt_id', String(id.attemptId))
  return url.href
}

/** Everything an origin is known to have, for players outside this page that come as this player. */
export function offersOf(
  page: { protocol: string; hostname: string },
  info: Info,
  origin: OriginView,
  playerId: string,
): Offer[] {
  return origin.playlists.map((path) => ({
    path,
    url: addressOf(page, info, { origin: origin.name, path }, playerId).href,
  }))
}

function addressOf(page: { protocol: string; hostname: string }, info: Info, target: Target, playerId: string): URL {
  const path = target.path.replace(/^\/+/, '')
  const host = info.listen.player_host ?? page.hostname
  const url = new URL(`${page.protocol}//${host}:${info.listen.base_port}/${target.origin}/${path}`)
  url.searchParams.set('player_id', playerId)
  return url
}

function withinOrigins(info: Info, url: string): Target | string {
  for (const origin of info.origins) {
    const base = origin.url.replace(/\/+$/, '')
    if (url.startsWith(`${base}/`)) return played({ origin: origin.name, path: url.slice(base.length + 1) })
  }
  return `The rig may not reach ${new URL(url).host}: add it with --origin NAME=URL`
}
