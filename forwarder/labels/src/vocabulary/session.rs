//! Labels of `session_events`: what the viewer saw.

use rebuffer_model::Severity::{Critical, Error, Info, Warning};

use super::{Rule, Seen};
use crate::context::{Bucket, Context, buffering, stall};

pub(super) const LABELS: &[Rule] = &[
    Rule::new(Info, "shift_up", "The player went to a higher rendition.", |seen| {
        seen.event("rate_shift_up").is_some()
    }),
    Rule::new(Info, "shift_down", "The player went to a lower rendition.", |seen| {
        seen.event("rate_shift_down").is_some()
    }),
    Rule::new(Info, "first_frame", "The first frame was shown.", |seen| {
        seen.event("video_first_frame").is_some()
    }),
    Rule::new(Warning, "*video_startup_long", "The first frame took more than 2 s, up to 4 s.", |seen| {
        first_frame_s(seen).is_some_and(|seconds| seconds > 2.0 && seconds <= 4.0)
    }),
    Rule::new(Error, "*video_startup_severe", "The first frame took more than 4 s.", |seen| {
        first_frame_s(seen).is_some_and(|seconds| seconds > 4.0)
    }),
    Rule::new(Info, "playback_start", "Playback began to move.", |seen| {
        seen.event("video_start_time").is_some()
    }),
    Rule::new(Warning, "timejump", "The playhead jumped.", |seen| seen.event("timejump").is_some()),
    Rule::new(Warning, "stall_segment", "The player stopped at a segment.", |seen| {
        seen.event("segment_stall").is_some()
    }),
    Rule::new(Critical, "stall_frozen", "The picture froze.", |seen| seen.event("frozen").is_some()),
    Rule::new(Critical, "user_marked_911", "The viewer marked this moment.", |seen| {
        seen.event("user_marked").is_some()
    }),
    Rule::new(Info, "restart_reload", "Somebody reloaded the player.", |seen| restart(seen) == Some(true)),
    Rule::new(Critical, "restart_auto_recovery", "The player restarted itself to recover.", |seen| {
        restart(seen) == Some(false)
    }),
    Rule::new(Error, "player_error", "The player reported an error.", |seen| seen.event("error").is_some()),
    Rule::new(Info, "*stall_short_startup", "A stall of less than 1 s around the start.", |seen| {
        stall(seen) == Some((Context::Startup, Bucket::Short))
    }),
    Rule::new(Warning, "*stall_long_startup", "A stall of 1 s to 3 s around the start.", |seen| {
        stall(seen) == Some((Context::Startup, Bucket::Long))
    }),
    Rule::new(Critical, "*stall_severe_startup", "A stall of 3 s or more around the start.", |seen| {
        stall(seen) == Some((Context::Startup, Bucket::Severe))
    }),
    Rule::new(Info, "*stall_short_midplay", "A stall of less than 1 s while playing.", |seen| {
        midplay(seen) == Some(Bucket::Short)
    }),
    Rule::new(Warning, "*stall_long_midplay", "A stall of 1 s to 3 s while playing.", |seen| {
        midplay(seen) == Some(Bucket::Long)
    }),
    Rule::new(Critical, "*stall_severe_midplay", "A stall of 3 s or more while playing.", |seen| {
        midplay(seen) == Some(Bucket::Severe)
    }),
    Rule::new(Info, "*buffering_short_startup", "Less than 1 s of buffering around the start.", |seen| {
        buffering(seen) == Some((Context::Startup, Bucket::Short))
    }),
    Rule::new(Warning, "*buffering_long_startup", "1 s to 3 s of buffering around the start.", |seen| {
        buffering(seen) == Some((Context::Startup, Bucket::Long))
    }),
    Rule::new(Critical, "*buffering_severe_startup", "3 s or more of buffering around the start.", |seen| {
        buffering(seen) == Some((Context::Startup, Bucket::Severe))
    }),
    Rule::new(Info, "*buffering_short_scrub", "Less than 1 s of buffering after a jump.", |seen| {
        buffering(seen) == Some((Context::Scrub, Bucket::Short))
    }),
    Rule::new(Info, "*buffering_long_scrub", "1 s to 3 s of buffering after a jump.", |seen| {
        buffering(seen) == Some((Context::Scrub, Bucket::Long))
    }),
    Rule::new(Warning, "*buffering_severe_scrub", "3 s or more of buffering after a jump.", |seen| {
        buffering(seen) == Some((Context::Scrub, Bucket::Severe))
    }),
];

fn first_frame_s(seen: &Seen<'_>) -> Option<f64> {
    seen.event("video_first_frame")?.player.first_frame_time_s
}

/// Whether a restart was somebody's wish. Clients give the reason in one field or the other.
fn restart(seen: &Seen<'_>) -> Option<bool> {
    let player = &seen.event("restart")?.player;
    let wish = |text: &Option<String>| {
        text.as_deref().is_some_and(|text| matches!(text, "reload" | "user_reload" | "user"))
    };
    Some(wish(&player.restart_reason) || wish(&player.trigger_type))
}

/// While playing, waiting is waiting: buffering counts as a stall.
fn midplay(seen: &Seen<'_>) -> Option<Bucket> {
    let (context, bucket) = stall(seen).or_else(|| buffering(seen))?;
    (context == Context::Midplay).then_some(bucket)
}
