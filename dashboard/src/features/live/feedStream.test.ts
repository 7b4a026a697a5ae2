import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { BACKLOG, followFeed } from './feedStream'

/** The positions that each connection asked to go on behind. */
let asked: string[]
/** What the feed holds, and what of it each connection sends: everything behind what it asked for. */
let held: [oldest: number, newest: number]

beforeEach(() => {
  asked = []
  vi.stubGlobal('fetch', (url: string) => {
    const after = Number(new URL(url, 'http://rig').searchParams.get('after'))
    asked.push(String(after))
    const [oldest, newest] = held
    const frame = (name: string, data: object, id = '') => `event: ${name}\n${id}data: ${JSON.stringify(data)}\n\n`
    const from = Math.max(oldest, after + 1)
    const records = Array.from({ length: Math.min(3, newest - from + 1) }, (_, n) => {
      const position = String(from + n)
      return frame('record', { position }, `id: ${position}\n`)
    })
    const meta = frame('meta', { oldest: String(oldest), newest: String(newest) })
    return Promise.resolve(new Response(new Blob([meta + records.join('')]).stream()))
  })
})
afterEach(() => vi.unstubAllGlobals())

const told = (count: number) =>
  new Promise<string[]>((resolve) => {
    const positions: string[] = []
    const stop = followFeed({
      record: ({ position }) => {
        positions.push(position)
        if (positions.length < count) return
        stop()
        resolve(positions)
      },
      state: () => {},
    })
  })

it('tells all of a short feed', async () => {
  held = [100, 102]
  expect(await told(3)).toEqual(['100', '101', '102'])
  expect(asked).toEqual(['0'])
})

it('tells the end of a long feed, and nothing from before', async () => {
  held = [100, 100 + 3 * BACKLOG]
  const from = 100 + 2 * BACKLOG
  expect(await told(3)).toEqual([String(from + 1), String(from + 2), String(from + 3)])
  expect(asked).toEqual(['0', String(from)])
})
