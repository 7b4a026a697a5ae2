//! Bytes as fast as a link lets them, and when they arrived.
//!
//! Invariant: arrivals are counted in windows of one clock, that of the process; the sender and the receiver are threads of
//! their own. Deliberately absent: what is made of the counts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rebuffer_shaper::{Link, Shaper, prepare_listener};
use socket2::{Domain, Socket, Type};

/// Bytes that arrived, in windows of a fixed length from a common start.
pub(crate) struct Windows {
    pub(crate) length: Duration,
    counts: Vec<AtomicU64>,
}

impl Windows {
    pub(crate) fn new(length: Duration, total: Duration) -> Arc<Self> {
        let count = total.as_nanos().div_ceil(length.as_nanos());
        Arc::new(Self { length, counts: (0..count).map(|_| AtomicU64::new(0)).collect() })
    }

    pub(crate) fn total(&self) -> Duration {
        self.length * u32::try_from(self.counts.len()).unwrap()
    }

    fn add(&self, since: Duration, bytes: usize) {
        let at = usize::try_from(since.as_nanos() / self.length.as_nanos()).unwrap();
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Mbit/s of body bytes in each group of `by` windows.
    pub(crate) fn mbps(&self, by: usize) -> Vec<f64> {
        let seconds = self.length.as_secs_f64() * f64::from(u32::try_from(by).unwrap());
        let sum = |group: &[AtomicU64]| group.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>();
        self.counts.chunks_exact(by).map(|group| sum(group) as f64 * 8.0 / 1e6 / seconds).collect()
    }
}

/// A listener as the proxy makes it, in the namespace of the calling thread.
pub(crate) fn listen(address: SocketAddr) -> TcpListener {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    prepare_listener(&socket).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(64).unwrap();
    socket.into()
}

/// A link at the port of a listener, with a shape.
pub(crate) async fn link(shaper: &Shaper, listener: &TcpListener, shape: &rebuffer_model::Shape) -> Link {
    let link = shaper.attach(listener.local_addr().unwrap().port()).unwrap();
    link.set(shape).await.unwrap();
    link
}

/// Runs to its end on a thread and a runtime of its own: the caller's waits here.
pub(crate) fn beside<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}

/// Accepts one connection, puts it under the link and sends until the other side goes.
pub(crate) fn send(listener: &TcpListener, link: &Link) {
    let (socket, _) = listener.accept().unwrap();
    let socket = Arc::new(socket);
    link.adopt(&socket).unwrap();
    let data = vec![7; 64 << 10];
    let runtime =
        link.pacer().map(|_| tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap());
    loop {
        let granted = match (&runtime, link.pacer()) {
            (Some(runtime), Some(pacer)) => runtime.block_on(pacer.take(data.len())),
            (_, _) => data.len(),
        };
        if (&*socket).write_all(&data[..granted]).is_err() {
            return;
        }
    }
}

/// Reads from a connection until the windows are over.
pub(crate) fn receive(address: SocketAddr, start: Instant, windows: &Windows) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut into = vec![0; 64 << 10];
    while start.elapsed() < windows.total() {
        match socket.read(&mut into) {
            Ok(0) => return,
            Ok(bytes) => windows.add(start.elapsed(), bytes),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// The share of the wire that is body: a full segment with timestamps in a packet of 1514 bytes.
pub(crate) fn payload_share(address: SocketAddr, pacing: bool) -> f64 {
    match (pacing, address.is_ipv6()) {
        (true, _) => 0.98,
        (false, false) => 1448.0 / 1514.0,
        (false, true) => 1448.0 / 1534.0,
    }
}
