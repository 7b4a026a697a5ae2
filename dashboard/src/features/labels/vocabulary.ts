// What each label means, as the archive publishes it; without an archive labels have names and no explanations.

import { useQuery } from '@tanstack/vue-query'
import { computed, type ComputedRef } from 'vue'

import { listLabels } from '@/api/rig'

export function useLabelDocs(): ComputedRef<Map<string, string>> {
  const { data } = useQuery({ queryKey: ['labels'], queryFn: listLabels, staleTime: Infinity, retry: false })
  return computed(() => new Map((data.value ?? []).map(({ event, doc }) => [event.replace(/^\*/, ''), doc])))
}
