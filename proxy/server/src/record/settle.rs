//! The end of an exchange: waiting until the client has acknowledged what was sent, then the feed.
//!
//! Invariant: an exchange waits here until the kernel says that everything was acknowledged, its connection is gone, the next
//! exchange began on it (a client asks again when it has the answer, or does not wait for it), or [`PATIENCE`] is over; then it is
//! recorded. Of a connection that others share, what was written to it by the first look is waited for.
//! Deliberately absent: a timer per exchange. The next exchange settles the one before it, and one task looks at all that wait,
//! every [`LOOK_EVERY`].

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rebuffer_model::{Exchange, RecordBody, TcpSnapshot};

use super::ending;
use crate::clock;
use crate::connection::{Connection, Farewell, LastWords, Outstanding};
use crate::deadline::Deadlines;
use crate::lane::Lane;
use crate::meters::ExchangeLabels;
use crate::rig::Rig;

const LOOK_EVERY: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(30);
/// A smaller body fits the first flight and the send buffer; its rate would be a rate of writing.
const MEASURABLE_BYTES: u64 = 64 * 1024;
/// Acknowledgements are known to the millisecond; a shorter transfer has no rate worth saying.
const MEASURABLE_SECONDS: f64 = 0.01;

/// Exchanges that wait for their last acknowledgement.
#[derive(Debug, Default)]
pub(crate) struct Settler {
    /// The connections that have some; not all of them still exist.
    tails: Mutex<Vec<Arc<Tail>>>,
}

/// The exchanges of one connection that wait; it outlives the connection.
#[derive(Debug, Default)]
pub(crate) struct Tail(Mutex<Ended>);

#[derive(Debug, Default)]
struct Ended {
    waiting: Vec<Waiting>,
    /// Whether the settler knows of them.
    listed: bool,
}

#[derive(Debug)]
struct Waiting {
    exchange: Box<Exchange>,
    connection: Weak<Connection>,
    farewell: Farewell,
    /// Whether other exchanges ran on the connection at the same time.
    beside_others: bool,
    /// What had been written to the connection when this was first looked at: what this exchange wrote, and more.
    written: Option<u64>,
    /// A limit may be passed while the kernel still has the end.
    deadlines: Option<Arc<Deadlines>>,
    began: Instant,
    first_byte: Instant,
    ended: Instant,
}

/// What one look at a waiting exchange says.
enum Look {
    /// Nothing new.
    Wait,
    /// Acknowledged at this moment, with what the kernel says now.
    Acknowledged(Instant, TcpSnapshot),
    /// The client ended the connection without having acknowledged everything.
    Lost(TcpSnapshot),
    /// Nothing more will be known.
    Over(Option<TcpSnapshot>),
}

impl Settler {
    pub(super) fn finish(
        &self,
        exchange: Box<Exchange>,
        lane: &Lane,
        deadlines: Option<Arc<Deadlines>>,
        (began, first_byte): (Instant, Instant),
    ) {
        let connection = lane.connection();
        let mut ended = connection.tail.0.lock();
        ended.waiting.push(Waiting {
            exchange,
            connection: Arc::downgrade(connection),
            farewell: connection.farewell(),
            beside_others: lane.is_stream(),
            written: None,
            deadlines,
            began,
            first_byte,
            ended: Instant::now(),
        });
        if !ended.listed {
            ended.listed = true;
            self.tails.lock().push(Arc::clone(&connection.tail));
        }
    }

    /// Records what still waits, whatever the kernel says of it. For the end, when nothing can come any more.
    pub(crate) fn settle_rest(&self, rig: &Rig) {
        self.settle(rig, true);
    }

    /// Records what is settled; everything when `all`.
    fn settle(&self, rig: &Rig, all: bool) {
        let mut tails = std::mem::take(&mut *self.tails.lock());
        tails.retain(|tail| {
            let mut ended = tail.0.lock();
            ended.waiting = std::mem::take(&mut ended.waiting)
                .into_iter()
                .filter_map(|one| one.settle(rig, all))
                .collect();
            ended.listed = !ended.waiting.is_empty();
            ended.listed
        });
        self.tails.lock().append(&mut tails);
    }
}

/// The next exchange begins on a connection where one follows the other: what waits there had the time until now.
pub(super) fn next_began(rig: &Rig, connection: &Connection, outstanding: Option<Outstanding>) {
    let waiting = std::mem::take(&mut connection.tail.0.lock().waiting);
    let tcp = outstanding.map(|outstanding| outstanding.snapshot);
    // A client that asks ahead does not wait for the answer.
    let acknowledged =
        outstanding.filter(|outstanding| outstanding.none).map(|outstanding| outstanding.last_ack);
    for one in waiting {
        record(rig, one, tcp, acknowledged);
    }
}

impl Waiting {
    /// Records it if it is settled, or `anyway`, and gives it back if not.
    fn settle(mut self, rig: &Rig, anyway: bool) -> Option<Self> {
        match self.look() {
            Look::Wait if anyway => record(rig, self, None, None),
            Look::Wait => return Some(self),
            Look::Acknowledged(at, tcp) => record(rig, self, Some(tcp), Some(at)),
            Look::Lost(tcp) => {
                let passed = self.deadlines.as_ref().and_then(|deadlines| deadlines.passed());
                if let (true, Some(which)) = (self.exchange.answer.complete, passed) {
                    self.exchange.answer.complete = false;
                    ending::timed_out(&mut self.exchange, which, "mid_body");
                } else if self.exchange.answer.complete && !rig.closing.is_cancelled() {
                    ending::never_arrived(&mut self.exchange);
                }
                record(rig, self, Some(tcp), None);
            }
            Look::Over(tcp) => record(rig, self, tcp, None),
        }
        None
    }

    fn look(&mut self) -> Look {
        let Some(connection) = self.connection.upgrade() else {
            return match self.farewell.said() {
                Some(LastWords { outstanding, .. }) if outstanding.none => {
                    Look::Acknowledged(outstanding.last_ack, outstanding.snapshot)
                }
                Some(last) if last.by_the_rig => Look::Over(Some(last.outstanding.snapshot)),
                Some(last) => Look::Lost(last.outstanding.snapshot),
                None => Look::Over(None),
            };
        };
        let outstanding = connection.outstanding();
        let written = *self.written.get_or_insert(connection.written());
        let acknowledged = |outstanding: &Outstanding| {
            outstanding.none || (self.beside_others && outstanding.snapshot.bytes_acked >= written)
        };
        match outstanding {
            Some(outstanding) if acknowledged(&outstanding) => {
                Look::Acknowledged(outstanding.last_ack, outstanding.snapshot)
            }
            Some(outstanding) if self.ended.elapsed() > PATIENCE => Look::Over(Some(outstanding.snapshot)),
            Some(_) => Look::Wait,
            None => Look::Over(None),
        }
    }
}

/// The task: looks, until the rig closes. What ends with the rig is for [`Settler::settle_rest`].
pub(crate) async fn settle_finished(rig: Arc<Rig>) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => rig.settler.settle(&rig, false),
            () = rig.closing.cancelled() => return,
        }
    }
}

fn record(rig: &Rig, waiting: Waiting, tcp: Option<TcpSnapshot>, acknowledged: Option<Instant>) {
    let Waiting { mut exchange, began, first_byte, .. } = waiting;
    exchange.link.tcp_end = tcp;
    if let Some(last) = acknowledged.map(|at| at.max(first_byte)) {
        exchange.timing.total_ms = (last - began).as_secs_f64() * 1e3;
        exchange.timing.delivered_mbps = delivered(&exchange, (last - first_byte).as_secs_f64());
    }
    rig.meters.bytes_out.inc_by(exchange.answer.body_bytes);
    rig.meters
        .exchanges
        .get_or_create(&ExchangeLabels {
            kind: exchange.request.kind.as_str(),
            status: exchange.answer.status,
            cause: exchange.cause.map_or("none", cause_name),
        })
        .inc();
    rig.feed.append(clock::now(), &RecordBody::Exchange(exchange));
}

#[expect(clippy::cast_precision_loss, reason = "bytes of one answer")]
fn delivered(exchange: &Exchange, seconds: f64) -> Option<f64> {
    let measurable = exchange.answer.body_bytes >= MEASURABLE_BYTES && seconds >= MEASURABLE_SECONDS;
    measurable.then(|| exchange.answer.body_bytes as f64 * 8.0 / seconds / 1e6)
}

fn cause_name(cause: rebuffer_model::Cause) -> &'static str {
    match cause {
        rebuffer_model::Cause::Injected => "injected",
        rebuffer_model::Cause::Origin => "origin",
        rebuffer_model::Cause::Client => "client",
        rebuffer_model::Cause::Rig => "rig",
    }
}
