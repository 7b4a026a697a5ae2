//! The thread that forks.
//!
//! The kernel ends a child with the *thread* that forked it (see `os::tie_to_parent`), and threads of the async runtime come and
//! go; so one thread does every fork and lives as long as the supervisor holds this handle.

use std::io;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::Error;

type Request = (Command, oneshot::Sender<io::Result<Child>>);

#[derive(Debug)]
pub(super) struct Spawner(mpsc::SyncSender<Request>);

impl Spawner {
    /// Must be called inside the async runtime that will await the children.
    pub(super) fn new() -> Result<Spawner, Error> {
        let (sender, requests) = mpsc::sync_channel::<Request>(1);
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("archive-spawner".into())
            .spawn(move || {
                let _inside = runtime.enter();
                for (mut command, reply) in requests {
                    // Nobody waiting any more: dropping the child kills it.
                    let _ = reply.send(command.spawn());
                }
            })
            .map_err(|source| Error::System { what: "given a thread", source })?;
        Ok(Spawner(sender))
    }

    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, answer) = oneshot::channel();
        let gone = || io::Error::other("the spawning thread is gone");
        self.0.try_send((command, reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}
