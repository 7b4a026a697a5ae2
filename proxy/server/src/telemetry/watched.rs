//! The link of one session under watch: its connections, the second in the making, and the last one.
//!
//! Invariant: a connection is referred to weakly and never kept open; what it carried last counts also after its end. The watch
//! sleeps while there is neither a connection nor traffic, and a connection wakes it.
//! Deliberately absent: arithmetic (see `fold`).

use std::os::fd::AsFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rebuffer_model::LinkMetrics;
use rebuffer_shaper::Traffic;

use super::fold::{Fold, Heard, Look, Second};
use crate::clock;
use crate::connection::{Connection, Farewell, snapshot};

/// The link of one session.
#[derive(Debug, Default)]
pub(crate) struct Watched(Mutex<Watch>);

#[derive(Debug, Default)]
struct Watch {
    /// None while asleep.
    fold: Option<Fold>,
    followed: Vec<Followed>,
    latest: LinkMetrics,
}

/// A connection of the session.
#[derive(Debug)]
struct Followed {
    number: u64,
    connection: Weak<Connection>,
    farewell: Farewell,
    /// It is gone and had not said its last words yet.
    silent: bool,
}

impl Watched {
    /// A connection serves this session from now on; what it carried before was somebody else's.
    pub(crate) fn follow(&self, connection: &Arc<Connection>) {
        let before = rebuffer_shaper::tcp_info(connection.as_fd()).ok().map(|info| snapshot(&info));
        let now = Duration::from_micros(clock::moment().as_micros());
        let mut watch = self.0.lock();
        watch.fold.get_or_insert_with(|| Fold::new(now)).meet(connection.number, before);
        watch.followed.push(Followed {
            number: connection.number,
            connection: Arc::downgrade(connection),
            farewell: connection.farewell(),
            silent: false,
        });
    }

    /// Whether there is anything to look at.
    pub(crate) fn is_awake(&self) -> bool {
        self.0.lock().fold.is_some()
    }

    /// Looks; says whether a second is over, which the path then took this long.
    pub(super) fn look(&self, at: Duration, traffic: Option<Traffic>, path_ping_rtt_ms: Option<f64>) -> bool {
        let mut watch = self.0.lock();
        let Watch { fold, followed, latest } = &mut *watch;
        let Some(folding) = fold else { return false };
        let mut connections = Vec::with_capacity(followed.len());
        followed.retain_mut(|followed| followed.listen(&mut connections));
        let look = Look { at, traffic, connections: &connections };
        let Some(Second { metrics, quiet }) = folding.take(&look) else { return false };
        if quiet {
            *fold = None;
        }
        *latest = LinkMetrics { path_ping_rtt_ms, ..metrics };
        true
    }

    /// The last second; of a sleeping link there is nothing to say.
    pub(crate) fn latest(&self) -> LinkMetrics {
        self.0.lock().latest.clone()
    }
}

impl Followed {
    /// Adds what it says; false when it has nothing more to say.
    fn listen(&mut self, heard: &mut Vec<Heard>) -> bool {
        let number = self.number;
        if let Some(connection) = self.connection.upgrade() {
            if let Ok(info) = rebuffer_shaper::tcp_info(connection.as_fd()) {
                let rtt_var_ms = Some(info.rtt_var.as_secs_f64() * 1e3);
                heard.push(Heard { number, open: true, tcp: snapshot(&info), rtt_var_ms });
            }
            return true;
        }
        match self.farewell.said() {
            Some(last) => {
                let tcp = last.outstanding.snapshot;
                heard.push(Heard { number, open: false, tcp, rtt_var_ms: None });
                false
            }
            // It may be about to say them.
            None => !std::mem::replace(&mut self.silent, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn connected() -> (Arc<Connection>, tokio::net::TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        (Arc::new(Connection::new(stream, peer).unwrap()), client)
    }

    /// A look so long after the last one that it ends a second.
    fn a_second_later(watched: &Watched, seconds: u64) -> LinkMetrics {
        let now = Duration::from_micros(clock::moment().as_micros());
        assert!(watched.look(now + Duration::from_secs(seconds), None, Some(3.0)), "a second is over");
        watched.latest()
    }

    #[tokio::test]
    async fn a_connection_wakes_the_watch_and_its_end_lets_it_sleep() {
        let watched = Watched::default();
        assert!(!watched.is_awake() && !watched.look(Duration::from_secs(9), None, None));
        let (connection, client) = connected().await;
        watched.follow(&connection);
        let second = a_second_later(&watched, 1);
        assert_eq!((second.tcp.connections, second.path_ping_rtt_ms), (1, Some(3.0)));
        assert!(second.tcp.rtt_ms.is_some() && second.tcp.busiest.cwnd.is_some(), "{second:?}");
        assert_eq!(watched.latest(), second, "reading takes nothing away");
        drop(connection);
        assert_eq!(a_second_later(&watched, 2).tcp.connections, 0);
        assert!(!watched.is_awake());
        drop(client);
    }

    #[tokio::test]
    async fn what_a_connection_delivered_counts_also_after_it_closed() {
        let watched = Watched::default();
        let (connection, mut client) = connected().await;
        watched.follow(&connection);
        let sent = socket2::SockRef::from(&*connection).send(&[7; 10_000]).unwrap();
        tokio::io::AsyncReadExt::read_exact(&mut client, &mut vec![0; sent]).await.unwrap();
        drop(connection);
        let second = a_second_later(&watched, 1);
        assert!(second.tcp.delivered_mbps.is_some_and(|rate| rate > 0.0), "its last words were heard");
        assert!(watched.is_awake(), "something moved");
        assert_eq!(a_second_later(&watched, 2).tcp.delivered_mbps, None, "once");
        assert!(!watched.is_awake());
    }
}
