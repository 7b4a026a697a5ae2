// The traces that the rig keeps, and changes to them.

import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'

import { listTraces, putTrace, readTrace, removeTrace } from '@/api/rig'
import type { TraceFormat } from '@/api/schema'

const keys = { all: ['traces'] as const, one: (name: string) => ['traces', name] as const }

/** The rig takes no larger file. */
export const MAX_BYTES = 8 * 1024 * 1024

export function useTraces(wanted: Ref<boolean>) {
  const client = useQueryClient()
  const query = useQuery({ queryKey: keys.all, queryFn: listTraces, enabled: wanted, refetchInterval: 15_000 })
  const reread = () => client.invalidateQueries({ queryKey: keys.all })

  async function put(name: string, file: Blob, format: TraceFormat | undefined): Promise<void> {
    await putTrace(name, file, format)
    await reread()
  }

  async function remove(name: string): Promise<void> {
    await removeTrace(name)
    await reread()
  }

  return { query, put, remove }
}

/** The steps of one trace; none while the name is empty. */
export function useTraceSteps(name: Ref<string>) {
  return useQuery({
    queryKey: computed(() => keys.one(name.value)),
    queryFn: () => readTrace(name.value),
    enabled: computed(() => name.value !== ''),
    staleTime: 60_000,
    retry: false,
  })
}
