// One request to the rig and everything that can come of it.
//
// Invariant: a call either gives what was asked or throws a `Refusal` whose text can be shown as it stands, also when
// the rig is away or answers something that is no problem document. Every call has a timeout.

import type { Problem } from './schema'

const TIMEOUT_MS = 10_000

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly problem?: Problem,
  ) {
    super(`${title}: ${detail}`)
    this.name = 'Refusal'
  }

  /** Nobody answered, which says nothing about the request. */
  get unreachable(): boolean {
    return this.status === 0
  }
}

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  body?: unknown
  /** A body that goes as it is, instead of one that is written as JSON. */
  file?: Blob
  /** The revision this change is based on. */
  ifMatch?: string
  keepalive?: boolean
  /** How long an answer may take, where the usual time is too short. */
  timeoutMs?: number
}

export interface Reply<T> {
  status: number
  body: T
  revision: string | undefined
}

export async function call<T>(path: string, options: Call = {}): Promise<Reply<T>> {
  const response = await send(path, options)
  if (!response.ok) throw await refusal(response)
  const text = await response.text()
  const body = text === '' ? undefined : (JSON.parse(text) as unknown)
  return { status: response.status, body: body as T, revision: unquoted(response.headers.get('etag')) }
}

/** What the rig says when it refuses, whatever form that takes. */
export async function refusal(response: Response): Promise<Refusal> {
  const text = await response.text().catch(() => '')
  const problem = asProblem(text)
  if (problem !== undefined) return new Refusal(response.status, problem.title, problem.detail, problem)
  const detail = text.length > 0 && text.length < 300 ? text : 'the answer is no problem document'
  return new Refusal(response.status, `HTTP ${response.status}`, detail)
}

/** Any error as something that can be shown. */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  return new Refusal(0, 'Failed', error instanceof Error ? error.message : String(error))
}

async function send(path: string, options: Call): Promise<Response> {
  const method = options.method ?? 'GET'
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  const headers = new Headers({ accept: 'application/json' })
  if (options.ifMatch !== undefined) headers.set('if-match', `"${options.ifMatch}"`)
  if (options.body !== undefined) {
    headers.set('content-type', method === 'PATCH' ? 'application/merge-patch+json' : 'application/json')
  }
  if (options.file !== undefined) headers.set('content-type', 'text/plain')
  const body = options.file ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
  try {
    return await fetch(path, {
      method,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
      cache: 'no-store',
      ...(body === undefined ? {} : { body }),
      ...(options.keepalive === true ? { keepalive: true } : {}),
    })
  } catch (error) {
    const slow = error instanceof DOMException && error.name === 'TimeoutError'
    throw new Refusal(
      0,
      slow ? 'The rig does not answer' : 'The rig cannot be reached',
      slow ? `no answer to ${method} ${path} within ${timeoutMs / 1000} s` : `${method} ${path} failed: is it running?`,
    )
  }
}

function asProblem(text: string): Problem | undefined {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null
    return typeof value?.title === 'string' && typeof value.detail === 'string' ? (value as Problem) : undefined
  } catch {
    return undefined
  }
}

function unquoted(etag: string | null): string | undefined {
  return etag?.replace(/^W\//, '').replace(/^"(.*)"$/, '$1')
}
