-- What a player calls itself, what is known of a request and was changed or missed by the rig itself, and two counts of a link.

ALTER TABLE session_events
    ADD COLUMN IF NOT EXISTS `player_name` LowCardinality(String) COMMENT 'What the player calls itself in player_id. Empty where that is the id; the label name of the player wins where one is shown.' CODEC(ZSTD(1)) AFTER `player_id`,
    ADD COLUMN IF NOT EXISTS `shaper_packets` Nullable(UInt64) COMMENT 'Packets to the player in the second.' CODEC(ZSTD(1)) AFTER `shaper_backlog_max_bytes`,
    ADD COLUMN IF NOT EXISTS `client_connections` Nullable(UInt32) COMMENT 'Open connections of the session at the end of the second; absent without a session.' CODEC(ZSTD(1)) AFTER `client_rto_ms`;

ALTER TABLE network_requests
    ADD COLUMN IF NOT EXISTS `player_name` LowCardinality(String) COMMENT 'What the player calls itself in player_id. Empty where that is the id; the label name of the player wins where one is shown.' CODEC(ZSTD(1)) AFTER `player_id`,
    ADD COLUMN IF NOT EXISTS `request_known` LowCardinality(String) COMMENT 'How that is known: declared by a playlist or guessed. Empty in rows from before it was recorded.' CODEC(ZSTD(1)) AFTER `request_kind`,
    ADD COLUMN IF NOT EXISTS `presentation` LowCardinality(String) COMMENT 'Path of the master playlist or MPD of the presentation it belongs to. Empty when it belongs to none.' CODEC(ZSTD(1)) AFTER `request_known`,
    ADD COLUMN IF NOT EXISTS `presentation_role` LowCardinality(String) COMMENT 'What that presentation is to the player: primary, interstitial or other. Empty when it belongs to none.' CODEC(ZSTD(1)) AFTER `presentation`,
    ADD COLUMN IF NOT EXISTS `remarks` Array(LowCardinality(String)) COMMENT 'What the rig changed by itself or did not see: urls_rewritten, condition_removed, playlist_unread and the like.' CODEC(ZSTD(1)) AFTER `edits_unmet`,
    ADD COLUMN IF NOT EXISTS `playlist_unread` String COMMENT 'Why a body that looks like a playlist was not read. Empty when there was none, or it was read.' CODEC(ZSTD(1)) AFTER `remarks`,
    ADD INDEX IF NOT EXISTS idx_remarks remarks TYPE bloom_filter(0.01) GRANULARITY 4;

ALTER TABLE control_events
    ADD COLUMN IF NOT EXISTS `player_name` LowCardinality(String) COMMENT 'What the player calls itself in player_id. Empty where that is the id; the label name of the player wins where one is shown.' CODEC(ZSTD(1)) AFTER `player_id`;
