//! The one owner of what a session's link does: the player's own shape, the step of its pattern, the windows of its fault.
//!
//! Invariant: whoever holds the desk is alone with the link, from the change of it to having told of it. An edit touches what it
//! names: a pattern goes on where it was when something else is set, and so do the windows of a fault. A change that failed
//! left desk and link as they were.
//! Deliberately absent: what a pattern comes to (see the shaper's plan), and HTTP.

mod run;
mod stage;
mod wanted;
mod windows;

use std::sync::Arc;

use parking_lot::Mutex;
use rebuffer_api::{PatternView, TransportView};
use rebuffer_model::{ActionKind, LeftOut, Mbps, PatternStep};
use rebuffer_shape::{Machine, Partial};
use rebuffer_shaper::{Link, ShaperError};
use tokio::sync::{Notify, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until};

use run::{Run, Turn};
use windows::Windows;

pub(crate) use stage::{Carrier, OnRig, Stage};
pub(crate) use wanted::Wanted;

/// The owner of a link.
#[derive(Debug)]
pub(crate) struct Conductor<C = Link> {
    carrier: C,
    /// The rate of a link that has none of its own.
    baseline: Option<Mbps>,
    /// What the carrier can be made to do.
    machine: Machine,
    desk: Arc<tokio::sync::Mutex<Desk>>,
    shown: Mutex<Shown>,
    wake: Notify,
}

/// What a reader may see at any time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) pattern: Option<PatternView>,
    pub(crate) transport_fault: Option<TransportView>,
    /// What was asked and is left out now.
    pub(crate) left_out: Vec<LeftOut>,
    /// Whether the last change is not in force because it was refused.
    pub(crate) refused: bool,
}

/// What is in force, for whoever holds it.
#[derive(Debug, Clone, Default)]
struct Desk {
    wanted: Wanted,
    run: Option<Run>,
    windows: Option<Windows>,
    /// What of the shape of now is left out.
    left_out: Vec<LeftOut>,
    /// Whether a task turns the steps.
    conducted: bool,
    /// The session is over.
    ended: bool,
}

/// A change that is in force and can still be taken back; until then nobody else changes the link.
#[derive(Debug)]
pub(crate) struct Changing<C = Link> {
    conductor: Arc<Conductor<C>>,
    desk: OwnedMutexGuard<Desk>,
    before: Desk,
    told: Vec<ActionKind>,
}

/// Why a change cannot be made, and which field of a player asks for it.
#[derive(Debug)]
pub(crate) struct CannotSet {
    pub(crate) pointer: String,
    pub(crate) error: ShaperError,
}

impl<C: Carrier> Conductor<C> {
    pub(crate) fn new(carrier: C, baseline: Option<Mbps>, machine: Machine) -> Arc<Self> {
        Arc::new(Self {
            carrier,
            baseline,
            machine,
            desk: Arc::default(),
            shown: Mutex::default(),
            wake: Notify::new(),
        })
    }

    pub(crate) fn shown(&self) -> Shown {
        self.shown.lock().clone()
    }

    /// The player's ladder is another one, or there is one at last.
    pub(crate) fn ladder_changed(&self) {
        self.wake.notify_one();
    }

    /// Makes the link do what is wanted, and returns when the kernel has said that it does.
    pub(crate) async fn change(
        self: &Arc<Self>,
        wanted: Wanted,
        stage: &impl Stage,
    ) -> Result<Changing<C>, CannotSet> {
        let mut desk = Arc::clone(&self.desk).lock_owned().await;
        let before = desk.clone();
        let mut told = Vec::new();
        if desk.ended {
            return Err(CannotSet { pointer: "/shape".to_owned(), error: ShaperError::Detached });
        }
        if wanted != desk.wanted || !self.is_as_wanted(&desk) {
            let mut after = Desk { wanted, ..before.clone() };
            if after.wanted.pattern != before.wanted.pattern {
                told.extend(before.run.as_ref().and_then(Run::disabled));
                after.run = after.wanted.pattern.clone().map(Run::new);
            }
            self.set_shape(&mut after, before.run.as_ref(), stage, &mut told).await?;
            if after.wanted.transport_fault != before.wanted.transport_fault
                && let Err(error) = self.set_fault(&mut after, &before, stage, &mut told).await
            {
                self.set_back(&before).await;
                return Err(CannotSet { pointer: "/shape/transport_fault".to_owned(), error });
            }
            *desk = after;
        }
        self.show(&desk);
        Ok(Changing { conductor: Arc::clone(self), desk, before, told })
    }

    /// Turns the steps and windows until there is nothing left to turn.
    pub(crate) async fn conduct(self: Arc<Self>, stage: impl Stage) {
        loop {
            let next = {
                let mut desk = self.desk.lock().await;
                self.advance(&mut desk, &stage).await;
                if !desk.is_busy() {
                    desk.conducted = false;
                    return;
                }
                desk.next(Instant::now())
            };
            match next {
                None => self.wake.notified().await,
                Some(next) => tokio::select! {
                    () = sleep_until(next) => {}
                    () = self.wake.notified() => {}
                },
            }
        }
    }

    /// Ends everything but the link itself, for good; what is to be told of it.
    pub(crate) async fn end(&self) -> Vec<ActionKind> {
        let mut desk = self.desk.lock().await;
        let mut told = Vec::new();
        if let Some(windows) = desk.windows.take()
            && windows.is_open()
        {
            let packets = self.carrier.strike(None).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "a fault of a session that ended could not be ended by itself");
                0
            });
            told.push(windows.closed(packets, true));
        }
        told.extend(desk.run.take().as_ref().and_then(Run::disabled));
        *desk = Desk { ended: true, conducted: desk.conducted, ..Desk::default() };
        self.show(&desk);
        self.wake.notify_one();
        told
    }

    /// Puts the shape of now in force, beginning a pattern that is new.
    async fn set_shape(
        &self,
        desk: &mut Desk,
        running: Option<&Run>,
        stage: &impl Stage,
        told: &mut Vec<ActionKind>,
    ) -> Result<(), CannotSet> {
        let is_new =
            desk.run.as_ref().is_some_and(|run| running.is_none_or(|running| !run.continues(running)));
        let turn = match &mut desk.run {
            Some(run) if is_new => run.turn(Instant::now(), stage),
            Some(_) | None => Turn::Stay,
        };
        let step = desk.run.as_ref().and_then(Run::step);
        let link = self.link_at(&desk.wanted, step);
        let in_force = self.carrier.set(&link.applied).await.map_err(|error| {
            let pointer = match (step, &error) {
                (None, ShaperError::OutOfRange { knob, .. }) => format!("/shape/{knob}"),
                (None, _) => "/shape".to_owned(),
                (Some(_), _) => "/shape/pattern".to_owned(),
            };
            CannotSet { pointer, error }
        })?;
        tracing::debug!(?in_force, "a link was set");
        let bytes = if is_new { self.carrier.bytes().await } else { None };
        if let Some(run) = &mut desk.run {
            run.set(None);
            run.review(|steps| desk.wanted.left_out_in(steps, &self.machine));
            if is_new {
                told.extend(run.told(turn, &link, bytes));
            }
        }
        desk.left_out = link.left_out;
        Ok(())
    }

    /// Ends the fault of before and begins the one that is wanted.
    async fn set_fault(
        &self,
        after: &mut Desk,
        before: &Desk,
        stage: &impl Stage,
        told: &mut Vec<ActionKind>,
    ) -> Result<(), ShaperError> {
        let was_open = before.windows.as_ref().filter(|windows| windows.is_open());
        let fault = after.wanted.transport_fault;
        let again = fault.filter(|fault| stage.spent() == Some(*fault) && before.windows.is_none());
        let mut windows = fault.map(|fault| Windows::new(fault, Instant::now()));
        let strike = match &mut windows {
            Some(windows) if again.is_some() => {
                windows.spend();
                None
            }
            Some(windows) => Some(windows.strike()),
            None => None,
        };
        if strike.is_some() || was_open.is_some() {
            let packets = self.carrier.strike(strike).await?;
            told.extend(was_open.map(|windows| windows.closed(packets, true)));
        }
        if again.is_none() {
            stage.set_spent(None);
            told.extend(windows.as_ref().map(Windows::opened));
        }
        after.windows = windows;
        Ok(())
    }

    /// Puts the shape of `desk` in force again after something failed.
    async fn set_back(&self, desk: &Desk) {
        let link = self.link_at(&desk.wanted, desk.run.as_ref().and_then(Run::step));
        if let Err(error) = self.carrier.set(&link.applied).await {
            tracing::error!(%error, "a link could not be set back");
        }
    }

    /// Does what is due.
    async fn advance(&self, desk: &mut Desk, stage: &impl Stage) {
        let mut told = Vec::new();
        if let Some(run) = &mut desk.run {
            let turn = run.turn(Instant::now(), stage);
            if turn != Turn::Stay {
                let bytes = self.carrier.bytes().await;
                let link = self.link_at(&desk.wanted, run.step());
                run.set(self.carrier.set(&link.applied).await.err().map(|error| error.to_string()));
                if !run.is_reviewed() {
                    run.review(|steps| desk.wanted.left_out_in(steps, &self.machine));
                }
                told.extend(run.told(turn, &link, bytes));
                if !run.is_refused() {
                    desk.left_out = link.left_out;
                }
            }
        }
        if let Some(windows) = &mut desk.windows {
            told.extend(windows.advance(&self.carrier).await);
            if windows.is_spent() {
                stage.set_spent(desk.wanted.transport_fault);
            }
        }
        self.show(desk);
        if !told.is_empty() {
            told.into_iter().for_each(|kind| stage.say(kind));
            stage.moved();
        }
    }

    fn link_at(&self, wanted: &Wanted, step: Option<&PatternStep>) -> Partial {
        wanted.link_at(step, self.baseline, &self.machine)
    }

    fn is_as_wanted(&self, desk: &Desk) -> bool {
        let refused = desk.run.as_ref().is_some_and(Run::is_refused);
        let never_set =
            self.baseline.is_some() && self.carrier.in_force().rate.is_none() && desk.run.is_none();
        self.carrier.in_force().in_sync && !refused && !never_set
    }

    fn show(&self, desk: &Desk) {
        *self.shown.lock() = Shown {
            pattern: desk.run.as_ref().map(Run::view),
            transport_fault: desk.windows.as_ref().map(Windows::view),
            left_out: desk.left_out.iter().chain(&desk.wanted.fault_left_out).cloned().collect(),
            refused: desk.run.as_ref().is_some_and(Run::is_refused),
        };
    }
}

impl<C: Carrier> Changing<C> {
    /// What is to be told of the change, in order.
    pub(crate) fn told(&self) -> &[ActionKind] {
        &self.told
    }

    /// Keeps the change, once it was told of; true if somebody has to [`Conductor::conduct`] from now on.
    #[must_use]
    pub(crate) fn keep(mut self) -> bool {
        let begins = self.desk.is_busy() && !self.desk.conducted;
        self.desk.conducted |= begins;
        self.conductor.wake.notify_one();
        begins
    }

    /// Takes the change back.
    pub(crate) async fn undo(mut self) {
        let before = std::mem::take(&mut self.before);
        if self.desk.wanted != before.wanted {
            self.conductor.set_back(&before).await;
        }
        if self.desk.wanted.transport_fault != before.wanted.transport_fault {
            let mut windows = before.windows.clone().filter(Windows::is_open);
            let strike = windows.as_mut().map(Windows::strike);
            if let Err(error) = self.conductor.carrier.strike(strike).await {
                tracing::error!(%error, "a fault could not be set back");
            }
        }
        *self.desk = before;
        self.conductor.show(&self.desk);
    }
}

impl Desk {
    fn is_busy(&self) -> bool {
        self.run.as_ref().is_some_and(Run::is_busy) || self.windows.as_ref().is_some_and(Windows::is_busy)
    }

    /// When something is due next; none if that is not known.
    fn next(&self, now: Instant) -> Option<Instant> {
        let run = self.run.as_ref().and_then(|run| run.next(now));
        let windows = self.windows.as_ref().and_then(|windows| windows.next(now));
        run.into_iter().chain(windows).min()
    }
}

#[cfg(test)]
mod tests;
