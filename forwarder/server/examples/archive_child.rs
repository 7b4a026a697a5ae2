//! The archive process of this crate's own tests; the product has its own subcommand for it.

fn main() {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let Err(error) = rebuffer_embedded::serve();
    tracing::error!(%error, "the archive cannot be served");
}
