// The grammar of labels, `<severity>=<event>`, and their order: the worst first.
//
// Invariant: a text that is no label stays visible as it is, with the mildest severity. A `*` marks what the rig worked
// out itself; it is not part of the name that people read.

import type { Severity } from '@/api/schema'

export const SEVERITIES = ['critical', 'error', 'warning', 'info'] as const satisfies readonly Severity[]

export interface Label {
  text: string
  severity: Severity
  event: string
  synthesized: boolean
}

export function parseLabel(text: string): Label {
  const cut = text.indexOf('=')
  const severity = SEVERITIES.find((name) => name === text.slice(0, Math.max(0, cut)))
  if (severity === undefined) return { text, severity: 'info', event: text, synthesized: false }
  const event = text.slice(cut + 1)
  const synthesized = event.startsWith('*')
  return { text, severity, event: synthesized ? event.slice(1) : event, synthesized }
}

/** Parsed, the worst first. */
export function sortedLabels(texts: readonly string[]): Label[] {
  return texts.map(parseLabel).sort((a, b) => rank(a.severity) - rank(b.severity) || a.event.localeCompare(b.event))
}

export interface LabelCount extends Label {
  count: number
}

/** How often each label occurs: the worst severity first, within it the rarest first. */
export function countLabels(rows: Iterable<readonly string[]>): LabelCount[] {
  const counts = new Map<string, number>()
  for (const labels of rows) for (const text of labels) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts]
    .map(([text, count]) => ({ ...parseLabel(text), count }))
    .sort((a, b) => rank(a.severity) - rank(b.severity) || a.count - b.count || a.event.localeCompare(b.event))
}

export type Choice = 'include' | 'exclude'

/** Whether a row passes: it carries all that is included and none that is excluded. */
export function passes(labels: readonly string[], choices: ReadonlyMap<string, Choice>): boolean {
  for (const [text, choice] of choices) if (labels.includes(text) !== (choice === 'include')) return false
  return true
}

/** None, include, exclude, none. */
export function nextChoice(choice: Choice | undefined): Choice | undefined {
  if (choice === undefined) return 'include'
  return choice === 'include' ? 'exclude' : undefined
}

function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity)
}
