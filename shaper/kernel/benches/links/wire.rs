//! What passed on the wire and when, as the kernel stamped it: a capture, so that a receiver that is not scheduled for a moment
//! is not taken for a burst.
//!
//! Invariant: a capture that missed packets is no measurement. Deliberately absent: what is made of the packets.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::netns::Net;

/// Bytes of one window, by the port they came from.
pub(crate) type Ports = BTreeMap<u16, Vec<u64>>;

/// A capture of everything with a TCP header that comes in from one address.
pub(crate) struct Capture {
    tcpdump: Child,
    said: BufReader<std::process::ChildStderr>,
    file: tempfile::NamedTempFile,
}

/// Ethernet, IPv4 without options, and the ports.
const HEADERS: usize = 14 + 20 + 4;
/// The head of a capture file, and of each packet in it.
const FILE_HEAD: usize = 24;
const PACKET_HEAD: usize = 16;

impl Capture {
    pub(crate) fn start(net: &Net, from: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut tcpdump = net.here(|| {
            Command::new("tcpdump")
                .args(["-i", "veth0", "-s", "64", "-B", "65536", "-Z", "root", "-w"])
                .arg(file.path())
                .arg(format!("tcp and src host {from}"))
                .stderr(Stdio::piped())
                .spawn()
                .expect("tcpdump is there (package tcpdump)")
        });
        let mut said = BufReader::new(tcpdump.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "tcpdump did not start");
        }
        Self { tcpdump, said, file }
    }

    /// Ends the capture; bytes on the wire in windows of this length from `start` on.
    pub(crate) fn windows(mut self, start: SystemTime, length: Duration, total: Duration) -> Ports {
        let ended = Command::new("kill").arg("-INT").arg(self.tcpdump.id().to_string()).status().unwrap();
        assert!(ended.success());
        let said: Vec<String> = self.said.lines().map(Result::unwrap).collect();
        self.tcpdump.wait().unwrap();
        assert!(said.iter().any(|line| line == "0 packets dropped by kernel"), "{said:?}");
        let start = start.duration_since(UNIX_EPOCH).unwrap();
        let windows = usize::try_from(total.as_nanos() / length.as_nanos()).unwrap();
        let mut ports = Ports::new();
        for (at, port, bytes) in packets(&std::fs::read(self.file.path()).unwrap()) {
            let Some(since) = at.checked_sub(start) else { continue };
            let window = usize::try_from(since.as_nanos() / length.as_nanos()).unwrap();
            if let Some(count) = ports.entry(port).or_insert_with(|| vec![0; windows]).get_mut(window) {
                *count += u64::from(bytes);
            }
        }
        ports
    }
}

/// When each packet came, from which port, and how long it was.
fn packets(file: &[u8]) -> impl Iterator<Item = (Duration, u16, u32)> {
    let mut rest = &file[FILE_HEAD..];
    std::iter::from_fn(move || {
        let (head, packet) = rest.split_at_checked(PACKET_HEAD)?;
        let field = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap());
        let (captured, length) = (usize::try_from(field(8)).unwrap(), field(12));
        let at = Duration::from_secs(u64::from(field(0))) + Duration::from_micros(u64::from(field(4)));
        let port = u16::from_be_bytes(packet[HEADERS - 4..HEADERS - 2].try_into().unwrap());
        rest = &packet[captured..];
        Some((at, port, length))
    })
}
