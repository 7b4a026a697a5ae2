//! Runs the demo origin alone: `cargo run -p rebuffer-demo --example origin -- 127.0.0.1:0`.
//!
//! Prints the address of each playlist, and ends on Ctrl-C.

use std::error::Error;
use std::io::{Write, stdout};

use rebuffer_demo::{PATHS, UnixMillis, router, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address).await?;
    let local = listener.local_addr()?;
    for path in PATHS {
        writeln!(stdout(), "http://{local}{path}")?;
    }
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot listen for Ctrl-C");
        }
    };
    serve(listener, router(UnixMillis::now), interrupted).await;
    Ok(())
}
