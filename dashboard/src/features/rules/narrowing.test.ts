import { expect, it } from 'vitest'

import type { Info, PlayerRecord } from '@/api/schema'

import { filterOf, hostsOf, pathsOf, rungsOf, unnarrowed } from './narrowing'

it('leaves out of the filter what is not chosen', () => {
  expect(filterOf(unnarrowed())).toEqual({ request_kind: ['segment'] })
  expect(filterOf({ ...unnarrowed(), kinds: [] })).toBeUndefined()
})

it('takes hosts and paths that were chosen with those that were written', () => {
  const narrowing = {
    ...unnarrowed(),
    kinds: ['preflight' as const],
    hosts: ['cdn-b'],
    moreHosts: ' *.cdn.example, edge.example:8443 ',
    roles: ['interstitial' as const],
    morePaths: '/ads/*.m3u8',
    rungs: ['top' as const],
  }
  expect(filterOf(narrowing)).toEqual({
    request_kind: ['preflight'],
    host: ['cdn-b', '*.cdn.example', 'edge.example:8443'],
    presentation: { roles: ['interstitial'], paths: ['/ads/*.m3u8'] },
    variant: { rung_positions: ['top'] },
  })
})

it('suggests the origins of the session, or those of the rig while there is none', () => {
  const info = { origins: [{ name: 'demo', url: 'http://a' }] } as unknown as Info
  const ports = [
    { port: 1, origin: 'demo', url: 'http://a' },
    { port: 2, origin: 'cdn-b', url: 'http://b' },
  ]
  const player = { session: { ports } } as unknown as PlayerRecord
  expect(hostsOf(player, info).map(({ value, title }) => [value, title])).toEqual([
    ['demo', 'http://a'],
    ['cdn-b', 'http://b'],
  ])
  expect(hostsOf(undefined, info).map(({ value }) => value)).toEqual(['demo'])
})

it('suggests each path of a presentation once', () => {
  const seen = [
    { path: '/m.m3u8', role: 'primary' as const },
    { path: '/ad.m3u8', role: 'interstitial' as const },
    { path: '/ad.m3u8', role: 'other' as const },
  ]
  expect(pathsOf(seen).map(({ value, title }) => [value, title])).toEqual([
    ['/m.m3u8', 'primary'],
    ['/ad.m3u8', 'interstitial'],
  ])
})

it('says what stands at a place of the ladder, and nothing where the ladder has no such place', () => {
  const ladder = [400_000, 1_000_000].map((bandwidth, rung) => ({ rung, bandwidth, uri: '', resolution: '640x360' }))
  const titles = Object.fromEntries(rungsOf(ladder).map(({ value, title }) => [value, title]))
  expect(titles.top).toContain('1.0 Mbit/s')
  expect(titles.bottom).toContain('0.4 Mbit/s')
  expect(titles.second_from_bottom).toContain('1.0 Mbit/s')
  expect(
    Object.values(Object.fromEntries(rungsOf(ladder.slice(0, 1)).map((rung) => [rung.value, rung.title]))),
  ).toEqual([
    'In the primary presentation now: 640x360 0.4 Mbit/s',
    undefined,
    undefined,
    'In the primary presentation now: 640x360 0.4 Mbit/s',
  ])
  expect(rungsOf([]).every(({ title }) => title === undefined)).toBe(true)
})
