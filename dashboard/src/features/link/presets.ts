// The links that have a name, and how far the rig goes with each. Neither changes while it runs; one that comes back may be
// on another machine, and is asked again.

import { useQuery } from '@tanstack/vue-query'

import { listPresets } from '@/api/rig'
import { keys } from '@/features/live/players'

export function usePresets() {
  return useQuery({ queryKey: keys.presets, queryFn: listPresets, staleTime: Infinity, retry: 2 })
}
