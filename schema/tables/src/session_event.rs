//! `session_events`: what a player said of itself, with what the rig knew at that moment.

use rebuffer_model::{Extra, Label, LinkMetrics, PlayerMetrics, RigMetrics, Sample, Timestamp};

use crate::declare::{columns, table};
use crate::head::{Head, Origin};
use crate::value::narrow;
use crate::{Event, Name};

columns! {
    /// Why the player spoke, and what state it is in.
    ReportColumns {
        /// The device's clock when the report was made; never used to order.
        event_time: Option<Timestamp>,
        /// What prompted the report: heartbeat, stall_start, rate_shift_down and the like.
        last_event: Name,
        /// What prompted the event.
        trigger_type: Name,
        /// idle, playing, paused, buffering, stalled, ended or error.
        player_state: Name,
        /// Why it waits, in the platform's words.
        waiting_reason: Name,
        /// The last error, in the player's words.
        player_error: String,
        /// Why playback was restarted: reload, auto_recovery and the like.
        restart_reason: Name,
        /// Which kind of client reports: web, ios, android, roku, cmcd.
        metrics_source: Name,
        /// hls.js, shaka, dash.js, native and the like.
        playback_engine: Name,
        /// Family of the browser.
        browser_family: Name,
        /// Numbers and texts the player sent beyond the columns.
        extras: Vec<(Name, String)>,
    }
}

columns! {
    /// What is on the screen, and what the player thinks of the network.
    PictureColumns {
        /// Resolution of the video, WxH.
        video_resolution: Name,
        /// Size of the picture on the screen, WxH.
        display_resolution: Name,
        /// Bitrate of the rendition on screen, 10^6 bit/s.
        video_bitrate_mbps: Option<f32>,
        /// Place of that rendition in the ladder, percent of the top bandwidth.
        video_quality_pct: Option<f32>,
        /// The player's estimate of the network, 10^6 bit/s.
        network_bitrate_mbps: Option<f32>,
        /// The same, averaged by the player, 10^6 bit/s.
        avg_network_bitrate_mbps: Option<f32>,
        /// Frames shown so far in this play.
        frames_displayed: Option<u64>,
        /// Frames dropped so far in this play.
        dropped_frames: Option<u64>,
        /// Changes of rendition so far in this play.
        profile_shift_count: Option<u32>,
    }
}

columns! {
    /// Where playback stands.
    PlaybackColumns {
        /// The playhead, s on the media timeline.
        position_s: Option<f64>,
        /// Programme date and time at the playhead, ms since 1970.
        playhead_wallclock_ms: Option<i64>,
        /// 1.0 is normal speed.
        playback_rate: Option<f32>,
        /// Contiguous buffer ahead of the playhead, s.
        buffer_depth_s: Option<f32>,
        /// End of that buffer, s on the media timeline.
        buffer_end_s: Option<f64>,
        /// End of the seekable range, s on the media timeline.
        seekable_end_s: Option<f64>,
        /// The live edge as the player knows it, s on the media timeline.
        live_edge_s: Option<f64>,
        /// Distance from the live edge, s.
        live_offset_s: Option<f32>,
        /// Distance from now by wall clock, s.
        true_offset_s: Option<f32>,
        /// Times the content looped, as the player counts.
        loop_count_player: Option<u32>,
    }
}

columns! {
    /// How long viewers waited.
    StallColumns {
        /// From the request to play to the first frame, s.
        video_first_frame_time_s: Option<f32>,
        /// From the request to play to moving pictures, s.
        video_start_time_s: Option<f32>,
        /// Stalls so far in this play.
        stall_count: Option<u32>,
        /// Time stalled so far in this play, s.
        stall_time_s: Option<f32>,
        /// Length of the last stall, s.
        last_stall_time_s: Option<f32>,
        /// Length of the last buffering, s.
        last_buffering_time_s: Option<f32>,
        /// Restarts so far.
        player_restarts: Option<u32>,
    }
}

columns! {
    /// What the rig knew of the session when the report came.
    RigColumns {
        /// The cap the shaper enforces, 10^6 bit/s; 0 is uncapped.
        effective_rate_limit_mbps: f32,
        /// Acknowledged bytes of the session over the last second, 10^6 bit/s.
        delivered_mbps: Option<f32>,
        /// Bandwidth of the variant of the last video segment, 10^6 bit/s.
        server_video_rendition_mbps: Option<f32>,
        /// Smoothed round trip, mean over the last second and the session's connections that moved, ms.
        client_rtt_ms: Option<f32>,
        /// Body bytes sent to the player in this session.
        bytes_out_total: u64,
        /// Requests of this session.
        requests_total: u64,
        /// Requests of this session on which a rule fired.
        fault_count_total: u64,
        /// The player's address.
        player_ip: Name,
        /// The User-Agent of the last request.
        user_agent: Name,
        /// The master playlist, path only.
        master_manifest_url: String,
    }
}

columns! {
    /// What the session's link did over the last second before the report.
    LinkColumns {
        /// Wire rate to the player while something waited in its class, 10^6 bit/s; absent when nothing did.
        mbps_shaper_rate: Option<f32>,
        /// Mean of mbps_shaper_rate over the last 6 s, 10^6 bit/s.
        mbps_shaper_avg: Option<f32>,
        /// Wire rate to the player, mean of the second, 10^6 bit/s; absent where the kernel has no class.
        wire_down_mbps: Option<f32>,
        /// Wire rate to the player, slowest tenth of the second, 10^6 bit/s.
        wire_down_min_mbps: Option<f32>,
        /// Wire rate to the player, fastest tenth of the second, 10^6 bit/s.
        wire_down_max_mbps: Option<f32>,
        /// Wire rate from the player, mean of the second, 10^6 bit/s; absent where the kernel has no class.
        wire_up_mbps: Option<f32>,
        /// Bytes that waited to go to the player, mean of the second.
        shaper_backlog_bytes: Option<f32>,
        /// Bytes that waited to go to the player, most of the second.
        shaper_backlog_max_bytes: Option<f32>,
        /// Packets to the player in the second.
        shaper_packets: Option<u64>,
        /// Packets to the player that found the queue full in the second.
        shaper_drops: Option<u64>,
        /// Smallest smoothed round trip of the second, ms.
        client_rtt_min_ms: Option<f32>,
        /// Largest smoothed round trip of the second, ms.
        client_rtt_max_ms: Option<f32>,
        /// Whether nothing was acknowledged in the second, so that the round trips are those of an earlier one.
        client_rtt_stale: Option<bool>,
        /// Mean deviation of the round trip on the busiest connection, ms.
        client_rtt_var_ms: Option<f32>,
        /// Smallest round trip the kernel knows of any open connection, ms.
        client_rtt_min_lifetime_ms: Option<f32>,
        /// Largest retransmission timeout of any open connection, ms.
        client_rto_ms: Option<f32>,
        /// Open connections of the session at the end of the second; absent without a session.
        client_connections: Option<u32>,
        /// Segments sent again in the second.
        client_retransmits: Option<u64>,
        /// Congestion window of the busiest connection, segments.
        client_cwnd: Option<u32>,
        /// The kernel's delivery rate estimate on the busiest connection, 10^6 bit/s.
        delivery_rate_mbps: Option<f32>,
        /// Whether that estimate was limited by the rig having nothing to send.
        delivery_app_limited: Option<bool>,
        /// Round trip of an ICMP echo to the player, ms; absent when the last one got no answer.
        client_path_ping_rtt_ms: Option<f32>,
    }
}

table! {
    /// One report of a player, with what the rig knew at that moment.
    SessionEvent is "session_events" {
        /// When, whose, from where.
        head: Head,
        /// Why the player spoke.
        report: ReportColumns,
        /// What is on the screen.
        picture: PictureColumns,
        /// Where playback stands.
        playback: PlaybackColumns,
        /// How long viewers waited.
        stalls: StallColumns,
        /// What the rig knew.
        rig: RigColumns,
        /// What the link did.
        link: LinkColumns,
    }
    engine "MergeTree",
    partition by "toYYYYMMDD(ts)",
    order by "(player_id, ts, id)",
    indexes [
        idx_id on id: "minmax GRANULARITY 1",
        idx_play_id on play_id: "bloom_filter(0.01) GRANULARITY 4",
        idx_session_id on session_id: "bloom_filter(0.01) GRANULARITY 4",
        idx_labels on labels: "bloom_filter(0.01) GRANULARITY 4",
    ]
}

impl SessionEvent {
    /// The row of a report.
    pub fn new(origin: Origin<'_>, sample: &Sample, labels: &[Label]) -> Self {
        Self {
            head: Head::new(origin, Some(&sample.who), labels),
            report: report(&sample.player),
            picture: picture(&sample.player),
            playback: playback(&sample.player),
            stalls: stalls(&sample.player),
            rig: rig(&sample.rig),
            link: link(sample.rig.link.as_ref()),
        }
    }
}

impl Event for SessionEvent {
    fn head(&self) -> &Head {
        &self.head
    }
}

fn report(said: &PlayerMetrics) -> ReportColumns {
    let name = |text: &Option<String>| Name(text.clone().unwrap_or_default());
    ReportColumns {
        event_time: said.event_time,
        last_event: name(&said.last_event),
        trigger_type: name(&said.trigger_type),
        player_state: name(&said.state),
        waiting_reason: name(&said.waiting_reason),
        player_error: said.error.clone().unwrap_or_default(),
        restart_reason: name(&said.restart_reason),
        metrics_source: name(&said.source),
        playback_engine: name(&said.playback_engine),
        browser_family: name(&said.browser_family),
        extras: said
            .extras
            .iter()
            .filter_map(|(key, value)| Some((Name(key.clone()), extra(value)?)))
            .collect(),
    }
}

fn extra(value: &Extra) -> Option<String> {
    match value {
        Extra::Number(number) => Some(number.to_string()),
        Extra::Text(text) => Some(text.clone()),
        Extra::Flag(flag) => Some(flag.to_string()),
        Extra::Nothing => None,
    }
}

fn picture(said: &PlayerMetrics) -> PictureColumns {
    PictureColumns {
        video_resolution: Name(said.video_resolution.clone().unwrap_or_default()),
        display_resolution: Name(said.display_resolution.clone().unwrap_or_default()),
        video_bitrate_mbps: said.video_bitrate_mbps.map(narrow),
        video_quality_pct: said.video_quality_pct.map(narrow),
        network_bitrate_mbps: said.network_bitrate_mbps.map(narrow),
        avg_network_bitrate_mbps: said.avg_network_bitrate_mbps.map(narrow),
        frames_displayed: said.frames_displayed,
        dropped_frames: said.dropped_frames,
        profile_shift_count: said.profile_shift_count,
    }
}

fn playback(said: &PlayerMetrics) -> PlaybackColumns {
    PlaybackColumns {
        position_s: said.position_s,
        playhead_wallclock_ms: said.playhead_wallclock_ms,
        playback_rate: said.playback_rate.map(narrow),
        buffer_depth_s: said.buffer_depth_s.map(narrow),
        buffer_end_s: said.buffer_end_s,
        seekable_end_s: said.seekable_end_s,
        live_edge_s: said.live_edge_s,
        live_offset_s: said.live_offset_s.map(narrow),
        true_offset_s: said.true_offset_s.map(narrow),
        loop_count_player: said.loop_count_player,
    }
}

fn stalls(said: &PlayerMetrics) -> StallColumns {
    StallColumns {
        video_first_frame_time_s: said.first_frame_time_s.map(narrow),
        video_start_time_s: said.video_start_time_s.map(narrow),
        stall_count: said.stalls,
        stall_time_s: said.stall_time_s.map(narrow),
        last_stall_time_s: said.last_stall_time_s.map(narrow),
        last_buffering_time_s: said.last_buffering_time_s.map(narrow),
        player_restarts: said.player_restarts,
    }
}

fn rig(knew: &RigMetrics) -> RigColumns {
    RigColumns {
        effective_rate_limit_mbps: narrow(knew.effective_rate_limit_mbps),
        delivered_mbps: knew.delivered_mbps.map(narrow),
        server_video_rendition_mbps: knew.rendition_mbps.map(narrow),
        client_rtt_ms: knew.client_rtt_ms.map(narrow),
        bytes_out_total: knew.bytes_out_total,
        requests_total: knew.requests_total,
        fault_count_total: knew.fault_count_total,
        player_ip: Name(knew.player_ip.clone()),
        user_agent: Name(knew.user_agent.clone()),
        master_manifest_url: knew.master_manifest_url.clone(),
    }
}

fn link(did: Option<&LinkMetrics>) -> LinkColumns {
    let connections = did.map(|did| did.tcp.connections);
    let nothing = LinkMetrics::default();
    let LinkMetrics { wire, tcp, path_ping_rtt_ms, .. } = did.unwrap_or(&nothing);
    LinkColumns {
        mbps_shaper_rate: wire.mbps_shaper_rate.map(narrow),
        mbps_shaper_avg: wire.mbps_shaper_avg.map(narrow),
        wire_down_mbps: wire.wire_down_mbps.map(|rate| narrow(rate.mean)),
        wire_down_min_mbps: wire.wire_down_mbps.map(|rate| narrow(rate.min)),
        wire_down_max_mbps: wire.wire_down_mbps.map(|rate| narrow(rate.max)),
        wire_up_mbps: wire.wire_up_mbps.map(|rate| narrow(rate.mean)),
        shaper_backlog_bytes: wire.shaper_backlog_bytes.map(|bytes| narrow(bytes.mean)),
        shaper_backlog_max_bytes: wire.shaper_backlog_bytes.map(|bytes| narrow(bytes.max)),
        shaper_packets: wire.shaper_packets,
        shaper_drops: wire.shaper_drops,
        client_rtt_min_ms: tcp.rtt_min_ms.map(narrow),
        client_rtt_max_ms: tcp.rtt_max_ms.map(narrow),
        client_rtt_stale: tcp.rtt_ms.map(|_| tcp.rtt_stale),
        client_rtt_var_ms: tcp.busiest.rtt_var_ms.map(narrow),
        client_rtt_min_lifetime_ms: tcp.rtt_min_lifetime_ms.map(narrow),
        client_rto_ms: tcp.rto_ms.map(narrow),
        client_connections: connections,
        client_retransmits: tcp.retransmits,
        client_cwnd: tcp.busiest.cwnd,
        delivery_rate_mbps: tcp.busiest.delivery_rate_mbps.map(narrow),
        delivery_app_limited: tcp.busiest.app_limited,
        client_path_ping_rtt_ms: path_ping_rtt_ms.map(narrow),
    }
}
