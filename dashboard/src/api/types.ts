// The shapes of both APIs, written as openapi-typescript writes them, so that generated files can take this one's place.
//
// Invariant: a field here is a field of the API, with its spelling. Only `schema.ts` imports this file.

export interface components {
  schemas: {
    Info: {
      version: string
      api_versions: string[]
      listen: components['schemas']['ListenView']
      origins: components['schemas']['OriginView'][]
      shaper: components['schemas']['Capability']
      archive: components['schemas']['PartView']
      knobs: components['schemas']['KnobView'][]
      faults: components['schemas']['FaultFact'][]
    }
    ListenView: {
      api_port: number
      base_port: number
      first_session_port: number
      last_session_port: number
    }
    OriginView: { name: string; url: string; default: boolean; playlists: string[] }
    Capability: { backend: components['schemas']['LinkBackend']; reason: string }
    PartView: { name: string; ready: boolean; reason: string }
    KnobView: { name: string; unit: string; doc: string; min: number; max: number }
    FaultFact: { type: string; category: components['schemas']['FaultCategory']; doc: string }
    FaultCategory: 'http' | 'socket' | 'corruption' | 'client_disconnect'
    LinkBackend: 'kernel' | 'pacing' | 'off'

    PlayerRecord: {
      id: string
      display_id: number
      control_revision: string
      labels: Record<string, string>
      fault_rules: components['schemas']['Rule'][]
      shape: components['schemas']['Shape']
      rule_counters: Record<string, components['schemas']['RuleCounters']>
      link?: components['schemas']['LinkView']
      session?: components['schemas']['SessionView']
      current_play?: components['schemas']['CurrentPlay']
      ladder: components['schemas']['Variant'][]
      player_metrics?: components['schemas']['PlayerMetrics']
      first_seen_at: string
      last_seen_at: string
    }
    PlayerCreate: {
      player_id: string
      labels?: Record<string, string>
      fault_rules?: components['schemas']['Rule'][]
      shape?: components['schemas']['Shape']
    }
    Shape: { rate_mbps?: number | null }
    RuleCounters: { matched: number; fired: number; exhausted: boolean }
    LinkView: { backend: components['schemas']['LinkBackend']; rate_mbps?: number | null; in_sync: boolean }
    SessionView: {
      id: number | string
      port: number
      origin: string
      started_at: string
      player_ip: string
      user_agent: string
      requests: number
      faults: number
      bytes_out: number
      active_requests: number
    }
    CurrentPlay: { id: string; attempt_id: number; started_at: string }
    Variant: {
      rung: number
      bandwidth: number
      average_bandwidth?: number | null
      resolution?: string | null
      codecs?: string | null
      uri: string
    }

    Rule: {
      id?: string
      type: string
      frequency?: number
      consecutive?: number
      mode?: components['schemas']['Mode']
      filter?: components['schemas']['Filter'] | null
    }
    Mode: 'requests' | 'seconds' | 'failures_per_seconds'
    Filter: {
      request_kind?: components['schemas']['RequestKind'][]
      variant?: components['schemas']['VariantPredicate'] | null
      url_match?: components['schemas']['UrlMatch'] | null
    }
    VariantPredicate: {
      rung_indexes?: number[]
      rung_positions?: ('top' | 'second_from_top' | 'bottom' | 'second_from_bottom')[]
      resolutions?: string[]
      bandwidth_above?: number | null
      bandwidth_below?: number | null
      codec_prefix?: string | null
    }
    UrlMatch: { mode: 'exact' | 'basename' | 'substring' | 'regex'; patterns: string[] }
    RequestKind:
      | 'master_manifest'
      | 'manifest'
      | 'segment'
      | 'partial'
      | 'init'
      | 'audio_manifest'
      | 'audio_segment'
      | 'subtitle_manifest'
      | 'subtitle_segment'
      | 'key'
      | 'other'

    PlayerMetrics: {
      event_time?: string
      last_event?: string
      trigger_type?: string
      state?: string
      waiting_reason?: string
      source?: string
      playback_engine?: string
      browser_family?: string
      error?: string
      restart_reason?: string
      video_resolution?: string
      display_resolution?: string
      video_bitrate_mbps?: number
      video_quality_pct?: number
      network_bitrate_mbps?: number
      avg_network_bitrate_mbps?: number
      buffer_depth_s?: number
      buffer_end_s?: number
      seekable_end_s?: number
      live_edge_s?: number
      live_offset_s?: number
      true_offset_s?: number
      position_s?: number
      playback_rate?: number
      first_frame_time_s?: number
      video_start_time_s?: number
      stalls?: number
      stall_time_s?: number
      last_stall_time_s?: number
      last_buffering_time_s?: number
      frames_displayed?: number
      dropped_frames?: number
      player_restarts?: number
      loop_count_player?: number
      profile_shift_count?: number
      playhead_wallclock_ms?: number
    } & { [key: string]: string | number | boolean | null | undefined }

    Problem: {
      type: string
      title: string
      status: number
      detail: string
      pointer?: string
      parameter?: string
      current_revision?: string
      conflicts?: string[]
    }

    PlayerDeleted: { player_id: string }
    RuleFired: {
      player_id: string
      rule_id: string
      type: string
      request_kind: components['schemas']['RequestKind']
      ts: string
    }

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
      request_kind: components['schemas']['RequestKind']
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
