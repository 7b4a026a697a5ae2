// The rig's time, ticking for as long as the calling component lives.

import { onScopeDispose, readonly, ref } from 'vue'

import { rigClock } from './clock'

export function useNow(everyMs: number) {
  const now = ref(rigClock.now())
  const ticking = setInterval(() => (now.value = rigClock.now()), everyMs)
  onScopeDispose(() => clearInterval(ticking))
  return readonly(now)
}
