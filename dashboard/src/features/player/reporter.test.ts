import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { Refusal } from '@/api/http'

import { Reporter, type Report, type ReporterState } from './reporter'

const report = (name: string): Report => ({
  play: { playId: 'p', attemptId: 1 },
  metrics: { last_event: name },
  heartbeat: name === 'heartbeat',
})

/** A rig that answers when it is told to. */
class SlowRig {
  readonly got: string[] = []
  private answer: ((error?: Error) => void) | undefined
  send = (sent: Report): Promise<void> => {
    this.got.push(String(sent.metrics.last_event))
    return new Promise((resolve, reject) => {
      this.answer = (error) => (error ? reject(error) : resolve())
    })
  }
  async answers(error?: Error) {
    this.answer?.(error)
    await vi.advanceTimersByTimeAsync(0)
  }
}

let rig: SlowRig
let state: ReporterState | undefined
let reporter: Reporter

beforeEach(() => {
  vi.useFakeTimers()
  rig = new SlowRig()
  reporter = new Reporter(rig.send, (next) => (state = next), 10)
})
afterEach(() => vi.useRealTimers())

describe('reports', () => {
  it('go one at a time and in order', async () => {
    for (const name of ['a', 'b', 'c']) reporter.post(report(name))
    expect(rig.got).toEqual(['a'])
    await rig.answers()
    expect(rig.got).toEqual(['a', 'b'])
    await rig.answers()
    await rig.answers()
    expect([rig.got, state?.waiting]).toEqual([['a', 'b', 'c'], 0])
  })

  it('lose no event to a slow rig; of heartbeats that wait the newest stays', async () => {
    for (const name of ['heartbeat', 'stall_start', 'heartbeat', 'heartbeat', 'heartbeat', 'stall_end']) {
      reporter.post(report(name))
    }
    for (let i = 0; i < 6; i += 1) await rig.answers()
    expect(rig.got).toEqual(['heartbeat', 'stall_start', 'heartbeat', 'stall_end'])
    expect(state?.lost).toBe(0)
  })

  it('are sent again while the rig is away, later and later', async () => {
    reporter.post(report('stall_start'))
    await rig.answers(new Refusal(0, 'away', ''))
    expect(state?.trouble?.unreachable).toBe(true)
    await vi.advanceTimersByTimeAsync(499)
    expect(rig.got.length).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(rig.got).toEqual(['stall_start', 'stall_start'])
    await rig.answers(new Refusal(503, 'not ready', ''))
    await vi.advanceTimersByTimeAsync(1_000)
    await rig.answers()
    expect([rig.got.length, state?.waiting, state?.trouble]).toEqual([3, 0, undefined])
  })

  it('that the rig refuses are counted and make way', async () => {
    reporter.post(report('bad'))
    reporter.post(report('good'))
    await rig.answers(new Refusal(400, 'Bad request', ''))
    await rig.answers()
    expect([rig.got, state?.refused]).toEqual([['bad', 'good'], 1])
  })

  it('can be handed over when the page goes, but not what is on its way', async () => {
    for (const name of ['a', 'b', 'c']) reporter.post(report(name))
    expect(reporter.drain().map(({ metrics }) => metrics.last_event)).toEqual(['b', 'c'])
    await rig.answers()
    expect([rig.got, state?.waiting]).toEqual([['a'], 0])
  })

  it('that are on their way are not replaced by newer ones', () => {
    reporter.post(report('heartbeat'))
    reporter.post(report('heartbeat'))
    expect(reporter.drain()).toHaveLength(1)
  })

  it('are bounded: heartbeats go first, and what is lost is counted', async () => {
    reporter.post(report('first'))
    reporter.post(report('heartbeat'))
    for (let i = 0; i < 12; i += 1) reporter.post(report(`event-${i}`))
    expect([state?.waiting, state?.lost]).toEqual([10, 4])
    for (let i = 0; i < 12; i += 1) await rig.answers()
    expect(rig.got).not.toContain('heartbeat')
    expect(rig.got.at(-1)).toBe('event-11')
  })
})
