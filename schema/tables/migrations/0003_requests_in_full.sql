-- What a player said with a request, what was edited of its playlists, and how long answers were held.

ALTER TABLE network_requests
    ADD COLUMN IF NOT EXISTS `cmcd` String COMMENT 'What the player said of itself with the request, CMCD keys as a JSON object. Empty when it said nothing.' CODEC(ZSTD(1)) AFTER `bytes_in`,
    ADD COLUMN IF NOT EXISTS `edited_places` Nullable(UInt64) COMMENT 'Places of the playlist that were edited as the player''s content asks; absent when nothing was asked.' CODEC(ZSTD(1)) AFTER `complete`,
    ADD COLUMN IF NOT EXISTS `edits_unmet` Array(LowCardinality(String)) COMMENT 'Fields of the player''s content that could not be met, * for all of them.' CODEC(ZSTD(1)) AFTER `edited_places`,
    ADD COLUMN IF NOT EXISTS `fault_held_ms` Nullable(Float32) COMMENT 'How long the fault was silent on purpose, ms; absent when it was not.' CODEC(ZSTD(1)) AFTER `fault_category`,
    ADD COLUMN IF NOT EXISTS `tls` Bool COMMENT 'Whether the connection was encrypted.' CODEC(ZSTD(1)) AFTER `app_limited`,
    ADD COLUMN IF NOT EXISTS `link_held_ms` Nullable(Float32) COMMENT 'How long the answer was held back because the link''s delay had to be done on answers, ms; absent when it was not.' CODEC(ZSTD(1)) AFTER `tls`;
