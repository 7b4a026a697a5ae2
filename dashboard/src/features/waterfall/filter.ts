// Which requests are shown: what went wrong or is not seen, and labels, none, included or excluded. All of it is in the page's address.

import { computed } from 'vue'

import { type Choice, nextChoice, passes } from '@/features/labels/label'
import type { Address } from '@/features/session/address'

import { type Request, unseenIn } from './request'

export type Show = 'all' | 'injected' | 'problems' | 'unseen'

export function useRequestFilter(address: Address) {
  const show = address.oneOf<Show>('show', ['all', 'injected', 'problems', 'unseen'])
  const text = address.param('labels')
  const choices = computed(() => readChoices(text.value))

  function toggle(label: string): void {
    const next = new Map(choices.value)
    const choice = nextChoice(next.get(label))
    if (choice === undefined) next.delete(label)
    else next.set(label, choice)
    text.value = writeChoices(next)
  }

  return {
    show,
    choices,
    toggle,
    clear: () => (text.value = ''),
    passes: (request: Request) => shows(show.value, request) && passes(request.labels, choices.value),
  }
}

export type RequestFilter = ReturnType<typeof useRequestFilter>

/** Problems are whatever did not go as the player wanted, for whatever cause. */
export function shows(show: Show, request: Request): boolean {
  switch (show) {
    case 'all':
      return true
    case 'injected':
      return request.cause === 'injected'
    case 'problems':
      return request.cause !== null || request.status >= 400 || request.status === 0
    case 'unseen':
      return unseenIn(request).length > 0
  }
}

/** `!` before a label excludes it. */
export function readChoices(text: string): Map<string, Choice> {
  const labels = text.split(',').filter((label) => label !== '' && label !== '!')
  return new Map(labels.map((label) => (label.startsWith('!') ? [label.slice(1), 'exclude'] : [label, 'include'])))
}

export function writeChoices(choices: ReadonlyMap<string, Choice>): string {
  return [...choices].map(([label, choice]) => (choice === 'exclude' ? `!${label}` : label)).join(',')
}
