// The links that have a name. They are facts of the rig and do not change while it runs.

import { useQuery } from '@tanstack/vue-query'

import { listPresets } from '@/api/rig'

export function usePresets() {
  return useQuery({ queryKey: ['link-presets'], queryFn: listPresets, staleTime: Infinity, retry: 2 })
}
