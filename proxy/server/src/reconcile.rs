//! Looking every two seconds whether the kernel still has what it was told; the shaper sets it right, and this says so.
//!
//! Invariant: what others changed is on record for each player it concerned. What cannot be repaired is recorded when it is found
//! and again when it looks different, not every time.
//! Deliberately absent: how it is repaired.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rebuffer_model::{Action, ActionKind, ActionSource, RecordBody};
use rebuffer_shaper::{Backend, Drift};

use crate::clock;
use crate::meters::DriftLabels;
use crate::rig::Rig;
use crate::trouble::Trouble;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The task: audits until the rig closes. Ends at once where the kernel does not shape.
pub(crate) async fn reconcile_links(rig: Arc<Rig>) {
    if rig.shaper.backend() != Backend::Kernel {
        return;
    }
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut trouble = Trouble::new("whether the kernel still has what it was told is not known");
    let mut standing = Standing::default();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = rig.closing.cancelled() => return,
        }
        if let Some(drifts) = trouble.or_none(rig.shaper.audit().await) {
            for News { found, repaired, ports } in standing.news(&drifts) {
                tell(&rig, &found, repaired, &ports);
            }
        }
    }
}

fn tell(rig: &Rig, found: &str, repaired: bool, ports: &[u16]) {
    rig.meters.drifts.get_or_create(&DriftLabels { repaired: if repaired { "yes" } else { "no" } }).inc();
    let mut concerned = rig.players.sessions();
    concerned.retain(|session| session.ports().iter().any(|at| ports.contains(&at.port)));
    if repaired {
        tracing::warn!(
            found,
            sessions = concerned.len(),
            "somebody else changed the shaping; it was set right"
        );
    } else {
        tracing::error!(found, sessions = concerned.len(), "somebody else changed the shaping");
    }
    for session in concerned {
        let kind = ActionKind::ShaperDrift { found: found.to_owned(), repaired };
        let action = Action { who: session.player.who(), source: ActionSource::Proxy, kind };
        rig.feed.append(clock::now(), &RecordBody::Action(Box::new(action)));
        rig.events.player_updated(&session.player);
    }
}

/// What could not be repaired, by what was found.
#[derive(Debug, Default)]
struct Standing(BTreeMap<String, Vec<u16>>);

/// Something that has not been told.
#[derive(Debug, PartialEq, Eq)]
struct News {
    found: String,
    repaired: bool,
    ports: Vec<u16>,
}

impl Standing {
    fn news(&mut self, drifts: &[(Drift, Vec<u16>)]) -> Vec<News> {
        let before = std::mem::take(&mut self.0);
        let mut news = Vec::new();
        for (drift, ports) in drifts {
            let Err(why) = &drift.repaired else {
                news.push(News { found: drift.found.clone(), repaired: true, ports: ports.clone() });
                continue;
            };
            let found = format!("{}; it could not be repaired: {why}", drift.found);
            if before.get(&found) != Some(ports) {
                news.push(News { found: found.clone(), repaired: false, ports: ports.clone() });
            }
            self.0.insert(found, ports.clone());
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn drift(repaired: Result<(), &str>, ports: &[u16]) -> (Drift, Vec<u16>) {
        let drift = Drift {
            found: "lo: classes differ".to_owned(),
            sessions: BTreeSet::new(),
            repaired: repaired.map_err(str::to_owned),
        };
        (drift, ports.to_vec())
    }

    #[test]
    fn each_repair_is_news() {
        let mut standing = Standing::default();
        for _ in 0..2 {
            let news = standing.news(&[drift(Ok(()), &[30_100])]);
            assert_eq!(
                news,
                [News { found: "lo: classes differ".into(), repaired: true, ports: vec![30_100] }]
            );
        }
    }

    #[test]
    fn what_cannot_be_repaired_is_news_until_it_was_told_and_when_it_is_back() {
        let mut standing = Standing::default();
        let broken = || [drift(Err("busy"), &[1])];
        let told = [
            standing.news(&broken()).len(),
            standing.news(&broken()).len(),
            standing.news(&[drift(Err("busy"), &[1, 2])]).len(),
            standing.news(&[]).len(),
            standing.news(&broken()).len(),
        ];
        assert_eq!(told, [1, 0, 1, 0, 1]);
        let news = standing.news(&[drift(Err("no memory"), &[1])]);
        assert_eq!(news[0].found, "lo: classes differ; it could not be repaired: no memory");
    }
}
