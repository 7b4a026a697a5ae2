//! The OpenAPI documents, as the handlers declare them.

use std::io::Write;

use clap::ValueEnum;

/// Which half of the API.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Which {
    /// Players, rules, links, live events.
    Proxy,
    /// Plays, events, requests, time series.
    Archive,
}

/// Prints a document.
pub(crate) fn print(which: Which) -> anyhow::Result<()> {
    let mut text = text(which)?;
    text.push('\n');
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// A document as JSON.
pub(crate) fn text(which: Which) -> anyhow::Result<String> {
    let document = match which {
        Which::Proxy => rebuffer_proxy::openapi(),
        Which::Archive => rebuffer_forwarder::openapi(),
    };
    Ok(document.to_pretty_json()?)
}
