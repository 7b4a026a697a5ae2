//! Starting, dying, starting again, ending.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rebuffer_embedded::{Child, SpawnOptions, State};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;

use crate::rig::{self, PATIENCE, Rig};

async fn kill(pid: u32) {
    let killed = tokio::process::Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).status().await;
    assert!(killed.unwrap().success());
}

#[tokio::test]
async fn a_killed_archive_comes_back_under_its_address_with_every_acknowledged_row() {
    let Some(rig) = Rig::start().await else { return };
    rig.run("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a").await;
    let mut status = rig.archive.status();
    let mut acknowledged = 0;
    for round in 1..=3 {
        for _ in 0..5 {
            let rows: String = (0..1000).map(|row| format!("{}\n", acknowledged + row)).collect();
            rig.post("INSERT INTO t FORMAT TSV").body(rows).send().await.text();
            acknowledged += 1000;
        }
        let pid = status.borrow().pid.unwrap();
        kill(pid).await;
        let returned =
            status.wait_for(|now| matches!(now.state, State::Ready { .. }) && now.pid != Some(pid));
        let restarts = tokio::time::timeout(PATIENCE, returned).await.unwrap().unwrap().restarts;
        assert_eq!(restarts, round);
        let rows = rig.run("SELECT count(), uniqExact(a), max(a) FROM t").await;
        assert_eq!(rows, format!("{acknowledged}\t{acknowledged}\t{}\n", acknowledged - 1));
    }
}

#[tokio::test]
async fn a_request_made_while_the_archive_is_down_waits_for_it() {
    let Some(rig) = Rig::start().await else { return };
    kill(rig.archive.status().borrow().pid.unwrap()).await;
    let mut status = rig.archive.status();
    status.wait_for(|now| !matches!(now.state, State::Ready { .. })).await.unwrap();
    assert_eq!(rig.run("SELECT 1").await, "1\n");
}

#[tokio::test]
async fn the_archive_dies_with_its_parent() {
    let Some(library) = rig::library() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut parent = tokio::process::Command::new(rig::program())
        .arg("parent")
        .args([dir.path(), &library])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut address).await.unwrap();
    let mut connection = TcpStream::connect(address.trim()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut connection, b"GET /ping HTTP/1.1\r\nhost: archive\r\n\r\n")
        .await
        .unwrap();
    let mut status_line = [0; 15];
    connection.read_exact(&mut status_line).await.unwrap();
    assert_eq!(&status_line, b"HTTP/1.1 200 OK");
    kill(parent.id().unwrap()).await;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the archive still holds the connection");
    // The directory is free at once.
    let archive = rig::spawn(dir.path(), library).await;
    archive.ready(PATIENCE).await.unwrap();
    archive.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn shutdown_is_orderly_and_keeps_rows_and_the_analyst_s_password() {
    let Some(rig) = Rig::start().await else { return };
    rig.run("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a").await;
    rig.run("INSERT INTO t SELECT number FROM numbers(10)").await;
    let Rig { archive, dir, .. } = rig;
    let analyst = archive.analyst().clone();
    let mut status = archive.status();
    let began = Instant::now();
    archive.shutdown(Duration::from_secs(20)).await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "an idle archive leaves by itself: {:?}",
        began.elapsed()
    );
    assert_eq!(status.borrow_and_update().state, State::Stopped);
    let again = Rig::start_in(dir).await.unwrap();
    assert_eq!(again.archive.analyst(), &analyst);
    assert_eq!(again.run("SELECT sum(a) FROM t").await, "45\n");
}

#[tokio::test]
async fn the_process_shows_no_secret_and_hears_no_terminal() {
    let Some(rig) = Rig::start().await else { return };
    let pid = rig.archive.status().borrow().pid.unwrap();
    let read = |name: &str| {
        String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/{name}")).unwrap()).into_owned()
    };
    let shown = read("cmdline") + &read("environ");
    for user in [rig.archive.credentials(), rig.archive.analyst()] {
        assert!(!shown.contains(&user.password));
    }
    let stat = read("stat");
    let group = stat.rsplit(") ").next().unwrap().split(' ').nth(2).unwrap();
    assert_eq!(group, pid.to_string(), "an interrupt typed at a terminal goes to the process group");
}

#[tokio::test]
async fn a_start_that_fails_says_why_and_is_tried_again() {
    let Some(library) = rig::library() else { return };
    let dir = tempfile::tempdir().unwrap();
    let first = rig::spawn(dir.path(), library.clone()).await;
    first.ready(PATIENCE).await.unwrap();
    let second = rig::spawn(dir.path(), library).await;
    let mut status = second.status();
    let failed = status.wait_for(|now| matches!(now.state, State::Failed { .. })).await.unwrap().clone();
    let State::Failed { reason, .. } = failed.state else { unreachable!() };
    assert!(reason.contains("refused the directory") && reason.contains("Cannot lock file"), "{reason}");
    first.shutdown(Duration::from_secs(10)).await;
    second.ready(PATIENCE).await.unwrap();
    assert!(second.status().borrow().restarts >= 1);
}

#[tokio::test]
async fn a_file_that_is_no_library_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("libchdb.so");
    std::fs::write(&library, "not a library").unwrap();
    let options =
        SpawnOptions::new(rig::program(), vec!["serve".into()], dir.path().join("data"), library.clone());
    let archive = Child::spawn(options).await.unwrap();
    let mut status = archive.status();
    let failed = status.wait_for(|now| matches!(now.state, State::Failed { .. })).await.unwrap().clone();
    let State::Failed { reason, .. } = failed.state else { unreachable!() };
    assert!(reason.contains(library.to_str().unwrap()), "{reason}");
}
