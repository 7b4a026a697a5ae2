//! Starting processes that cannot outlive the test that started them.

use std::ffi::OsStr;
use std::process::Stdio;

use tokio::process::Command;

/// A command whose process dies when its handle is dropped, and by the kernel when the calling thread is gone.
pub fn tied(program: impl AsRef<OsStr>) -> Command {
    // From util-linux, which every Linux has. It becomes the program, so the process is the program's.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}
