//! The processes that the tests of this crate start: the archive itself, and a parent of it that can be killed.
//!
//! `child serve` is what the product's subcommand does. `child parent DATA_DIR LIBRARY` supervises an archive until it is killed.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use rebuffer_embedded::{Child, SpawnOptions};

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve"] => match rebuffer_embedded::serve() {
            Ok(never) => match never {},
            Err(_) => std::process::ExitCode::FAILURE,
        },
        ["parent", data_dir, library] => {
            parent(data_dir.into(), library.into());
            std::process::ExitCode::SUCCESS
        }
        _ => std::process::ExitCode::FAILURE,
    }
}

fn parent(data_dir: PathBuf, library: PathBuf) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let program = std::env::current_exe().expect("a program knows its path");
        let options = SpawnOptions::new(program, vec!["serve".into()], data_dir, library);
        let archive = Child::spawn(options).await.expect("loopback and a directory");
        archive.ready(Duration::from_secs(30)).await.expect("a start");
        let address = archive.url().trim_start_matches("http://");
        writeln!(std::io::stdout(), "{address}").expect("a listening test");
        std::future::pending::<()>().await;
    });
}
