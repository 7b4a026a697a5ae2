// Light, dark, or as the system says. The choice lives in this browser; the page carries it as `data-theme` on <html>.
//
// Invariant: `resolvedTheme` is what is on the screen, also when the system changes its mind. Whoever draws on a canvas
// watches it, because a canvas does not follow style sheets by itself.

import { computed, readonly, ref } from 'vue'

export type ThemeChoice = 'system' | 'light' | 'dark'

const KEY = 'rebuffer.theme'
const choice = ref<ThemeChoice>('system')
const systemIsDark = ref(false)

export const themeChoice = readonly(choice)

export const resolvedTheme = computed<'light' | 'dark'>(() =>
  choice.value === 'system' ? (systemIsDark.value ? 'dark' : 'light') : choice.value,
)

export function applyStoredTheme(): void {
  const stored = localStorage.getItem(KEY)
  if (stored === 'light' || stored === 'dark') choice.value = stored
  const query = matchMedia('(prefers-color-scheme: dark)')
  systemIsDark.value = query.matches
  query.addEventListener('change', (event) => {
    systemIsDark.value = event.matches
    paint()
  })
  paint()
}

export function chooseTheme(next: ThemeChoice): void {
  choice.value = next
  if (next === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, next)
  paint()
}

function paint(): void {
  document.documentElement.dataset.theme = resolvedTheme.value
}
