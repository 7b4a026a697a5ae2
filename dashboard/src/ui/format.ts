// Numbers and times as people read them here: bit/s in powers of ten, sizes in bytes, times on the reader's clock.
//
// Invariant: what is not known is written as `MISSING` and never as zero.

export const MISSING = '–'

type Known = number | null | undefined

export function mbps(value: Known): string {
  if (value === null || value === undefined) return MISSING
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export function seconds(value: Known, digits = 1): string {
  return value === null || value === undefined ? MISSING : `${value.toFixed(digits)} s`
}

export function duration(ms: Known): string {
  if (ms === null || ms === undefined) return MISSING
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(2)} s`
}

export function bytes(value: Known): string {
  if (value === null || value === undefined) return MISSING
  if (value < 1_000) return `${value} B`
  if (value < 1_000_000) return `${(value / 1_000).toFixed(1)} kB`
  return `${(value / 1_000_000).toFixed(2)} MB`
}

export function count(value: Known): string {
  return value === null || value === undefined ? MISSING : value.toLocaleString('en')
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

export function clock(ms: number, millis = false): string {
  const text = CLOCK.format(ms)
  return millis ? `${text}.${String(Math.floor(ms) % 1_000).padStart(3, '0')}` : text
}

export function ago(ms: number, now: number): string {
  const s = Math.max(0, Math.round((now - ms) / 1_000))
  if (s < 5) return 'now'
  if (s < 60) return `${s} s ago`
  if (s < 3_600) return `${Math.floor(s / 60)} min ago`
  return s < 86_400 ? `${Math.floor(s / 3_600)} h ago` : `${Math.floor(s / 86_400)} d ago`
}

/** `request_body_reset` as words. */
export function words(name: string): string {
  return name.replaceAll('_', ' ')
}

/** Enough of an id to tell it from its neighbours. */
export function shortId(id: string): string {
  return id.length > 13 ? id.slice(0, 8) : id
}
