// One value under a slider and a field at once: where they stand while somebody moves them, and when it counts.
//
// Invariant: a value goes out when the slider is let go or the field is left, never while moving; keys let go of the slider
// with every step, so letting go counts once it stays. Without a change nothing goes out.

import { computed, onScopeDispose, ref, watch } from 'vue'

const SETTLE_MS = 250

export interface Scale {
  last: number
  stepOf: (value: number) => number
  valueOf: (step: number) => number
}

export function useHeld(options: {
  asked: () => number | null
  /** What the player itself asked; a preset's value is no text of its field. */
  own: () => number | null
  /** Where the slider stands while nothing is asked. */
  rest: () => number
  scale: () => Scale
  read: (typed: string) => number | null | string
  /** Whether to send a value again that is asked already, because it was refused before. */
  again: () => boolean
  /** Returns whether it was taken. */
  apply: (value: number | null) => Promise<boolean>
}) {
  const heldStep = ref<number | null>(null)
  const typed = ref('')
  const wrong = ref<string>()
  let refused: number | null | undefined
  let settling: ReturnType<typeof setTimeout> | undefined

  const held = computed(() => (heldStep.value === null ? null : options.scale().valueOf(heldStep.value)))
  const step = computed(() => heldStep.value ?? options.scale().stepOf(options.asked() ?? options.rest()))
  const text = () => {
    const own = options.own()
    return own === null ? '' : String(own)
  }

  watch(options.own, () => ((typed.value = text()), (wrong.value = refused = undefined)), { immediate: true })
  onScopeDispose(() => clearTimeout(settling))

  function slide(value: number[] | undefined): void {
    heldStep.value = value?.[0] ?? options.scale().last
    typed.value = String(held.value)
    wrong.value = undefined
  }

  async function apply(value: number | null): Promise<void> {
    const taken = value === options.own() && !options.again() ? true : await options.apply(value)
    refused = taken ? undefined : value
    // Whoever went on moving meanwhile is not thrown back.
    if (held.value !== null && held.value !== value) return
    heldStep.value = null
    // What was refused stays to be corrected.
    if (taken) typed.value = text()
  }

  function release(): void {
    clearTimeout(settling)
    settling = setTimeout(() => {
      if (held.value !== null) void apply(held.value)
    }, SETTLE_MS)
  }

  async function enter(): Promise<void> {
    const value = options.read(typed.value)
    wrong.value = typeof value === 'string' ? value : undefined
    if (typeof value !== 'string' && value !== options.own()) await apply(value)
  }

  /** The field is left: what was refused is not sent once more. */
  async function leave(): Promise<void> {
    if (refused === undefined || options.read(typed.value) !== refused) await enter()
  }

  return { held, step, typed, wrong, slide, apply, release, enter, leave }
}
