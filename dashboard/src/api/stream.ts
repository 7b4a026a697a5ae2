// Server-sent events over fetch: what EventSource does, and the reason when it does not.
//
// EventSource hides the status and the text of a refusal, and gives up for good on one. This says why, and goes on.
// Invariant: after an interruption the stream resumes behind the last `id` it saw; silence for longer than two
// heartbeats counts as an interruption; retries back off to `MAX_RETRY_MS` and start again after a frame arrived.

import { EventSourceParserStream } from 'eventsource-parser/stream'

import { asRefusal, refusal, Refusal } from './http'

export type StreamState =
  | { kind: 'connecting' }
  | { kind: 'open' }
  | { kind: 'ended' }
  /** Broken or refused; tried again unless `final`. */
  | { kind: 'down'; reason: Refusal; final: boolean }

export interface StreamHandlers {
  frame: (name: string, data: unknown) => void
  state: (state: StreamState) => void
}

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 8_000
const SILENCE_MS = 35_000

/** Follows a stream until the returned function is called. `address` is asked anew for each attempt. */
export function follow(address: () => string, handlers: StreamHandlers): () => void {
  const stop = new AbortController()
  void run(address, handlers, stop.signal)
  return () => stop.abort()
}

async function run(address: () => string, handlers: StreamHandlers, stop: AbortSignal): Promise<void> {
  const place = { lastId: '', retryMs: FIRST_RETRY_MS, complete: false }
  while (!stop.aborted) {
    handlers.state({ kind: 'connecting' })
    let reason = new Refusal(0, 'The stream ended', 'the rig closed it')
    try {
      await once(address(), handlers, stop, place)
    } catch (error) {
      reason = asRefusal(error)
    }
    if (stop.aborted) return
    if (place.complete) return handlers.state({ kind: 'ended' })
    // A bad request stays bad; everything else may heal.
    const final = reason.status === 400 || reason.status === 404 || reason.status === 501
    handlers.state({ kind: 'down', reason, final })
    if (final) return
    await pause(place.retryMs, stop)
    place.retryMs = Math.min(place.retryMs * 2, MAX_RETRY_MS)
  }
}

interface Place {
  lastId: string
  retryMs: number
  complete: boolean
}

async function once(url: string, handlers: StreamHandlers, stop: AbortSignal, place: Place): Promise<void> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), SILENCE_MS)
  const headers = new Headers({ accept: 'text/event-stream' })
  if (place.lastId !== '') headers.set('last-event-id', place.lastId)
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.any([stop, silence.signal]), cache: 'no-store' })
    if (!response.ok || response.body === null) throw await refusal(response)
    handlers.state({ kind: 'open' })
    const text = response.body.pipeThrough(new TextDecoderStream())
    const reader = text.pipeThrough(new EventSourceParserStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      // What came with the same bytes as the frame that made the reader stop is not for it.
      if (done || stop.aborted) return
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENCE_MS)
      place.retryMs = FIRST_RETRY_MS
      if (value.id !== undefined) place.lastId = value.id
      const name = value.event ?? 'message'
      if (name === 'complete') place.complete = true
      handlers.frame(name, parsed(value.data))
    }
  } catch (error) {
    if (silence.signal.aborted) throw new Refusal(0, 'The stream fell silent', 'no heartbeat came')
    throw error instanceof TypeError ? new Refusal(0, 'The rig cannot be reached', 'the stream broke off') : error
  } finally {
    clearTimeout(timer)
  }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data) as unknown
  } catch {
    return undefined
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    stop.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
