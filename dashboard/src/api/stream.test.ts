import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { follow, type StreamState } from './stream'

interface Asked {
  url: string
  lastId: string | null
  push: (text: string) => void
  end: () => void
}

let asked: Asked[]
let answers: (() => Response)[]
let frames: [string, unknown][]
let states: StreamState[]
let stop: () => void

const settle = () => vi.advanceTimersByTimeAsync(1)
const handlers = {
  frame: (name: string, data: unknown) => frames.push([name, data]),
  state: (state: StreamState) => states.push(state),
}

function fakeFetch(url: string, init: { headers: Headers; signal: AbortSignal }): Promise<Response> {
  const answer = answers.shift()
  if (answer) {
    asked.push({ url, lastId: init.headers.get('last-event-id'), push: () => {}, end: () => {} })
    return Promise.resolve(answer())
  }
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      init.signal.addEventListener('abort', () => controller.error(new DOMException('', 'AbortError')))
      asked.push({
        url,
        lastId: init.headers.get('last-event-id'),
        push: (text) => controller.enqueue(encoder.encode(text)),
        end: () => controller.close(),
      })
    },
  })
  return Promise.resolve(new Response(body, { status: 200 }))
}

beforeEach(() => {
  vi.useFakeTimers()
  asked = []
  answers = []
  frames = []
  states = []
  vi.stubGlobal('fetch', fakeFetch)
  stop = () => {}
})

afterEach(() => {
  stop()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it('hands over frames by name and resumes behind the last id', async () => {
  stop = follow(() => '/s', handlers)
  await settle()
  asked[0]?.push('event: a\nid: 7\ndata: {"x":1}\n\nevent: b\ndata: {"y":2}\n\n')
  await settle()
  expect(frames).toEqual([
    ['a', { x: 1 }],
    ['b', { y: 2 }],
  ])
  asked[0]?.end()
  await vi.advanceTimersByTimeAsync(600)
  expect(asked.map(({ lastId }) => lastId)).toEqual([null, '7'])
})

it('says why it is refused, tries again when that may help, and gives up when it cannot', async () => {
  const problem = (status: number) => () =>
    new Response('{"title":"Not ready","detail":"the archive is off"}', { status })
  answers = [problem(503), problem(404)]
  stop = follow(() => '/s', handlers)
  await settle()
  expect(states.at(-1)).toMatchObject({ kind: 'down', final: false, reason: { detail: 'the archive is off' } })
  await vi.advanceTimersByTimeAsync(600)
  expect(states.at(-1)).toMatchObject({ kind: 'down', final: true })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked).toHaveLength(2)
})

it('takes silence for an interruption', async () => {
  stop = follow(() => '/s', handlers)
  await vi.advanceTimersByTimeAsync(34_000)
  expect(asked).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(asked).toHaveLength(2)
})

it('ends for good after `complete`', async () => {
  stop = follow(() => '/s', handlers)
  await settle()
  asked[0]?.push('event: complete\ndata: {"reason":"window_over"}\n\n')
  asked[0]?.end()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(states.at(-1)).toEqual({ kind: 'ended' })
  expect(asked).toHaveLength(1)
})
