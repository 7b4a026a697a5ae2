//! Network namespaces of the tests' own.
//!
//! Invariant: a namespace has no name, so it ends with its last user, however that ends; the machine's own network is
//! never touched.
//! Deliberately absent: netlink. `ip` and `tc` set up and look, so that no test asks the code under test about itself.

#![expect(unsafe_code, reason = "unshare, setns and setresuid have no safe wrapper")]

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::process::Command;

/// A network namespace, with its loopback up.
#[derive(Debug)]
pub(crate) struct Net {
    file: File,
}

impl Net {
    /// A namespace; none, with the reason printed, where the machine does not allow it.
    pub(crate) fn new() -> Option<Self> {
        let enter = || {
            // SAFETY: no pointer is passed; the thread is its own and ends here.
            let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
            if result == 0 { File::open("/proc/thread-self/ns/net") } else { Err(io::Error::last_os_error()) }
        };
        let made = std::thread::spawn(enter).join().expect("the thread only opens a file");
        let tools = ["ip", "tc"].iter().find(|tool| Command::new(tool).arg("-V").output().is_err());
        match (made, tools) {
            (Ok(file), None) => {
                let net = Self { file };
                net.run("ip link set lo up");
                Some(net)
            }
            (Err(error), _) => {
                println!("skipped: no network namespace can be made: {error}");
                None
            }
            (Ok(_), Some(tool)) => {
                println!("skipped: {tool} is missing (package iproute2)");
                None
            }
        }
    }

    /// A veth pair between two namespaces, with these addresses.
    pub(crate) fn join(&self, mine: Ipv4Addr, other: &Self, theirs: Ipv4Addr) {
        let there = format!("/proc/{}/fd/{}", std::process::id(), other.file.as_raw_fd());
        self.run(&format!("ip link add veth0 type veth peer name veth0 netns {there}"));
        for (net, address) in [(self, mine), (other, theirs)] {
            net.run(&format!("ip address add {address}/24 dev veth0"));
            net.run("ip link set veth0 up");
        }
    }

    /// Runs a future here, on a thread and a runtime of its own.
    pub(crate) fn block_on<F: Future>(&self, future: impl FnOnce() -> F + Send) -> F::Output
    where
        F::Output: Send,
    {
        self.here(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(future())
        })
    }

    /// The same as somebody without any privilege.
    pub(crate) fn block_on_as_nobody<F: Future>(&self, future: impl FnOnce() -> F + Send) -> F::Output
    where
        F::Output: Send,
    {
        self.block_on(|| {
            let nobody = 65_534;
            // SAFETY: no pointer is passed; the system call, unlike the function of libc, concerns this thread alone.
            let result = unsafe { libc::syscall(libc::SYS_setresuid, nobody, nobody, nobody) };
            assert_eq!(result, 0, "{}", io::Error::last_os_error());
            future()
        })
    }

    /// Runs a command of `ip` or `tc` here, and returns what it printed.
    pub(crate) fn run(&self, command: &str) -> String {
        self.try_run(command).unwrap_or_else(|complaint| panic!("{command}: {complaint}"))
    }

    /// The same, or what it complained of.
    pub(crate) fn try_run(&self, command: &str) -> Result<String, String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let output = self.here(|| Command::new(words[0]).args(&words[1..]).output());
        let output = output.expect("the tool was there before");
        let [said, complaint] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if output.status.success() { Ok(said) } else { Err(complaint) }
    }

    /// Runs something on a thread of its own in this namespace.
    pub(crate) fn here<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            // SAFETY: the descriptor is that of an open file; the thread is its own.
            let result = unsafe { libc::setns(self.file.as_raw_fd(), libc::CLONE_NEWNET) };
            assert_eq!(result, 0, "{}", io::Error::last_os_error());
            run()
        };
        std::thread::scope(|scope| match scope.spawn(enter).join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}
