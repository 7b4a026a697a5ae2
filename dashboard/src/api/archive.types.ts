// The shapes of the archive's API, written as openapi-typescript writes them, so that `archive.gen.ts` can take this
// file's place once the document of the archive resolves.
//
// Invariant: a field here is a column or field of the API, with its spelling. Only `schema.ts` imports this file.

export interface components {
  schemas: {
    Severity: 'info' | 'warning' | 'error' | 'critical'
    LabelView: {
      label: string
      severity: components['schemas']['Severity']
      event: string
      doc: string
      varies: boolean
    }
    RowHead: {
      ts: string
      id: string
      source?: string
      player_id?: string
      play_id?: string
      attempt_id?: number
      session_id?: string
      labels?: string[]
    }
    EventRow: components['schemas']['RowHead'] & {
      last_event?: string
      player_state?: string
      effective_rate_limit_mbps?: number | null
      delivered_mbps?: number | null
      buffer_depth_s?: number | null
      video_bitrate_mbps?: number | null
      network_bitrate_mbps?: number | null
      last_stall_time_s?: number | null
    }
    NetworkRow: components['schemas']['RowHead'] & {
      started_at?: string
      method: string
      url: string
      path: string
      request_kind: string
      variant_rung?: number | null
      variant_bandwidth?: number | string | null
      variant_resolution?: string
      upstream_url?: string
      origin_status?: number | null
      status: number
      content_type?: string
      bytes_out: number | string
      complete?: boolean
      ttfb_ms?: number | null
      client_wait_ms?: number | null
      transfer_ms?: number | null
      total_ms?: number | null
      delivered_mbps?: number | null
      faulted?: boolean | number
      cause?: string
      rule_id?: string
      fault_type?: string
      fault_action?: string
      fault_category?: string
      effective_rate_limit_mbps?: number | null
      client_rtt_ms?: number | null
    }
    ControlRow: components['schemas']['RowHead'] & {
      actor?: string
      event: string
      info?: string | Record<string, unknown>
    }
  }
}
