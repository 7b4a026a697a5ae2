//! Plays: which there were in a window, and a summary of each over all of its rows.
//!
//! Invariant: the window and the filters choose plays; the numbers of a chosen play are of the whole play.
//! Plays are ordered by their first row in the window, newest first, then by their ids.

use rebuffer_model::Timestamp;
use serde::Deserialize;

use crate::client::{TIMEOUT, in_time};
use crate::filter::LABELLED;
use crate::{Archive, Error, Filter, Lines};

/// Which plays.
#[derive(Debug, Clone, Default)]
pub struct PlaysQuery {
    /// What must hold for rows of both `session_events` and `network_requests`.
    pub filter: Filter,
    /// Labels each of which some row of the play has.
    pub label_has: Vec<String>,
    /// Labels no row of the play has.
    pub label_not: Vec<String>,
    /// At most so many.
    pub limit: u32,
    /// Behind this play.
    pub after: Option<PlayCursor>,
}

/// The last play of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayCursor {
    /// Its first row in the window.
    pub began: Timestamp,
    /// Which it is.
    pub key: PlayKey,
}

/// A play of a player.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlayKey {
    /// The play.
    pub play_id: String,
    /// The player.
    pub player_id: String,
}

#[derive(clickhouse::Row, Deserialize)]
struct Chosen {
    play_id: String,
    player_id: String,
    began: i64,
}

impl Archive {
    /// The plays that match, newest first.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Refused`].
    pub async fn choose_plays(&self, wanted: &PlaysQuery) -> Result<Vec<PlayCursor>, Error> {
        let rows = |table: &str| {
            let filter = wanted.filter.sql();
            format!("SELECT player_id, play_id, ts, labels FROM {table} WHERE play_id != '' AND {filter}")
        };
        let behind = match wanted.after {
            Some(_) => {
                "AND (began, play_id, player_id) < ({after:Int64}, {after_play:String}, {after_player:String})"
            }
            None => "",
        };
        let sql = format!(
            "SELECT play_id, player_id, toUnixTimestamp64Milli(min(ts)) AS began \
             FROM ({} UNION ALL {}) GROUP BY play_id, player_id \
             HAVING hasAll(groupUniqArrayArray(labels), {{label_has:Array(String)}}) \
             AND NOT hasAny(groupUniqArrayArray(labels), {{label_not:Array(String)}}) {behind} \
             ORDER BY began DESC, play_id DESC, player_id DESC LIMIT {}",
            rows("session_events"),
            rows("network_requests"),
            wanted.limit
        );
        let mut query = wanted
            .filter
            .bind(self.query(&sql))
            .param("label_has", &wanted.label_has)
            .param("label_not", &wanted.label_not);
        if let Some(PlayCursor { began, key }) = &wanted.after {
            query = query
                .param("after", began.as_millis())
                .param("after_play", &key.play_id)
                .param("after_player", &key.player_id);
        }
        let chosen = in_time(TIMEOUT, query.fetch_all::<Chosen>()).await?;
        let cursor = |Chosen { play_id, player_id, began }| PlayCursor {
            began: Timestamp::from_millis(began),
            key: PlayKey { play_id, player_id },
        };
        Ok(chosen.into_iter().map(cursor).collect())
    }

    /// A summary of each of these plays, in no order; perhaps of others that share an id with one of them.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Refused`].
    pub fn summaries(&self, keys: &[PlayKey]) -> Result<Lines, Error> {
        let plays: Vec<_> = keys.iter().map(|key| key.play_id.as_str()).collect();
        let players: Vec<_> = keys.iter().map(|key| key.player_id.as_str()).collect();
        let sql = SUMMARY.replace("LABELLED", LABELLED);
        let query = self.query(&sql).param("plays", plays).param("players", players);
        self.lines(query)
    }
}

const SUMMARY: &str = "
WITH
    (player_id IN {players:Array(String)} AND play_id IN {plays:Array(String)}) AS wanted
SELECT
    play_id, player_id, if(label_name != '', label_name, called) AS player_name, session_ids, attempt_id, classification, started_at, last_seen_at, labels,
    metric_events, stalls, stall_time_s, first_frame_s, upshifts, downshifts, frames_displayed, dropped_frames,
    avg_video_bitrate_mbps, restarts, user_marks, last_state, last_player_error, metrics_source, playback_engine,
    net_events, net_errors, net_faults, net_injected, bytes_out, user_agent
FROM
(
    SELECT
        play_id, player_id,
        arraySort(groupUniqArrayIf(16)(session_id, session_id != '')) AS session_ids,
        argMaxIf(player_name, (ts, id), player_name != '') AS called,
        max(attempt_id) AS attempt_id,
        argMax(classification, ts) AS classification,
        min(ts) AS started_at,
        max(ts) AS last_seen_at,
        sumMap(mapFromArrays(labels, arrayMap(label -> toUInt64(1), labels))) AS labels
    FROM
    (
        SELECT play_id, player_id, player_name, session_id, attempt_id, classification, ts, id, labels FROM session_events WHERE wanted
        UNION ALL
        SELECT play_id, player_id, player_name, session_id, attempt_id, classification, ts, id, labels FROM network_requests WHERE wanted
        UNION ALL
        SELECT play_id, player_id, player_name, session_id, attempt_id, classification, ts, id, labels FROM control_events WHERE wanted
    )
    GROUP BY play_id, player_id
) AS play
LEFT JOIN
(
    SELECT
        play_id, player_id,
        count() AS metric_events,
        max(stall_count) AS stalls,
        max(stall_time_s) AS stall_time_s,
        min(video_first_frame_time_s) AS first_frame_s,
        countIf(last_event = 'rate_shift_up') AS upshifts,
        countIf(last_event = 'rate_shift_down') AS downshifts,
        max(frames_displayed) AS frames_displayed,
        max(dropped_frames) AS dropped_frames,
        round(avg(video_bitrate_mbps), 3) AS avg_video_bitrate_mbps,
        countIf(last_event = 'restart') AS restarts,
        countIf(last_event = 'user_marked') AS user_marks,
        argMaxIf(player_state, (ts, id), player_state != '') AS last_state,
        argMaxIf(player_error, (ts, id), player_error != '') AS last_player_error,
        argMax(metrics_source, (ts, id)) AS metrics_source,
        argMax(playback_engine, (ts, id)) AS playback_engine
    FROM session_events WHERE wanted GROUP BY play_id, player_id
) AS report USING (play_id, player_id)
LEFT JOIN
(
    SELECT
        play_id, player_id,
        count() AS net_events,
        countIf(status >= 400) AS net_errors,
        countIf(faulted) AS net_faults,
        countIf(cause = 'injected') AS net_injected,
        sum(bytes_out) AS bytes_out,
        argMax(arrayFirst(field -> lower(field.name) = 'user-agent', request_headers).value, ts) AS user_agent
    FROM network_requests WHERE wanted GROUP BY play_id, player_id
) AS exchange USING (play_id, player_id)
LEFT JOIN (LABELLED) AS labelled USING (player_id)";
