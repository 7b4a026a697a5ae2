-- What the link of a session did in the second before a report.

ALTER TABLE session_events COMMENT COLUMN IF EXISTS `client_rtt_ms` 'Smoothed round trip, mean over the last second and the session''s connections that moved, ms.';

ALTER TABLE session_events
    ADD COLUMN IF NOT EXISTS `mbps_shaper_rate` Nullable(Float32) COMMENT 'Wire rate to the player while something waited in its class, 10^6 bit/s; absent when nothing did.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `mbps_shaper_avg` Nullable(Float32) COMMENT 'Mean of mbps_shaper_rate over the last 6 s, 10^6 bit/s.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `wire_down_mbps` Nullable(Float32) COMMENT 'Wire rate to the player, mean of the second, 10^6 bit/s; absent where the kernel has no class.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `wire_down_min_mbps` Nullable(Float32) COMMENT 'Wire rate to the player, slowest tenth of the second, 10^6 bit/s.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `wire_down_max_mbps` Nullable(Float32) COMMENT 'Wire rate to the player, fastest tenth of the second, 10^6 bit/s.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `wire_up_mbps` Nullable(Float32) COMMENT 'Wire rate from the player, mean of the second, 10^6 bit/s; absent where the kernel has no class.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `shaper_backlog_bytes` Nullable(Float32) COMMENT 'Bytes that waited to go to the player, mean of the second.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `shaper_backlog_max_bytes` Nullable(Float32) COMMENT 'Bytes that waited to go to the player, most of the second.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `shaper_drops` Nullable(UInt64) COMMENT 'Packets to the player that found the queue full in the second.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `client_rtt_min_ms` Nullable(Float32) COMMENT 'Smallest smoothed round trip of the second, ms.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `client_rtt_max_ms` Nullable(Float32) COMMENT 'Largest smoothed round trip of the second, ms.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `client_rtt_stale` Nullable(Bool) COMMENT 'Whether nothing was acknowledged in the second, so that the round trips are those of an earlier one.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `client_rtt_var_ms` Nullable(Float32) COMMENT 'Mean deviation of the round trip on the busiest connection, ms.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `client_rtt_min_lifetime_ms` Nullable(Float32) COMMENT 'Smallest round trip the kernel knows of any open connection, ms.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `client_rto_ms` Nullable(Float32) COMMENT 'Largest retransmission timeout of any open connection, ms.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `client_retransmits` Nullable(UInt64) COMMENT 'Segments sent again in the second.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `client_cwnd` Nullable(UInt32) COMMENT 'Congestion window of the busiest connection, segments.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `delivery_rate_mbps` Nullable(Float32) COMMENT 'The kernel''s delivery rate estimate on the busiest connection, 10^6 bit/s.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `delivery_app_limited` Nullable(Bool) COMMENT 'Whether that estimate was limited by the rig having nothing to send.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `client_path_ping_rtt_ms` Nullable(Float32) COMMENT 'Round trip of an ICMP echo to the player, ms; absent when the last one got no answer.' CODEC(ZSTD(1));
