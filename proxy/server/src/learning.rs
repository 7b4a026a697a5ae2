//! What the session learns from its playlists, told to those who have to know: the player's ladder, the link's pattern, the feed.
//!
//! Invariant: each thing is told when it is news. Deliberately absent: reading playlists (see `perform/`).

use std::sync::Arc;

use rebuffer_media::{Ladder, LadderChange};
use rebuffer_model::{Action, ActionKind, ActionSource, RecordBody, Variant};

use crate::clock;
use crate::redact;
use crate::rig::Rig;
use crate::sessions::{Endpoint, Topic};

/// The primary presentation has another ladder.
pub(crate) fn ladder_changed(rig: &Arc<Rig>, endpoint: &Endpoint, change: LadderChange, ladder: &Ladder) {
    endpoint.player.set_ladder(variants(ladder));
    endpoint.conductor.ladder_changed();
    rig.events.player_updated(&endpoint.player);
    if let Some(old) = change.replaced {
        let kind = ActionKind::ManifestChanged { old: variants(&old), new: variants(ladder) };
        tell(rig, endpoint, kind);
    }
}

/// A playlist or a redirect leads to an origin that the rig may not reach.
pub(crate) fn origin_left(rig: &Rig, endpoint: &Endpoint, host: String, setting: String) {
    if endpoint.telemetry.told.is_news(Topic::Left, &host) {
        tell(rig, endpoint, ActionKind::OriginLeft { host, setting });
    }
}

/// Something the rig did, or could not do, by itself.
pub(crate) fn tell(rig: &Rig, endpoint: &Endpoint, kind: ActionKind) {
    let now = clock::now();
    if endpoint.telemetry.told.keep(now, &kind) {
        rig.events.player_updated(&endpoint.player);
    }
    let action = Action { who: endpoint.player.who(), source: ActionSource::Proxy, kind };
    rig.feed.append(now, &RecordBody::Action(Box::new(action)));
}

fn variants(ladder: &Ladder) -> Vec<Variant> {
    ladder.iter().map(|variant| redact::variant(variant)).collect()
}
