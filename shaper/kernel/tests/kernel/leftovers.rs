//! What a run that was killed leaves in the kernel, and what the next one makes of it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::netns::Net;
use crate::{cap, classes, gso_segs, is_untouched, kernel};

const ROLE: &str = "REBUFFER_TEST_TO_BE_KILLED";
const READY: &str = "capped and waiting";

#[test]
fn the_run_after_a_killed_one_cleans_up() {
    if std::env::var_os(ROLE).is_some() {
        return be_killed();
    }
    let Some(net) = Net::new() else { return };
    net.run("ip link set dev lo gso_max_segs 1000");
    let mut child = net.here(|| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "leftovers::the_run_after_a_killed_one_cleans_up", "--nocapture"])
            .env(ROLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    });
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(READY)));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((classes(&net, "lo").len(), gso_segs(&net, "lo")), (1, 1), "nothing is left to clean");

    net.block_on(|| async {
        let shaper = kernel().await;
        assert_eq!(gso_segs(&net, "lo"), 1000);
        assert!(classes(&net, "lo").is_empty());
        // A port of the link that was left behind, for another link.
        shaper.attach(30_101).unwrap().set(&cap(2.0)).await.unwrap();
        shaper.close().await.unwrap();
    });
    assert_eq!(gso_segs(&net, "lo"), 1000);
    net.run(&format!("ip link set dev lo gso_max_segs {}", crate::OWN_SEGS));
    is_untouched(&net, "lo");
}

/// Sets a cap, says so, and waits for its end.
fn be_killed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let shaper = kernel().await;
        let link = shaper.attach(30_100).unwrap();
        link.set(&cap(1.0)).await.unwrap();
        link.join(30_101).await.unwrap();
        println!("{READY}");
        std::io::stdin().lines().for_each(drop);
    });
}
