// Everything one player's page shows over time: samples, requests, marks, presentations, names, what is not seen, and the
// seconds of its link.
//
// Invariant: a row that comes twice is shown once. Deliberately absent: where rows come from.

import { shallowRef } from 'vue'

import type { ControlRow, EventRow, NetworkRow, Presentation } from '@/api/schema'
import { MarkStore } from '@/charts/marks'
import { SampleStore } from '@/charts/samples'
import { type Request, requestOf } from '@/features/waterfall/request'
import { RequestStore } from '@/features/waterfall/requests'
import { words } from '@/ui/format'

import { markOf, strikeOf } from './actions'
import { infoOf } from './info'
import { LinkSeries } from './linkSeries'
import type { Row } from './records'

const COLUMNS = ['estimate', 'buffer', 'bitrate'] as const
export type PlayerColumn = (typeof COLUMNS)[number]

const MAX_PRESENTATIONS = 100

export interface RowNames {
  player_name: string
  label: string
}

export class SessionFeed {
  /** What the player says of itself. */
  readonly samples = new SampleStore(COLUMNS)
  readonly link = new LinkSeries()
  readonly marks = new MarkStore()
  readonly requests = new RequestStore()
  /** The presentations that requests belong to, in the order in which they were seen. */
  readonly presentations = shallowRef<readonly Presentation[]>([])
  /** What rows call the player: itself, and in the label `name`, each as it was told last. */
  readonly names = shallowRef<RowNames>({ player_name: '', label: '' })
  private stall: { id: string; at: number } | undefined
  private strike: { id: string; at: number } | undefined

  take({ stream, row }: Row): void {
    if (stream === 'event') this.event(row)
    else if (stream === 'network') this.network(row)
    else this.control(row)
  }

  control(row: ControlRow): void {
    this.noteName(row)
    if (row.event === 'label_changed')
      this.noteLabel(infoOf<{ labels: Record<string, string> }>(row).labels?.name ?? '')
    const mark = markOf(row, this.link.rateOfPreset)
    if (mark) this.marks.push(mark)
    this.noteStrike(row)
    this.link.control(row)
  }

  private noteName({ player_name = '' }: { player_name?: string }): void {
    if (player_name !== '' && player_name !== this.names.value.player_name) {
      this.names.value = { ...this.names.value, player_name }
    }
  }

  private noteLabel(label: string): void {
    this.names.value = { ...this.names.value, label }
  }

  private noteStrike(row: ControlRow): void {
    const strike = strikeOf(row)
    if (!strike) return
    const at = Date.parse(row.ts)
    const start = (strike.end ? this.strike : undefined) ?? { id: `struck-${row.id}`, at }
    this.marks.push({ ...start, kind: 'struck', until: at, text: strike.text })
    this.strike = strike.end ? undefined : start
  }

  network(row: NetworkRow): void {
    this.noteName(row)
    const request = requestOf(row)
    this.requests.push(request)
    this.notePlace(request)
    if (request.cause === 'injected') {
      const text = `${request.ruleId || 'A rule'} fired: ${request.faultType} on ${words(request.kind)}`
      this.marks.push({ id: `fired-${request.id}`, kind: 'fired', at: request.start, text })
    }
  }

  private notePlace({ presentation }: Request): void {
    if (presentation === null) return
    const seen = this.presentations.value
    const same = ({ path, role }: Presentation) => path === presentation.path && role === presentation.role
    if (!seen.some(same)) this.presentations.value = [...seen, presentation].slice(-MAX_PRESENTATIONS)
  }

  event(row: EventRow): void {
    this.noteName(row)
    const at = Date.parse(row.ts)
    this.link.row(at, row)
    this.samples.push(at, {
      estimate: row.network_bitrate_mbps ?? undefined,
      buffer: row.buffer_depth_s ?? undefined,
      bitrate: row.video_bitrate_mbps ?? undefined,
    })
    this.noteStall(row.last_event, at, row.last_stall_time_s ?? undefined)
  }

  private noteStall(event: string | undefined, at: number, lastedS: number | undefined): void {
    if (event === 'stall_start') {
      this.stall = { id: `stall-${at}`, at }
      this.marks.push({ ...this.stall, kind: 'stall', until: at, text: 'Playback stalled' })
    } else if (event === 'stall_end') {
      const lasted = lastedS === undefined ? '' : ` for ${lastedS.toFixed(2)} s`
      const start = this.stall ?? { id: `stall-${at}`, at: at - (lastedS ?? 0) * 1_000 }
      this.marks.push({ ...start, kind: 'stall', until: at, text: `Playback stalled${lasted}` })
      this.stall = undefined
    }
  }

  /** Forgets what was shown, to be told again. Nobody tells the seconds of the link again. */
  clear(): void {
    for (const store of [this.samples, this.marks, this.requests]) store.clear()
    this.stall = this.strike = undefined
    this.presentations.value = []
    this.names.value = { player_name: '', label: '' }
  }

  /** Begins anew, for another player. */
  reset(): void {
    this.clear()
    this.link.reset()
  }
}
