//! The child half: opens the engine, serves HTTP on the inherited socket, leaves when told to or when the parent is gone.
//!
//! Invariant: however it ends, it ends by `_exit`, because the engine's threads cannot be stopped; acknowledged rows are on disk by then.
//! Standard output carries exactly one line, the report; everything else goes to stderr through tracing.

use std::convert::Infallible;
use std::io::{BufRead, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::sync::oneshot;

use crate::engine::{Engine, Settings};
use crate::http::{Facade, TAG_PREFIX};
use crate::library::Library;
use crate::wire::{Report, Start};
use crate::{Error, os};

/// For running queries to end by themselves, then for those that were killed.
const DRAIN: Duration = Duration::from_secs(2);
const AFTER_KILL: Duration = Duration::from_secs(1);
/// For the engine to close its tables.
const CLOSE: Duration = Duration::from_secs(1);
/// The engine's parser is recursive.
const STACK_BYTES: usize = 8 << 20;

/// Runs the archive in this process, which [`crate::Child`] must have started, and never returns once it serves.
///
/// Call it from the subcommand named in `SpawnOptions::args`, after a tracing subscriber is set that writes
/// plain lines (no colours, no JSON) to stderr: the parent passes them on with the level it finds in them.
/// It may be called inside or outside an async runtime; it uses its own.
///
/// # Errors
/// [`Error::NotOurParent`] when it was started by hand. Any later failure is reported to the parent, and the process ends here.
pub fn serve() -> Result<Infallible, Error> {
    let start = read_start()?;
    let thread = std::thread::Builder::new()
        .name("archive".into())
        .spawn(move || open_and_run(&start))
        .map_err(|source| Error::System { what: "given a thread", source })?;
    // From here on the engine may be loaded, and an ordinary end of the process would crash in it.
    let reason = match thread.join() {
        Ok(Ok(never)) => match never {},
        Ok(Err(error)) => with_sources(&error),
        Err(_) => "a panic, see the log".to_owned(),
    };
    tracing::error!(%reason, "the archive cannot start");
    tell(&Report::Failed { reason });
    os::leave(1)
}

fn open_and_run(start: &Start) -> Result<Infallible, Error> {
    let listener = os::adopt_listener(start.listen_fd)
        .map_err(|error| Error::NotOurParent(format!("no listening socket: {error}")))?;
    let library = Library::load(&start.library)
        .map_err(|source| Error::LibraryUnusable { path: start.library.clone(), source })?;
    let settings = Settings {
        data_dir: start.data_dir.clone(),
        database: start.database.clone(),
        memory_limit_bytes: start.memory_limit_bytes,
    };
    let engine =
        Engine::open(library, &settings).map_err(|exception| Error::Engine(exception.to_string()))?;
    let facade = Facade::new(engine, start.operator.clone(), start.analyst.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("archive-http")
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|source| Error::System { what: "given a runtime", source })?;
    runtime.block_on(run(listener, facade))
}

async fn run(listener: TcpListener, facade: Arc<Facade>) -> Result<Infallible, Error> {
    let refused = |source| Error::System { what: "given its socket", source };
    let port = listener.local_addr().map_err(refused)?.port();
    listener.set_nonblocking(true).map_err(refused)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(refused)?.tap_io(|stream| {
        // Without it small answers wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
    });
    let asked = watch_stdin()?;
    tell(&Report::Ready { port, engine: facade.engine.version.clone() });
    let server = axum::serve(listener, facade.router());
    tokio::select! {
        outcome = server.into_future() => tracing::error!(?outcome, "the archive stopped listening"),
        _ = asked => tracing::debug!("the archive is asked to leave"),
    }
    // The socket is closed here, but the parent's stays open: whoever connects now waits for the next start.
    leave(&facade).await;
    os::leave(0)
}

async fn leave(facade: &Arc<Facade>) {
    let mut places = tokio::time::timeout(DRAIN, facade.drain()).await.ok();
    if places.is_none() {
        tracing::warn!("queries are still running and are killed");
        let engine = Arc::clone(&facade.engine);
        let killing = tokio::task::spawn_blocking(move || engine.kill(TAG_PREFIX));
        let _ = tokio::time::timeout(AFTER_KILL, killing).await;
        places = tokio::time::timeout(AFTER_KILL, facade.drain()).await.ok();
    }
    if places.is_some() {
        let facade = Arc::clone(facade);
        let closing = tokio::task::spawn_blocking(move || {
            facade.sessions.clear();
            facade.engine.close();
        });
        let _ = tokio::time::timeout(CLOSE, closing).await;
    }
}

/// Resolves when the parent closes the pipe, by will or by dying.
fn watch_stdin() -> Result<oneshot::Receiver<()>, Error> {
    let (sender, receiver) = oneshot::channel::<()>();
    std::thread::Builder::new()
        .name("archive-stdin".into())
        .spawn(move || {
            let mut nothing = [0; 64];
            // Dropping the sender is the signal; data that nobody announced is not.
            while matches!(std::io::stdin().lock().read(&mut nothing), Ok(count) if count > 0) {}
            drop(sender);
            // Should the orderly way hang, the process must still not outlive its parent.
            std::thread::sleep(DRAIN + AFTER_KILL * 2 + CLOSE);
            os::leave(0)
        })
        .map_err(|source| Error::System { what: "given a thread", source })?;
    Ok(receiver)
}

fn read_start() -> Result<Start, Error> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Error::NotOurParent(error.to_string()))?;
    serde_json::from_str(&line)
        .map_err(|_| Error::NotOurParent("no start message on standard input".to_owned()))
}

fn tell(report: &Report) {
    let line = serde_json::to_string(report).expect("a report is plain data");
    let mut stdout = std::io::stdout().lock();
    // A parent that does not listen is gone, which the other pipe will tell.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

fn with_sources(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
