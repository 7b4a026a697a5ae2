import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope, ref } from 'vue'

import { useSessionFeed } from './useSessionFeed'

type Controller = ReadableStreamDefaultController<Uint8Array>

/** The archive: away, or telling this at once. Every connection stays open until it is closed. */
let archive: string | undefined
let connections: { path: string; lastId: string | null; close: () => void }[]
const scope = effectScope()

const frame = (name: string, data: object, id = '1') => `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`
const request = (id: string, labels: string[] = []) => ({
  ts: '2026-03-01T10:00:01.000Z',
  id,
  url: `/${id}.ts`,
  labels,
})
const exchange = (position: string, player_id: string) =>
  frame('record', {
    position,
    ts: '2026-03-01T10:00:01.000Z',
    body: {
      exchange: {
        who: { player_id },
        started_at: '2026-03-01T10:00:00.900Z',
        request: { method: 'GET', url: `/${position}.ts`, kind: 'segment', headers: [] },
        answer: { status: 200, content_type: '', body_bytes: 1, complete: true },
        timing: { client_wait_ms: 1, transfer_ms: 1, total_ms: 2 },
        link: {},
      },
    },
  })

function answer(text: string, close: (controller: Controller) => void): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text))
      close(controller)
    },
  })
  return new Response(body)
}

beforeEach(() => {
  vi.useFakeTimers()
  archive = undefined
  connections = []
  vi.stubGlobal('fetch', (url: string, { headers }: { headers: Headers }) => {
    const { pathname } = new URL(url, 'http://rig')
    const path = pathname.split('/').at(-1) ?? ''
    const connection = { path, lastId: headers.get('last-event-id'), close: () => {} }
    connections.push(connection)
    if (path === 'feed') {
      const told = frame('meta', { oldest: '1', newest: '2' }) + exchange('1', 'p') + exchange('2', 'somebody else')
      return Promise.resolve(answer(told, (controller) => (connection.close = () => controller.close())))
    }
    if (archive === undefined)
      return Promise.resolve(new Response('{"title":"Not ready","detail":"off"}', { status: 503 }))
    return Promise.resolve(answer(archive, (controller) => (connection.close = () => controller.close())))
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const passing = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const last = (path: string) => connections.findLast((connection) => connection.path === path)

it('shows the feed of the rig while the archive is away, and the archive from the beginning once it is there', async () => {
  const { feed, source } = scope.run(() => useSessionFeed(ref('name'), ref<string | undefined>('p')))!
  const shown = () => feed.requests.all.map(({ id, labels }) => `${id} ${labels.join()}`)
  await passing(50)
  expect([source.value, shown()]).toEqual(['rig', ['1 ']])

  archive = frame('network', request('1', ['info=a'])) + frame('backfill_complete', {})
  await passing(600)
  expect([source.value, shown()]).toEqual(['archive', ['1 info=a']])

  // It goes away for a while: what it told stays, and it tells all of it again, with what was missed.
  archive = undefined
  last('timeseries')?.close()
  await passing(2_000)
  expect([source.value, shown()]).toEqual(['rig', ['1 info=a']])
  archive = frame('network', request('1', ['info=a'])) + frame('network', request('3', ['info=b']), '3')
  await passing(10_000)
  expect([source.value, shown()]).toEqual(['archive', ['1 info=a', '3 info=b']])
  expect(last('timeseries')?.lastId).toBeNull()
  scope.stop()
})
