//! What the links of all sessions do, looked at ten times a second.
//!
//! Invariant: looking changes nothing, and reading takes nothing away: whoever asks hears of the same second. All sessions cost
//! one question to the kernel per device, and one per connection; a session without connections and traffic costs none.
//! Deliberately absent: how looks become seconds (`fold`), and the player's address (`ping`).

mod fold;
mod ping;
mod watched;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rebuffer_api::{Frame, PlayerLink};

pub(crate) use ping::{PathPing, ping_players};
pub(crate) use watched::Watched;

use crate::clock;
use crate::rig::Rig;
use crate::trouble::Trouble;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The task: looks at every link until the rig closes.
pub(crate) async fn watch_links(rig: Arc<Rig>) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut trouble = Trouble::new("what passes the classes of the sessions is not known");
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = rig.closing.cancelled() => return,
        }
        look(&rig, &mut trouble).await;
    }
}

async fn look(rig: &Rig, trouble: &mut Trouble) {
    let sessions = rig.players.sessions();
    let watched: Vec<_> = sessions.iter().filter(|session| session.telemetry.link.is_awake()).collect();
    if watched.is_empty() {
        return;
    }
    let began = Instant::now();
    let traffic = trouble.or_none(rig.shaper.traffic().await);
    let at = Duration::from_micros(clock::moment().as_micros());
    for session in watched {
        let class = session.link.class();
        let passed =
            traffic.as_ref().map(|of| class.and_then(|class| of.get(&class)).copied().unwrap_or_default());
        let ping_ms = rig.path_ping.rtt_ms(session.client_ip());
        if session.telemetry.link.look(at, passed, ping_ms) {
            rig.events.pass(&Frame::PlayerLink(Box::new(PlayerLink {
                player_id: session.player_id(),
                session_id: session.id,
                ts: clock::now(),
                server_metrics: session.link_metrics(),
            })));
        }
    }
    rig.meters.link_round.observe(began.elapsed().as_secs_f64());
}
