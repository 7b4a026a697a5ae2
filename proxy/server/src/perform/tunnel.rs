//! A connection that goes on in another protocol after a 101 (RFC 9110 §7.8), WebSocket above all: bytes pass both ways as they
//! come.
//!
//! Invariant: what passes is counted, and goes to the client at the link's pace; the record is written when both sides are done.
//! Deliberately absent: what the bytes mean, and faults of bodies, which there are none of.

use std::io;
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use rebuffer_shaper::Link;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use crate::origin::{Duplex, OriginUpgrade};
use crate::record::Recorder;
use crate::upload::Uploaded;

/// How much is drawn from a side at once.
const PIECE: usize = 16 * 1024;

type Client = TokioIo<Upgraded>;
type Origin = Box<dyn Duplex>;

/// Both sides of a connection that is about to change its protocol.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) client: OnUpgrade,
    pub(super) origin: OriginUpgrade,
}

/// Which side broke.
enum Broke {
    Client,
    Origin,
}

impl Tunnel {
    /// Passes bytes until both sides have ended, one of them breaks, or the connection is cut, at the latest with the session.
    pub(super) async fn run(self, mut recorder: Recorder) {
        let (rig, lane) = (recorder.rig().clone(), recorder.lane().clone());
        let session = recorder.session().clone();
        tokio::select! {
            () = self.pass(&mut recorder) => {}
            () = lane.connection().ending() => {}
            () = session.over.cancelled() => {}
            () = rig.closing.cancelled() => {}
        }
    }

    async fn pass(self, recorder: &mut Recorder) {
        let Some(origin) = self.origin.changed().await else { return recorder.origin_broke() };
        // The client may have gone before it read the 101.
        let Ok(client) = self.client.await else { return };
        let (from_client, to_client) = split(TokioIo::new(client));
        let (from_origin, to_origin) = split(origin.io);
        let from_origin = origin.early.as_ref().chain(from_origin);
        let link = recorder.session().link.clone();
        let linger = recorder.session().origin().stall();
        let uploaded = recorder.counts_upload();
        let up = pass_up(from_client, to_origin, &uploaded);
        let down = pass_down(from_origin, to_client, &link, recorder);
        match both(up, down, linger).await {
            Ok(()) => recorder.complete(),
            Err(Broke::Origin) => recorder.origin_broke(),
            Err(Broke::Client) => {}
        }
    }
}

/// Waits for both directions. When one is over, the other may go on for as long as a body may pause.
async fn both(
    up: impl Future<Output = Result<(), Broke>>,
    down: impl Future<Output = Result<(), Broke>>,
    linger: Duration,
) -> Result<(), Broke> {
    tokio::pin!(up, down);
    tokio::select! {
        ended = &mut up => {
            ended?;
            timeout(linger, down).await.unwrap_or(Err(Broke::Origin))
        }
        ended = &mut down => {
            ended?;
            timeout(linger, up).await.unwrap_or(Ok(()))
        }
    }
}

async fn pass_up(
    mut client: ReadHalf<Client>,
    mut origin: WriteHalf<Origin>,
    uploaded: &Uploaded,
) -> Result<(), Broke> {
    let mut piece = vec![0; PIECE];
    loop {
        match client.read(&mut piece).await {
            Ok(0) => return end(&mut origin).await.map_err(|_| Broke::Origin),
            Ok(count) => {
                uploaded.add(count);
                let read = piece.get(..count).unwrap_or_default();
                origin.write_all(read).await.map_err(|_| Broke::Origin)?;
            }
            Err(_) => return Err(Broke::Client),
        }
    }
}

async fn pass_down(
    mut origin: impl AsyncRead + Unpin,
    mut client: WriteHalf<Client>,
    link: &Link,
    recorder: &mut Recorder,
) -> Result<(), Broke> {
    let mut piece = vec![0; PIECE];
    loop {
        let count = match origin.read(&mut piece).await {
            Ok(0) => return end(&mut client).await.map_err(|_| Broke::Client),
            Ok(count) => count,
            Err(_) => return Err(Broke::Origin),
        };
        recorder.received(count);
        let mut rest = piece.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            let room = match link.pacer() {
                Some(pacer) => pacer.take(rest.len()).await,
                None => rest.len(),
            };
            let (now, later) = rest.split_at(room.min(rest.len()));
            client.write_all(now).await.map_err(|_| Broke::Client)?;
            recorder.sent(now.len());
            rest = later;
        }
    }
}

async fn end(side: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    side.flush().await?;
    side.shutdown().await
}
