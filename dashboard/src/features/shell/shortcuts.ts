// Keys of a page. They are left alone while somebody types, and while a modifier is held.

import { onScopeDispose, shallowReactive } from 'vue'

type Handlers = Record<string, () => void>

const active = shallowReactive<Handlers[]>([])
let listening = false

/** Puts keys on the page for as long as the calling component lives. */
export function useShortcuts(handlers: Handlers): void {
  if (!listening) {
    listening = true
    document.addEventListener('keydown', onKey)
  }
  active.push(handlers)
  onScopeDispose(() => active.splice(active.indexOf(handlers), 1))
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
  const handlers = active.findLast((candidate) => event.key in candidate)
  if (!handlers) return
  event.preventDefault()
  handlers[event.key]?.()
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
