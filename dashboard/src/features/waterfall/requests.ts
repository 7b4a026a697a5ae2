// The requests that the page holds: bounded, in order of their start, each once.

import { Pulse } from '@/charts/pulse'

import type { Request } from './request'

export class RequestStore {
  readonly all: Request[] = []
  readonly pulse = new Pulse()
  private readonly known = new Set<string>()

  constructor(private readonly capacity = 5_000) {}

  push(request: Request): void {
    if (this.known.has(request.id)) return
    this.known.add(request.id)
    let at = this.all.length
    while (at > 0 && (this.all[at - 1]?.start ?? 0) > request.start) at -= 1
    if (at === this.all.length) this.all.push(request)
    else this.all.splice(at, 0, request)
    if (this.all.length > this.capacity * 1.1) this.evict()
    this.pulse.touch()
  }

  clear(): void {
    this.all.length = 0
    this.known.clear()
    this.pulse.touch()
  }

  private evict(): void {
    for (const { id } of this.all.splice(0, this.all.length - this.capacity)) this.known.delete(id)
  }
}

export interface Totals {
  requests: number
  bytes: number
  injected: number
  failed: number
}

/** Failed is what went wrong without being injected. */
export function totalsOf(requests: readonly Request[]): Totals {
  const totals = { requests: requests.length, bytes: 0, injected: 0, failed: 0 }
  for (const request of requests) {
    totals.bytes += request.bytes
    if (request.cause === 'injected') totals.injected += 1
    else if (request.cause !== null || request.status >= 400) totals.failed += 1
  }
  return totals
}
