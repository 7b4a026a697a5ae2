// Keys of a page. They are left alone while somebody types, while a modifier is held, and while a dialog or a list is open over
// the page: the keys are its own then, and Escape closes it.

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
  if (isLayerOpen()) return
  const handlers = active.findLast((candidate) => event.key in candidate)
  if (!handlers) return
  event.preventDefault()
  handlers[event.key]?.()
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** What the component library opens over the page, be it a dialog, a menu or a list, is marked so. */
function isLayerOpen(): boolean {
  return document.querySelector('[data-dismissable-layer]') !== null
}
