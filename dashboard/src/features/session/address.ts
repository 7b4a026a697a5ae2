// State that lives in the page's address, so that a link shows the same.
//
// Several changes in one turn become one navigation; what equals its default is left out.

import { computed, type WritableComputedRef } from 'vue'
import { type LocationQueryRaw, useRoute, useRouter } from 'vue-router'

export function useAddress() {
  const route = useRoute()
  const router = useRouter()
  let pending: LocationQueryRaw | undefined

  function set(changes: Record<string, string | undefined>): void {
    if (pending === undefined) {
      pending = { ...route.query }
      queueMicrotask(() => {
        const query = pending ?? {}
        pending = undefined
        void router.replace({ query })
      })
    }
    Object.assign(pending, changes)
  }

  function get(name: string): string {
    const value = route.query[name]
    return typeof value === 'string' ? value : ''
  }

  /** A parameter as a ref. */
  function param(name: string, fallback = ''): WritableComputedRef<string> {
    return computed({
      get: () => get(name) || fallback,
      set: (value) => set({ [name]: value === fallback ? undefined : value }),
    })
  }

  /** A parameter that is one of a few; anything else counts as the first of them. */
  function oneOf<T extends string>(name: string, options: readonly [T, ...T[]]): WritableComputedRef<T> {
    return computed({
      get: () => options.find((option) => option === get(name)) ?? options[0],
      set: (value) => set({ [name]: value === options[0] ? undefined : value }),
    })
  }

  return { get, set, param, oneOf }
}

export type Address = ReturnType<typeof useAddress>
