-- The schema of the archive, rendered from the declarations in src/. Not applied: see migrations/.

CREATE TABLE IF NOT EXISTS session_events
(
    `ts` DateTime64(3, 'UTC') COMMENT 'The rig''s clock: when an exchange ended, a report came, an action was taken.' CODEC(DoubleDelta, ZSTD(1)),
    `id` UInt64 COMMENT 'Position in the feed of its source; unique and growing.' CODEC(Delta, ZSTD(1)),
    `source` LowCardinality(String) COMMENT 'Which proxy saw it.' CODEC(ZSTD(1)),
    `player_id` LowCardinality(String) COMMENT 'The player, canonical: a lower-case UUID. Empty when it concerns no player.' CODEC(ZSTD(1)),
    `play_id` LowCardinality(String) COMMENT 'The play, as the client named it, UUIDs in lower case. Empty when the client named none.' CODEC(ZSTD(1)),
    `attempt_id` UInt32 COMMENT 'The try within the play: 1 on a new play, one more per restart, 0 when unknown.' CODEC(ZSTD(1)),
    `session_id` String COMMENT 'The session of the rig, never reused. Empty when the player had none.' CODEC(ZSTD(1)),
    `labels` Array(LowCardinality(String)) COMMENT 'Labels, <severity>=<event>, with * before an event the rig worked out itself.' CODEC(ZSTD(1)),
    `classification` LowCardinality(String) DEFAULT 'other' COMMENT 'How long the row is kept: other, interesting or favourite.' CODEC(ZSTD(1)),
    `event_time` Nullable(DateTime64(3, 'UTC')) COMMENT 'The device''s clock when the report was made; never used to order.' CODEC(DoubleDelta, ZSTD(1)),
    `last_event` LowCardinality(String) COMMENT 'What prompted the report: heartbeat, stall_start, rate_shift_down and the like.' CODEC(ZSTD(1)),
    `trigger_type` LowCardinality(String) COMMENT 'What prompted the event.' CODEC(ZSTD(1)),
    `player_state` LowCardinality(String) COMMENT 'idle, playing, paused, buffering, stalled, ended or error.' CODEC(ZSTD(1)),
    `waiting_reason` LowCardinality(String) COMMENT 'Why it waits, in the platform''s words.' CODEC(ZSTD(1)),
    `player_error` String COMMENT 'The last error, in the player''s words.' CODEC(ZSTD(1)),
    `restart_reason` LowCardinality(String) COMMENT 'Why playback was restarted: reload, auto_recovery and the like.' CODEC(ZSTD(1)),
    `metrics_source` LowCardinality(String) COMMENT 'Which kind of client reports: web, ios, android, roku, cmcd.' CODEC(ZSTD(1)),
    `playback_engine` LowCardinality(String) COMMENT 'hls.js, shaka, dash.js, native and the like.' CODEC(ZSTD(1)),
    `browser_family` LowCardinality(String) COMMENT 'Family of the browser.' CODEC(ZSTD(1)),
    `extras` Map(LowCardinality(String), String) COMMENT 'Numbers and texts the player sent beyond the columns.' CODEC(ZSTD(1)),
    `video_resolution` LowCardinality(String) COMMENT 'Resolution of the video, WxH.' CODEC(ZSTD(1)),
    `display_resolution` LowCardinality(String) COMMENT 'Size of the picture on the screen, WxH.' CODEC(ZSTD(1)),
    `video_bitrate_mbps` Nullable(Float32) COMMENT 'Bitrate of the rendition on screen, 10^6 bit/s.' CODEC(ZSTD(1)),
    `video_quality_pct` Nullable(Float32) COMMENT 'Place of that rendition in the ladder, percent of the top bandwidth.' CODEC(ZSTD(1)),
    `network_bitrate_mbps` Nullable(Float32) COMMENT 'The player''s estimate of the network, 10^6 bit/s.' CODEC(ZSTD(1)),
    `avg_network_bitrate_mbps` Nullable(Float32) COMMENT 'The same, averaged by the player, 10^6 bit/s.' CODEC(ZSTD(1)),
    `frames_displayed` Nullable(UInt64) COMMENT 'Frames shown so far in this play.' CODEC(ZSTD(1)),
    `dropped_frames` Nullable(UInt64) COMMENT 'Frames dropped so far in this play.' CODEC(ZSTD(1)),
    `profile_shift_count` Nullable(UInt32) COMMENT 'Changes of rendition so far in this play.' CODEC(ZSTD(1)),
    `position_s` Nullable(Float64) COMMENT 'The playhead, s on the media timeline.' CODEC(ZSTD(1)),
    `playhead_wallclock_ms` Nullable(Int64) COMMENT 'Programme date and time at the playhead, ms since 1970.' CODEC(ZSTD(1)),
    `playback_rate` Nullable(Float32) COMMENT '1.0 is normal speed.' CODEC(ZSTD(1)),
    `buffer_depth_s` Nullable(Float32) COMMENT 'Contiguous buffer ahead of the playhead, s.' CODEC(ZSTD(1)),
    `buffer_end_s` Nullable(Float64) COMMENT 'End of that buffer, s on the media timeline.' CODEC(ZSTD(1)),
    `seekable_end_s` Nullable(Float64) COMMENT 'End of the seekable range, s on the media timeline.' CODEC(ZSTD(1)),
    `live_edge_s` Nullable(Float64) COMMENT 'The live edge as the player knows it, s on the media timeline.' CODEC(ZSTD(1)),
    `live_offset_s` Nullable(Float32) COMMENT 'Distance from the live edge, s.' CODEC(ZSTD(1)),
    `true_offset_s` Nullable(Float32) COMMENT 'Distance from now by wall clock, s.' CODEC(ZSTD(1)),
    `loop_count_player` Nullable(UInt32) COMMENT 'Times the content looped, as the player counts.' CODEC(ZSTD(1)),
    `video_first_frame_time_s` Nullable(Float32) COMMENT 'From the request to play to the first frame, s.' CODEC(ZSTD(1)),
    `video_start_time_s` Nullable(Float32) COMMENT 'From the request to play to moving pictures, s.' CODEC(ZSTD(1)),
    `stall_count` Nullable(UInt32) COMMENT 'Stalls so far in this play.' CODEC(ZSTD(1)),
    `stall_time_s` Nullable(Float32) COMMENT 'Time stalled so far in this play, s.' CODEC(ZSTD(1)),
    `last_stall_time_s` Nullable(Float32) COMMENT 'Length of the last stall, s.' CODEC(ZSTD(1)),
    `last_buffering_time_s` Nullable(Float32) COMMENT 'Length of the last buffering, s.' CODEC(ZSTD(1)),
    `player_restarts` Nullable(UInt32) COMMENT 'Restarts so far.' CODEC(ZSTD(1)),
    `effective_rate_limit_mbps` Float32 COMMENT 'The cap the shaper enforces, 10^6 bit/s; 0 is uncapped.' CODEC(ZSTD(1)),
    `delivered_mbps` Nullable(Float32) COMMENT 'Acknowledged bytes of the session over the last second, 10^6 bit/s.' CODEC(ZSTD(1)),
    `server_video_rendition_mbps` Nullable(Float32) COMMENT 'Bandwidth of the variant of the last video segment, 10^6 bit/s.' CODEC(ZSTD(1)),
    `client_rtt_ms` Nullable(Float32) COMMENT 'Smoothed round trip, mean over the last second and the session''s connections that moved, ms.' CODEC(ZSTD(1)),
    `bytes_out_total` UInt64 COMMENT 'Body bytes sent to the player in this session.' CODEC(ZSTD(1)),
    `requests_total` UInt64 COMMENT 'Requests of this session.' CODEC(ZSTD(1)),
    `fault_count_total` UInt64 COMMENT 'Requests of this session on which a rule fired.' CODEC(ZSTD(1)),
    `player_ip` LowCardinality(String) COMMENT 'The player''s address.' CODEC(ZSTD(1)),
    `user_agent` LowCardinality(String) COMMENT 'The User-Agent of the last request.' CODEC(ZSTD(1)),
    `master_manifest_url` String COMMENT 'The master playlist, path only.' CODEC(ZSTD(1)),
    `mbps_shaper_rate` Nullable(Float32) COMMENT 'Wire rate to the player while something waited in its class, 10^6 bit/s; absent when nothing did.' CODEC(ZSTD(1)),
    `mbps_shaper_avg` Nullable(Float32) COMMENT 'Mean of mbps_shaper_rate over the last 6 s, 10^6 bit/s.' CODEC(ZSTD(1)),
    `wire_down_mbps` Nullable(Float32) COMMENT 'Wire rate to the player, mean of the second, 10^6 bit/s; absent where the kernel has no class.' CODEC(ZSTD(1)),
    `wire_down_min_mbps` Nullable(Float32) COMMENT 'Wire rate to the player, slowest tenth of the second, 10^6 bit/s.' CODEC(ZSTD(1)),
    `wire_down_max_mbps` Nullable(Float32) COMMENT 'Wire rate to the player, fastest tenth of the second, 10^6 bit/s.' CODEC(ZSTD(1)),
    `wire_up_mbps` Nullable(Float32) COMMENT 'Wire rate from the player, mean of the second, 10^6 bit/s; absent where the kernel has no class.' CODEC(ZSTD(1)),
    `shaper_backlog_bytes` Nullable(Float32) COMMENT 'Bytes that waited to go to the player, mean of the second.' CODEC(ZSTD(1)),
    `shaper_backlog_max_bytes` Nullable(Float32) COMMENT 'Bytes that waited to go to the player, most of the second.' CODEC(ZSTD(1)),
    `shaper_drops` Nullable(UInt64) COMMENT 'Packets to the player that found the queue full in the second.' CODEC(ZSTD(1)),
    `client_rtt_min_ms` Nullable(Float32) COMMENT 'Smallest smoothed round trip of the second, ms.' CODEC(ZSTD(1)),
    `client_rtt_max_ms` Nullable(Float32) COMMENT 'Largest smoothed round trip of the second, ms.' CODEC(ZSTD(1)),
    `client_rtt_stale` Nullable(Bool) COMMENT 'Whether nothing was acknowledged in the second, so that the round trips are those of an earlier one.' CODEC(ZSTD(1)),
    `client_rtt_var_ms` Nullable(Float32) COMMENT 'Mean deviation of the round trip on the busiest connection, ms.' CODEC(ZSTD(1)),
    `client_rtt_min_lifetime_ms` Nullable(Float32) COMMENT 'Smallest round trip the kernel knows of any open connection, ms.' CODEC(ZSTD(1)),
    `client_rto_ms` Nullable(Float32) COMMENT 'Largest retransmission timeout of any open connection, ms.' CODEC(ZSTD(1)),
    `client_retransmits` Nullable(UInt64) COMMENT 'Segments sent again in the second.' CODEC(ZSTD(1)),
    `client_cwnd` Nullable(UInt32) COMMENT 'Congestion window of the busiest connection, segments.' CODEC(ZSTD(1)),
    `delivery_rate_mbps` Nullable(Float32) COMMENT 'The kernel''s delivery rate estimate on the busiest connection, 10^6 bit/s.' CODEC(ZSTD(1)),
    `delivery_app_limited` Nullable(Bool) COMMENT 'Whether that estimate was limited by the rig having nothing to send.' CODEC(ZSTD(1)),
    `client_path_ping_rtt_ms` Nullable(Float32) COMMENT 'Round trip of an ICMP echo to the player, ms; absent when the last one got no answer.' CODEC(ZSTD(1)),
    INDEX idx_id id TYPE minmax GRANULARITY 1,
    INDEX idx_play_id play_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX idx_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX idx_labels labels TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (player_id, ts, id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'One report of a player, with what the rig knew at that moment.';

CREATE TABLE IF NOT EXISTS network_requests
(
    `ts` DateTime64(3, 'UTC') COMMENT 'The rig''s clock: when an exchange ended, a report came, an action was taken.' CODEC(DoubleDelta, ZSTD(1)),
    `id` UInt64 COMMENT 'Position in the feed of its source; unique and growing.' CODEC(Delta, ZSTD(1)),
    `source` LowCardinality(String) COMMENT 'Which proxy saw it.' CODEC(ZSTD(1)),
    `player_id` LowCardinality(String) COMMENT 'The player, canonical: a lower-case UUID. Empty when it concerns no player.' CODEC(ZSTD(1)),
    `play_id` LowCardinality(String) COMMENT 'The play, as the client named it, UUIDs in lower case. Empty when the client named none.' CODEC(ZSTD(1)),
    `attempt_id` UInt32 COMMENT 'The try within the play: 1 on a new play, one more per restart, 0 when unknown.' CODEC(ZSTD(1)),
    `session_id` String COMMENT 'The session of the rig, never reused. Empty when the player had none.' CODEC(ZSTD(1)),
    `labels` Array(LowCardinality(String)) COMMENT 'Labels, <severity>=<event>, with * before an event the rig worked out itself.' CODEC(ZSTD(1)),
    `classification` LowCardinality(String) DEFAULT 'other' COMMENT 'How long the row is kept: other, interesting or favourite.' CODEC(ZSTD(1)),
    `started_at` DateTime64(3, 'UTC') COMMENT 'The rig''s clock when the request''s head had arrived.' CODEC(DoubleDelta, ZSTD(1)),
    `method` LowCardinality(String) COMMENT 'The method.' CODEC(ZSTD(1)),
    `http_version` LowCardinality(String) COMMENT 'HTTP/1.1 and the like, as the client spoke it.' CODEC(ZSTD(1)),
    `url` String COMMENT 'Path and query as the client sent them, credentials redacted.' CODEC(ZSTD(1)),
    `path` String COMMENT 'The path alone.' CODEC(ZSTD(1)),
    `request_kind` LowCardinality(String) COMMENT 'master_manifest, manifest, segment, partial, init, audio_manifest, audio_segment, key, other and the like.' CODEC(ZSTD(1)),
    `variant_rung` Nullable(UInt32) COMMENT 'Place of the variant in the ladder, 0 is the lowest bandwidth.' CODEC(ZSTD(1)),
    `variant_bandwidth` Nullable(UInt64) COMMENT 'Declared peak bandwidth of the variant, bit/s.' CODEC(ZSTD(1)),
    `variant_resolution` LowCardinality(String) COMMENT 'Declared resolution of the variant, WxH.' CODEC(ZSTD(1)),
    `request_range` String COMMENT 'The Range the client asked for.' CODEC(ZSTD(1)),
    `request_headers` Array(Tuple(name LowCardinality(String), value String)) COMMENT 'The request''s headers, credentials redacted.' CODEC(ZSTD(3)),
    `bytes_in` UInt64 COMMENT 'Bytes of the request''s body.' CODEC(ZSTD(1)),
    `cmcd` String COMMENT 'What the player said of itself with the request, CMCD keys as a JSON object. Empty when it said nothing.' CODEC(ZSTD(1)),
    `origin` LowCardinality(String) COMMENT 'The configured name of the origin. Empty when it was not asked or did not answer.' CODEC(ZSTD(1)),
    `upstream_url` String COMMENT 'The absolute URL that was asked, credentials redacted.' CODEC(ZSTD(1)),
    `origin_status` Nullable(UInt16) COMMENT 'The origin''s status.' CODEC(ZSTD(1)),
    `origin_headers` Array(Tuple(name LowCardinality(String), value String)) COMMENT 'The origin''s headers, credentials redacted.' CODEC(ZSTD(3)),
    `origin_bytes` Nullable(UInt64) COMMENT 'Bytes of body that came from the origin.' CODEC(ZSTD(1)),
    `origin_reused` Nullable(Bool) COMMENT 'Whether a pooled connection to the origin was used.' CODEC(ZSTD(1)),
    `dns_ms` Nullable(Float32) COMMENT 'Name resolution, ms; absent on a reused connection.' CODEC(ZSTD(1)),
    `connect_ms` Nullable(Float32) COMMENT 'TCP connect to the origin, ms; absent on a reused connection.' CODEC(ZSTD(1)),
    `ttfb_ms` Nullable(Float32) COMMENT 'From asking the origin to its status line, ms.' CODEC(ZSTD(1)),
    `status` UInt16 COMMENT 'The status that was sent; 0 when none was.' CODEC(ZSTD(1)),
    `content_type` LowCardinality(String) COMMENT 'The Content-Type that was sent.' CODEC(ZSTD(1)),
    `response_content_range` String COMMENT 'The Content-Range that was sent.' CODEC(ZSTD(1)),
    `response_headers` Array(Tuple(name LowCardinality(String), value String)) COMMENT 'The headers that were sent, credentials redacted.' CODEC(ZSTD(3)),
    `bytes_out` UInt64 COMMENT 'Bytes of body handed to the connection.' CODEC(ZSTD(1)),
    `complete` Bool COMMENT 'Whether the whole answer was sent.' CODEC(ZSTD(1)),
    `edited_places` Nullable(UInt64) COMMENT 'Places of the playlist that were edited as the player''s content asks; absent when nothing was asked.' CODEC(ZSTD(1)),
    `edits_unmet` Array(LowCardinality(String)) COMMENT 'Fields of the player''s content that could not be met, * for all of them.' CODEC(ZSTD(1)),
    `client_wait_ms` Float32 COMMENT 'From the request''s head to the first byte of the answer, ms.' CODEC(ZSTD(1)),
    `transfer_ms` Float32 COMMENT 'From the first byte of the answer to the last handed to the connection, ms.' CODEC(ZSTD(1)),
    `total_ms` Float32 COMMENT 'From the request''s head to the last byte acknowledged, or sent where that cannot be known, ms.' CODEC(ZSTD(1)),
    `delivered_mbps` Nullable(Float32) COMMENT 'How fast the body was acknowledged, 10^6 bit/s; absent when nothing can be said.' CODEC(ZSTD(1)),
    `faulted` Bool COMMENT 'Whether a fault was injected or observed.' CODEC(ZSTD(1)),
    `cause` LowCardinality(String) COMMENT 'Why it did not go as the client wanted: injected, origin, client or rig. Empty when it did.' CODEC(ZSTD(1)),
    `rule_id` LowCardinality(String) COMMENT 'The rule that fired. Empty when nothing was injected.' CODEC(ZSTD(1)),
    `fault_type` LowCardinality(String) COMMENT 'The fault: a rule''s type, or client_disconnect, origin_truncated.' CODEC(ZSTD(1)),
    `fault_action` LowCardinality(String) COMMENT 'What was done; differs from the fault''s usual action when it could not be performed as named.' CODEC(ZSTD(1)),
    `fault_category` LowCardinality(String) COMMENT 'Where it struck: http, socket, corruption, client_disconnect.' CODEC(ZSTD(1)),
    `fault_held_ms` Nullable(Float32) COMMENT 'How long the fault was silent on purpose, ms; absent when it was not.' CODEC(ZSTD(1)),
    `connection` UInt64 COMMENT 'Which connection of the session, counted from 1.' CODEC(ZSTD(1)),
    `earlier_exchanges` UInt64 COMMENT 'How many exchanges that connection had carried before.' CODEC(ZSTD(1)),
    `effective_rate_limit_mbps` Float32 COMMENT 'The cap in force when the request came, 10^6 bit/s; 0 is uncapped.' CODEC(ZSTD(1)),
    `client_rtt_ms` Nullable(Float32) COMMENT 'Smoothed round trip at the end, ms.' CODEC(ZSTD(1)),
    `client_rtt_min_lifetime_ms` Nullable(Float32) COMMENT 'Smallest round trip of the connection, ms.' CODEC(ZSTD(1)),
    `client_rto_ms` Nullable(Float32) COMMENT 'Retransmission timeout at the end, ms.' CODEC(ZSTD(1)),
    `retransmits` Nullable(UInt64) COMMENT 'Segments sent again during the exchange.' CODEC(ZSTD(1)),
    `cwnd` Nullable(UInt32) COMMENT 'Congestion window at the end, segments.' CODEC(ZSTD(1)),
    `delivery_rate_mbps` Nullable(Float32) COMMENT 'The kernel''s delivery rate estimate at the end, 10^6 bit/s.' CODEC(ZSTD(1)),
    `app_limited` Nullable(Bool) COMMENT 'Whether that estimate was limited by the rig having nothing to send.' CODEC(ZSTD(1)),
    `tls` Bool COMMENT 'Whether the connection was encrypted.' CODEC(ZSTD(1)),
    `link_held_ms` Nullable(Float32) COMMENT 'How long the answer was held back because the link''s delay had to be done on answers, ms; absent when it was not.' CODEC(ZSTD(1)),
    INDEX idx_id id TYPE minmax GRANULARITY 1,
    INDEX idx_play_id play_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX idx_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX idx_labels labels TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX idx_status status TYPE minmax GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (player_id, ts, id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'One request and its answer, as the rig saw both sides.';

CREATE TABLE IF NOT EXISTS control_events
(
    `ts` DateTime64(3, 'UTC') COMMENT 'The rig''s clock: when an exchange ended, a report came, an action was taken.' CODEC(DoubleDelta, ZSTD(1)),
    `id` UInt64 COMMENT 'Position in the feed of its source; unique and growing.' CODEC(Delta, ZSTD(1)),
    `source` LowCardinality(String) COMMENT 'Which proxy saw it.' CODEC(ZSTD(1)),
    `player_id` LowCardinality(String) COMMENT 'The player, canonical: a lower-case UUID. Empty when it concerns no player.' CODEC(ZSTD(1)),
    `play_id` LowCardinality(String) COMMENT 'The play, as the client named it, UUIDs in lower case. Empty when the client named none.' CODEC(ZSTD(1)),
    `attempt_id` UInt32 COMMENT 'The try within the play: 1 on a new play, one more per restart, 0 when unknown.' CODEC(ZSTD(1)),
    `session_id` String COMMENT 'The session of the rig, never reused. Empty when the player had none.' CODEC(ZSTD(1)),
    `labels` Array(LowCardinality(String)) COMMENT 'Labels, <severity>=<event>, with * before an event the rig worked out itself.' CODEC(ZSTD(1)),
    `classification` LowCardinality(String) DEFAULT 'other' COMMENT 'How long the row is kept: other, interesting or favourite.' CODEC(ZSTD(1)),
    `actor` LowCardinality(String) COMMENT 'Who acted: proxy is the rig by itself, harness an operator through the API.' CODEC(ZSTD(1)),
    `event` LowCardinality(String) COMMENT 'What was done: session_start, fault_rule_enabled, shaper_config_change and the like; feed_gap for lost records.' CODEC(ZSTD(1)),
    `info` String COMMENT 'What belongs to the event, JSON of a fixed shape per event.' CODEC(ZSTD(1)),
    INDEX idx_id id TYPE minmax GRANULARITY 1,
    INDEX idx_play_id play_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX idx_labels labels TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX idx_event event TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (player_id, ts, id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Something the rig or an operator did.';

CREATE TABLE IF NOT EXISTS feed_progress
(
    `source` LowCardinality(String) COMMENT 'Which proxy.' CODEC(ZSTD(1)),
    `position` UInt64 COMMENT 'Everything up to here is in the archive.' CODEC(Delta, ZSTD(1)),
    `written_at` DateTime64(3, 'UTC') COMMENT 'When that was found, on the clock of the forwarder.' CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(position)
ORDER BY source
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'How far each feed has been archived; the greatest position of a source counts.';
