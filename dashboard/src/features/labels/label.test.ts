import { describe, expect, it } from 'vitest'

import { countLabels, nextChoice, parseLabel, passes, sortedLabels } from './label'

describe('labels', () => {
  it('are read with their severity, and with the star that says who said it', () => {
    expect(parseLabel('warning=*segment_failure')).toEqual({
      text: 'warning=*segment_failure',
      severity: 'warning',
      event: 'segment_failure',
      synthesized: true,
    })
    expect(parseLabel('nonsense')).toMatchObject({ severity: 'info', event: 'nonsense' })
  })

  it('stand worst first: critical, error, warning, info', () => {
    const labels = ['info=a', 'critical=d', 'warning=b', 'error=c']
    expect(sortedLabels(labels).map((label) => label.severity)).toEqual(['critical', 'error', 'warning', 'info'])
  })

  it('are counted, the rare before the common', () => {
    const counts = countLabels([['warning=x', 'info=z'], ['warning=x'], ['warning=y']])
    expect(counts.map(({ text, count }) => [text, count])).toEqual([
      ['warning=y', 1],
      ['warning=x', 2],
      ['info=z', 1],
    ])
  })

  it('filter by all that is included and none that is excluded', () => {
    const choices = new Map([
      ['a=1', 'include'],
      ['b=2', 'exclude'],
    ] as const)
    expect(passes(['a=1'], choices)).toBe(true)
    expect(passes(['a=1', 'b=2'], choices)).toBe(false)
    expect(passes([], choices)).toBe(false)
    expect([nextChoice(undefined), nextChoice('include'), nextChoice('exclude')]).toEqual([
      'include',
      'exclude',
      undefined,
    ])
  })
})
