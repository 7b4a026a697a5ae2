//! A conductor on paused time, over a link that paces and remembers what it was told.

mod partial;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rebuffer_model::{Conditions, Shape, Trace, TraceName, TransportFault, Variant};
use rebuffer_shaper::{InForce, Mode, Shaper, ShaperConfig, Strike};
use tokio::task::JoinHandle;
use tokio::time::{advance, sleep};

use super::*;

/// A link that paces, and what it was told when.
#[derive(Debug)]
struct Told {
    link: Link,
    began: Instant,
    shapes: Mutex<Vec<(u64, Shape)>>,
    strikes: Mutex<Vec<(u64, Option<Strike>)>>,
    /// Whether each of the next changes is refused.
    refuse: Mutex<VecDeque<bool>>,
    struck: AtomicU64,
    bytes: AtomicU64,
}

/// Who watches: the ladder, and what was said when.
#[derive(Debug)]
struct Watch {
    began: Instant,
    ladder: Mutex<Vec<Variant>>,
    /// The file of the trace `kept`.
    trace: Mutex<&'static str>,
    said: Mutex<Vec<(u64, String)>>,
    spent: Mutex<Option<TransportFault>>,
}

struct Theatre {
    told: Arc<Told>,
    watch: Arc<Watch>,
    conductor: Arc<Conductor<Arc<Told>>>,
    task: Option<JoinHandle<()>>,
}

impl Told {
    fn refuses(&self) -> Result<(), ShaperError> {
        match self.refuse.lock().pop_front() {
            Some(true) => Err(ShaperError::Unsupported("no".to_owned())),
            Some(false) | None => Ok(()),
        }
    }

    fn now(&self) -> u64 {
        millis(self.began)
    }
}

impl Carrier for Arc<Told> {
    async fn set(&self, shape: &Shape) -> Result<InForce, ShaperError> {
        self.refuses()?;
        self.shapes.lock().push((self.now(), *shape));
        let rate = Conditions { rate_mbps: shape.down.rate_mbps, ..Conditions::default() };
        self.link.set(&Shape { down: rate, ..Shape::default() }).await
    }

    async fn strike(&self, strike: Option<Strike>) -> Result<u64, ShaperError> {
        self.refuses()?;
        self.strikes.lock().push((self.now(), strike));
        Ok(self.struck.swap(0, Ordering::Relaxed))
    }

    async fn struck(&self) -> Result<u64, ShaperError> {
        Ok(self.struck.load(Ordering::Relaxed))
    }

    async fn bytes(&self) -> Option<u64> {
        Some(self.bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    fn in_force(&self) -> InForce {
        self.link.in_force()
    }
}

impl Stage for Arc<Watch> {
    fn ladder(&self) -> Vec<Variant> {
        self.ladder.lock().clone()
    }

    fn trace(&self, name: &TraceName) -> Option<Arc<Trace>> {
        let file = self.trace.lock().as_bytes();
        (name.as_str() == "kept").then(|| rebuffer_shape::trace::read(file, None).unwrap()).map(Arc::new)
    }

    fn spent(&self) -> Option<TransportFault> {
        *self.spent.lock()
    }

    fn set_spent(&self, fault: Option<TransportFault>) {
        *self.spent.lock() = fault;
    }

    fn say(&self, kind: ActionKind) {
        self.said.lock().push((millis(self.began), brief(&kind)));
    }

    fn moved(&self) {}
}

impl Theatre {
    async fn open(baseline: Option<f64>) -> Self {
        let config = ShaperConfig { mode: Mode::Pacing, ..ShaperConfig::default() };
        let link = Shaper::open(config).await.unwrap().attach(1).unwrap();
        let began = Instant::now();
        let told = Arc::new(Told {
            link,
            began,
            shapes: Mutex::default(),
            strikes: Mutex::default(),
            refuse: Mutex::default(),
            struck: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        });
        let (ladder, said, spent) = (Mutex::default(), Mutex::default(), Mutex::default());
        let trace = Mutex::new("0 1\n1 2\n");
        let watch = Arc::new(Watch { began, ladder, trace, said, spent });
        let baseline = baseline.map(|rate| Mbps::new(rate).unwrap());
        let conductor = Conductor::new(Arc::clone(&told), baseline, Machine::Pacing);
        Self { told, watch, conductor, task: None }
    }

    async fn playing(json: &str) -> Self {
        let mut theatre = Self::open(None).await;
        theatre.change(json).await.unwrap();
        theatre
    }

    async fn change(&mut self, json: &str) -> Result<(), CannotSet> {
        let changing = self.conductor.change(wanted(json), &self.watch).await?;
        changing.told().iter().for_each(|kind| self.watch.say(kind.clone()));
        if changing.keep() {
            self.task = Some(tokio::spawn(Arc::clone(&self.conductor).conduct(Arc::clone(&self.watch))));
        }
        Ok(())
    }

    /// When the downlink got which rate.
    fn rates(&self) -> Vec<(u64, f64)> {
        let rate = |(at, shape): &(u64, Shape)| (*at, shape.down.rate_mbps.map_or(0.0, Mbps::get));
        self.told.shapes.lock().iter().map(rate).collect()
    }

    /// When the packets began to be struck, and when they were let go.
    fn edges(&self) -> Vec<(u64, bool)> {
        self.told.strikes.lock().iter().map(|(at, strike)| (*at, strike.is_some())).collect()
    }

    fn said(&self) -> Vec<(u64, String)> {
        std::mem::take(&mut self.watch.said.lock())
    }

    fn pattern(&self) -> PatternView {
        self.conductor.shown().pattern.unwrap()
    }

    fn fault(&self) -> TransportView {
        self.conductor.shown().transport_fault.unwrap()
    }
}

fn wanted(json: &str) -> Wanted {
    Wanted::of(&serde_json::from_str(json).unwrap(), &Machine::Pacing)
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap()
}

fn ladder(rates: &[u64]) -> Vec<Variant> {
    let json = |(rung, bandwidth): (usize, &u64)| {
        format!(r#"{{"rung":{rung},"bandwidth":{bandwidth},"uri":"{rung}"}}"#)
    };
    let rungs: Vec<_> = rates.iter().enumerate().map(json).collect();
    serde_json::from_str(&format!("[{}]", rungs.join(","))).unwrap()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a conductor says nothing else")]
fn brief(kind: &ActionKind) -> String {
    match kind {
        ActionKind::PatternEnabled { mode, steps, .. } => format!("{mode} on, {steps}"),
        ActionKind::PatternDisabled { mode, finished } => format!("{mode} off, finished {finished}"),
        ActionKind::PatternStep { step, rate_mbps, previous_measured_mbps, refused, .. } => {
            let measured = previous_measured_mbps.map(|rate| format!(", was {rate}")).unwrap_or_default();
            let refused = refused.as_ref().map(|why| format!(", refused: {why}")).unwrap_or_default();
            format!("step {step} at {}{measured}{refused}", rate_mbps.unwrap_or(0.0))
        }
        ActionKind::FaultOn { action } => format!("{} on", action.name()),
        ActionKind::FaultOff { action, packets, finished } => {
            format!("{} off, {packets}, finished {finished}", action.name())
        }
        other => panic!("{other:?}"),
    }
}

const TWO: &str = r#"{"steps":[{"rate_mbps":1,"duration_seconds":2},{"rate_mbps":2,"duration_seconds":3}]}"#;

async fn wait(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}

#[tokio::test(start_paused = true)]
async fn steps_come_when_they_are_due_and_the_first_one_at_once() {
    let theatre = Theatre::playing(&format!(r#"{{"pattern":{TWO}}}"#)).await;
    assert_eq!(theatre.rates(), [(0, 1.0)], "before the change was answered");
    wait(7_500).await;
    assert_eq!(theatre.rates(), [(0, 1.0), (2_000, 2.0), (5_000, 1.0), (7_000, 2.0)]);
    let said = ["steps on, 2", "step 1 at 1", "step 2 at 2", "step 1 at 1", "step 2 at 2"];
    assert_eq!(theatre.said().iter().map(|(_, said)| said.as_str()).collect::<Vec<_>>(), said);
    let view = theatre.pattern();
    assert_eq!((view.step, view.steps, view.round, view.idle), (2, 2, 2, None));
}

#[tokio::test(start_paused = true)]
async fn what_was_slept_through_is_left_out_and_nothing_drifts() {
    let theatre = Theatre::playing(&format!(r#"{{"pattern":{TWO}}}"#)).await;
    wait(1_000).await;
    advance(Duration::from_millis(6_300)).await;
    wait(3_000).await;
    assert_eq!(theatre.rates(), [(0, 1.0), (7_300, 2.0), (10_000, 1.0)]);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_something_else_lets_the_pattern_go_on() {
    let mut theatre = Theatre::playing(&format!(r#"{{"pattern":{TWO}}}"#)).await;
    wait(1_500).await;
    theatre.change(&format!(r#"{{"loss_pct":3,"rate_mbps":9,"pattern":{TWO}}}"#)).await.unwrap();
    wait(1_000).await;
    assert_eq!(theatre.rates(), [(0, 1.0), (1_500, 1.0), (2_000, 2.0)]);
    let lossy = |(_, shape): &(u64, Shape)| shape.down.loss_pct.is_some();
    assert_eq!(theatre.told.shapes.lock().iter().map(lossy).collect::<Vec<_>>(), [false, true, true]);
    theatre.change(&format!(r#"{{"loss_pct":3,"rate_mbps":9,"pattern":{TWO}}}"#)).await.unwrap();
    assert_eq!(theatre.rates().len(), 3, "nothing is done twice");
    assert_eq!(theatre.said().len(), 3, "and nothing said");
}

#[tokio::test(start_paused = true)]
async fn a_template_waits_for_a_ladder_and_takes_another_one_with_its_next_round() {
    let mut theatre = Theatre::open(None).await;
    let pyramid =
        r#"{"rate_mbps":7,"pattern":{"template":"pyramid","margin_pct":0,"default_step_seconds":1}}"#;
    theatre.change(pyramid).await.unwrap();
    wait(500).await;
    assert!(theatre.pattern().idle.unwrap().contains("ladder"));
    assert_eq!((theatre.rates(), theatre.said().len()), (vec![(0, 7.0)], 0));

    *theatre.watch.ladder.lock() = ladder(&[1_000_000, 2_000_000]);
    theatre.conductor.ladder_changed();
    wait(1_500).await;
    *theatre.watch.ladder.lock() = ladder(&[3_000_000]);
    theatre.conductor.ladder_changed();
    wait(3_000).await;
    let rates = [(500, 1.0), (1_500, 2.0), (2_500, 1.0), (3_500, 3.0), (4_500, 3.0)];
    assert_eq!(theatre.rates()[1..], rates);
    assert_eq!(theatre.said()[0], (500, "pyramid on, 3".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_trace_is_played_by_its_name_and_one_round_ends_in_the_players_own_shape() {
    let mut theatre = Theatre::playing(r#"{"rate_mbps":5,"pattern":{"trace":"kept","repeat":false}}"#).await;
    wait(60_000).await;
    assert_eq!(theatre.rates(), [(0, 1.0), (1_000, 2.0), (2_000, 5.0)]);
    assert_eq!(theatre.said().pop().unwrap(), (2_000, "trace off, finished true".to_owned()));
    let view = theatre.pattern();
    assert_eq!(
        (view.step, view.since, view.idle.unwrap().as_str()),
        (0, None, "it has played its one round")
    );
    theatre.task.take().unwrap().await.unwrap();
    theatre.change(r#"{"rate_mbps":6,"pattern":{"trace":"kept","repeat":false}}"#).await.unwrap();
    assert_eq!(theatre.rates().pop().unwrap(), (60_000, 6.0));
    theatre.change(r#"{"rate_mbps":6}"#).await.unwrap();
    assert_eq!(theatre.said(), [], "it was over already");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_refused_is_said_and_the_next_one_is_tried() {
    let theatre = Theatre::playing(&format!(r#"{{"pattern":{TWO}}}"#)).await;
    theatre.told.refuse.lock().push_back(true);
    wait(2_500).await;
    assert!(theatre.conductor.shown().refused);
    assert!(theatre.pattern().idle.unwrap().contains("refused"));
    assert_eq!(theatre.said().pop().unwrap().1, "step 2 at 2, refused: not available: no");
    wait(3_000).await;
    assert!(!theatre.conductor.shown().refused);
    assert_eq!(theatre.rates(), [(0, 1.0), (5_000, 1.0)]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_refused_leaves_what_runs() {
    let mut theatre = Theatre::playing(&format!(r#"{{"pattern":{TWO}}}"#)).await;
    theatre.said();
    wait(1_000).await;
    theatre.told.refuse.lock().push_back(true);
    let error = theatre.change(r#"{"pattern":{"trace":"kept"}}"#).await.unwrap_err();
    assert_eq!(error.pointer, "/shape/pattern");
    // The link takes the new step, the fault is refused, and the link is set back.
    theatre.told.refuse.lock().extend([false, true]);
    let both = r#"{"rate_mbps":8,"transport_fault":{"type":"drop"}}"#;
    let error = theatre.change(both).await.unwrap_err();
    assert_eq!(error.pointer, "/shape/transport_fault");
    wait(1_500).await;
    assert_eq!(theatre.rates()[1..], [(1_000, 8.0), (1_000, 1.0), (2_000, 2.0)]);
    assert_eq!(theatre.said(), [(2_000, "step 2 at 2".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_taken_back_leaves_what_ran() {
    let theatre = Theatre::playing(&format!(r#"{{"pattern":{TWO}}}"#)).await;
    wait(1_000).await;
    let other = wanted(r#"{"rate_mbps":8,"transport_fault":{"type":"drop","consecutive":0}}"#);
    let changing = theatre.conductor.change(other, &theatre.watch).await.unwrap();
    changing.undo().await;
    wait(1_500).await;
    assert_eq!(theatre.rates(), [(0, 1.0), (1_000, 8.0), (1_000, 1.0), (2_000, 2.0)]);
    assert_eq!(theatre.edges(), [(1_000, true), (1_000, false)]);
    assert_eq!(theatre.pattern().step, 2);
}

#[tokio::test(start_paused = true)]
async fn a_step_tells_what_the_one_before_it_let_through() {
    let theatre = Theatre::open(None).await;
    theatre.told.bytes.store(1, Ordering::Relaxed);
    let mut theatre = theatre;
    theatre.change(&format!(r#"{{"pattern":{TWO}}}"#)).await.unwrap();
    theatre.told.bytes.store(250_001, Ordering::Relaxed);
    wait(2_500).await;
    assert_eq!(theatre.said().pop().unwrap().1, "step 2 at 2, was 1");
}

#[tokio::test(start_paused = true)]
async fn a_link_without_a_rate_has_the_baseline_unless_a_step_is_unlimited() {
    let mut theatre = Theatre::open(Some(4.0)).await;
    theatre.change("{}").await.unwrap();
    theatre.change(r#"{"rate_mbps":9}"#).await.unwrap();
    let steps = r#"{"pattern":{"steps":[{"loss_pct":1,"duration_seconds":1},{"unlimited":true,"duration_seconds":1}]}}"#;
    theatre.change(steps).await.unwrap();
    wait(1_500).await;
    theatre.change("{}").await.unwrap();
    let rates: Vec<_> = theatre.rates().into_iter().map(|(_, rate)| rate).collect();
    assert_eq!(rates, [4.0, 9.0, 4.0, 0.0, 4.0]);
}

#[tokio::test(start_paused = true)]
async fn windows_in_seconds_follow_the_clock() {
    let cyclic = r#"{"transport_fault":{"type":"drop","consecutive":2,"frequency":3}}"#;
    let theatre = Theatre::playing(cyclic).await;
    theatre.told.struck.store(7, Ordering::Relaxed);
    wait(1_000).await;
    let view = theatre.fault();
    assert_eq!((view.active, view.packets, view.windows, view.exhausted), (true, 7, 1, false));
    wait(1_500).await;
    assert_eq!((theatre.fault().active, theatre.fault().packets), (false, 7));
    // Slept through the window at 5 s and into the one at 10 s.
    advance(Duration::from_millis(8_000)).await;
    wait(2_000).await;
    assert_eq!(theatre.edges(), [(0, true), (2_000, false), (10_500, true), (12_000, false)]);
    let said = theatre.said();
    assert_eq!(said[1], (2_000, "drop off, 7, finished false".to_owned()));
    assert_eq!(theatre.fault().windows, 2);
}

#[tokio::test(start_paused = true)]
async fn windows_in_packets_end_when_the_kernel_has_counted_enough() {
    let fault = r#"{"transport_fault":{"type":"reject","mode":"packets","consecutive":5,"frequency":1}}"#;
    let theatre = Theatre::playing(fault).await;
    assert_eq!(theatre.told.strikes.lock()[0].1.unwrap().packets, Some(5));
    wait(450).await;
    theatre.told.struck.store(5, Ordering::Relaxed);
    wait(1_100).await;
    assert_eq!(theatre.edges(), [(0, true), (500, false), (1_500, true)]);
    assert_eq!(theatre.said()[1].1, "reject off, 5, finished false");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_is_held_lasts_until_it_is_removed() {
    let mut theatre = Theatre::playing(r#"{"transport_fault":{"type":"drop","consecutive":0}}"#).await;
    wait(500_000).await;
    theatre.told.struck.store(3, Ordering::Relaxed);
    theatre.change("{}").await.unwrap();
    wait(1_000).await;
    assert_eq!(theatre.edges(), [(0, true), (500_000, false)]);
    assert_eq!(theatre.said()[1].1, "drop off, 3, finished true");
    assert!(theatre.conductor.shown().transport_fault.is_none());
    theatre.task.take().unwrap().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_fault_arms_it_once_and_no_other_edit_does() {
    let mut theatre = Theatre::playing(r#"{"transport_fault":{"type":"drop","consecutive":2}}"#).await;
    wait(1_000).await;
    theatre.change(r#"{"rate_mbps":5,"transport_fault":{"type":"drop","consecutive":2}}"#).await.unwrap();
    assert_eq!(theatre.edges(), [(0, true)]);
    theatre.change(r#"{"rate_mbps":5,"transport_fault":{"type":"drop","consecutive":4}}"#).await.unwrap();
    wait(10_000).await;
    assert_eq!(theatre.edges(), [(0, true), (1_000, true), (5_000, false)], "from the edit on, once");
    let said: Vec<_> = theatre.said().into_iter().map(|(_, said)| said).collect();
    let off = |finished| format!("drop off, 0, finished {finished}");
    assert_eq!(said, ["drop on".to_owned(), off(true), "drop on".to_owned(), off(true)]);
    assert!(theatre.fault().exhausted);
    theatre.change(r#"{"transport_fault":{"type":"drop","consecutive":4}}"#).await.unwrap();
    wait(10_000).await;
    assert_eq!(theatre.edges().len(), 3, "spent until it is edited");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_is_spent_stays_so_in_the_next_session() {
    let once = r#"{"transport_fault":{"type":"drop","consecutive":1}}"#;
    let first = Theatre::playing(once).await;
    wait(2_000).await;
    assert_eq!(first.conductor.end().await, []);
    let mut second = Theatre::open(None).await;
    *second.watch.spent.lock() = first.watch.spent();
    second.change(once).await.unwrap();
    wait(2_000).await;
    assert_eq!((second.edges(), second.fault().exhausted, second.fault().windows), (vec![], true, 0));
    second.change(r#"{"transport_fault":{"type":"drop","consecutive":2}}"#).await.unwrap();
    assert_eq!((second.edges().len(), second.watch.spent()), (1, None));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_cannot_be_ended_is_tried_again_and_shown_as_open() {
    let theatre = Theatre::playing(r#"{"transport_fault":{"type":"drop","consecutive":1}}"#).await;
    theatre.told.refuse.lock().push_back(true);
    wait(1_500).await;
    assert!(theatre.fault().active && theatre.fault().refused.is_some());
    wait(1_000).await;
    assert!(theatre.fault().exhausted && theatre.fault().refused.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_end_closes_everything_and_nothing_comes_after_it() {
    let both = format!(r#"{{"pattern":{TWO},"transport_fault":{{"type":"drop","consecutive":9}}}}"#);
    let mut theatre = Theatre::playing(&both).await;
    wait(1_000).await;
    theatre.told.struck.store(2, Ordering::Relaxed);
    let ended: Vec<_> = theatre.conductor.end().await.iter().map(brief).collect();
    assert_eq!(ended, ["drop off, 2, finished true", "steps off, finished false"]);
    theatre.task.take().unwrap().await.unwrap();
    wait(60_000).await;
    assert_eq!((theatre.rates().len(), theatre.edges()), (1, vec![(0, true), (1_000, false)]));
    assert!(matches!(theatre.change(&both).await, Err(CannotSet { error: ShaperError::Detached, .. })));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_edits_leave_one_pattern_one_fault_and_one_task() {
    let mut theatre = Theatre::open(None).await;
    for edit in 1..=100 {
        let steps = format!(r#"{{"steps":[{{"rate_mbps":{edit},"duration_seconds":1}}]}}"#);
        let fault = format!(r#"{{"type":"drop","consecutive":{edit},"frequency":1}}"#);
        theatre.change(&format!(r#"{{"pattern":{steps},"transport_fault":{fault}}}"#)).await.unwrap();
        wait(30).await;
    }
    let (rates, edges) = (theatre.rates().len(), theatre.edges().len());
    assert_eq!(rates, 100, "each edit set the link once");
    wait(3_000).await;
    assert_eq!(theatre.rates().len() - rates, 3, "one step a second");
    assert_eq!(theatre.edges().len(), edges, "a window of 100 s is open");
}
