import { describe, expect, it } from 'vitest'

import { sentenceOf, type RuleShape } from './sentence'

const say = (rule: Partial<RuleShape>) => sentenceOf({ type: '404', mode: 'requests', ...rule })
const segments = { request_kind: ['segment' as const] }

describe('a rule in words', () => {
  it('counts requests', () => {
    expect(say({ consecutive: 1, frequency: 5 })).toBe('Answer 404 to 1 of every 5 matching requests')
    expect(say({ consecutive: 2, frequency: 5, filter: segments })).toBe('Answer 404 to 2 of every 5 segments')
  })

  it('says that a cycle no longer than its faulted part faults every request', () => {
    expect(say({ consecutive: 5, frequency: 5, filter: segments })).toBe('Answer 404 to every segment')
    expect(say({ mode: 'seconds', consecutive: 5, frequency: 3 })).toBe('Answer 404 to every matching request')
  })

  it('says that a cycle of 0 is over after one window', () => {
    expect(say({ consecutive: 1, frequency: 0, filter: segments })).toBe('Answer 404 to the next segment, once')
    expect(say({ consecutive: 3, frequency: 0 })).toBe('Answer 404 to the next 3 matching requests, once')
    expect(say({ mode: 'seconds', consecutive: 3, frequency: 0 })).toBe(
      'Answer 404 to all matching requests for 3 seconds from the first, once',
    )
  })

  it('counts seconds, and failures per seconds', () => {
    expect(say({ mode: 'seconds', consecutive: 1, frequency: 10, filter: segments })).toBe(
      'Answer 404 to all segments during the first second of every 10 seconds',
    )
    expect(say({ mode: 'failures_per_seconds', consecutive: 1, frequency: 10, filter: segments })).toBe(
      'Answer 404 to at most 1 segment in each 10 seconds',
    )
  })

  it('names several kinds, and what narrows them', () => {
    expect(say({ consecutive: 1, frequency: 2, filter: { request_kind: ['segment', 'init'] } })).toBe(
      'Answer 404 to 1 of every 2 requests for segments or init segments',
    )
    expect(say({ frequency: 2, filter: { ...segments, variant: { rung_indexes: [1] } } })).toBe(
      'Answer 404 to 1 of every 2 segments of the chosen rungs',
    )
  })

  it('names presentations, hosts and the rung within its own presentation', () => {
    const narrowed = {
      ...segments,
      host: ['cdn-b', '*.example'],
      presentation: { roles: ['interstitial' as const], paths: ['/ads/*'] },
      variant: { rung_positions: ['second_from_top' as const] },
    }
    expect(say({ consecutive: 1, frequency: 2, filter: narrowed })).toBe(
      'Answer 404 to 1 of every 2 segments of the second from top rung of interstitial presentations at /ads/* at cdn-b or *.example',
    )
    expect(say({ frequency: 0, filter: { request_kind: ['preflight'] } })).toBe(
      'Answer 404 to the next preflight, once',
    )
  })
})
