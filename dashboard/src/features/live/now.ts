// The time, by default the rig's, ticking for as long as the calling component lives.

import { onScopeDispose, readonly, ref } from 'vue'

import { rigClock } from './clock'

export function useNow(everyMs: number, clock: () => number = () => rigClock.now()) {
  const now = ref(clock())
  const ticking = setInterval(() => (now.value = clock()), everyMs)
  onScopeDispose(() => clearInterval(ticking))
  return readonly(now)
}
