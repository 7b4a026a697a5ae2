//! `rebuffer up`: the whole rig in one process, and the archive in a second one.
//!
//! Invariant: parts start before those that need them and stop after them; whatever happens, the order of stopping is the same,
//! within [`STOP_WITHIN`]. Deliberately absent: what the parts do.

mod archive;
mod assets;
mod errors;
mod halves;
mod health;
mod introduction;
mod origin_tls;
mod tls;

use std::fs::File;
use std::io::IsTerminal;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use prometheus_client::registry::Registry;
use rebuffer_proxy::{OriginConfig, OriginLimits, OriginTls, Proxy, ProxyConfig, Surroundings};
use rebuffer_shaper::{Shaper, ShaperConfig};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::settings::{Resolved, Settings};
use archive::Keeping;
use introduction::{Introduction, Players, near, reachable};
use tls::PlayerCertificate;

/// Everything has to be over after this long.
const STOP_WITHIN: Duration = Duration::from_millis(4_800);
/// How long the rest of the feed may take into the archive at the end.
const DRAIN: Duration = Duration::from_millis(2_500);
const ARCHIVE_GRACE: Duration = Duration::from_millis(500);
/// How long the first words wait for the archive.
const READY_WAIT: Duration = Duration::from_millis(2_500);

/// Libraries whose finest words repeat what passes through them, credentials and all.
const TALKATIVE: [&str; 4] = ["h2", "hyper", "hyper_util", "rustls"];

/// The filter that is asked for, but libraries that would tell secrets.
fn log_filter(asked: &str) -> anyhow::Result<EnvFilter> {
    let filter = EnvFilter::try_new(asked).context("--log")?;
    TALKATIVE
        .iter()
        .try_fold(filter, |filter, library| Ok(filter.add_directive(format!("{library}=info").parse()?)))
}

/// Runs the rig until it is told to stop.
pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    let Some(settings) = settings.resolve()? else { return Ok(()) };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(log_filter(&settings.log)?)
        .init();
    let _lock = lock(&settings.data_dir)?;
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let mut told = Told::listen()?;
        let rig = tokio::select! {
            started = Rig::start(settings) => started?,
            () = told.stop_signal() => return Ok(()),
        };
        rig.introduce();
        told.stop_signal().await;
        tracing::info!("stopping; a second signal ends at once");
        tokio::select! {
            stopped = tokio::time::timeout(STOP_WITHIN, rig.stop()) => {
                stopped.context("the rig did not stop in time; what was not archived is in the feed for the next start")
            }
            () = told.stop_signal() => bail!("ended at once, as told; what was not archived is in the feed for the next start"),
        }
    });
    runtime.shutdown_background();
    done
}

/// SIGINT and SIGTERM.
struct Told {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

/// The parts, in the order they started.
struct Rig {
    keeping: Keeping,
    proxy: Proxy,
    api: SocketAddr,
    /// The addresses at which other devices reach players' ports.
    elsewhere: Vec<IpAddr>,
    /// The names of the origins, the default first.
    origins: Vec<String>,
    server: JoinHandle<()>,
    end_of_api: CancellationToken,
    demo: Option<JoinHandle<()>>,
    /// Renews the certificate of players' TLS; absent without TLS.
    renewal: Option<JoinHandle<()>>,
}

impl Told {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn stop_signal(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl Rig {
    async fn start(settings: Resolved) -> anyhow::Result<Self> {
        let mut registry = Registry::default();
        let listener = TcpListener::bind(settings.api).await.with_context(|| {
            format!("cannot serve the API on {}; choose another with --api", settings.api)
        })?;
        let api = listener.local_addr()?;
        let mut origins = settings.origins.clone();
        let mut origin_hosts = settings.origin_hosts.clone();
        origin_tls::configure(&settings.origin_tls, &mut origins, &mut origin_hosts)?;
        let demo = if settings.demo { Some(demo(&mut origins).await?) } else { None };

        let mut keeping = Keeping::begin(&settings).await;
        let interfaces = settings.interfaces.clone();
        let config = ShaperConfig { mode: settings.shaper, interfaces, isolate: settings.isolate };
        let shaper = Shaper::open(config).await.context("--shaper")?;
        let outlook = keeping.outlook();
        let elsewhere = match shaper.isolated_at() {
            // Reached by a route alone, which is for whoever sets it.
            Some(_) => Vec::new(),
            None => reachable(settings.base.ip(), &tls::interface_addresses()),
        };
        let names = origins.iter().map(|origin| origin.name.as_str().to_owned()).collect();
        let certificate =
            PlayerCertificate::load(&settings, shaper.isolated_at(), OffsetDateTime::now_utc())?;
        let proxy = Proxy::start(
            ProxyConfig {
                base: settings.base,
                session_ports: settings.session_ports,
                origins,
                data_dir: settings.data_dir.clone(),
                idle: settings.idle,
                origin_hosts,
                cors: settings.cors,
                origin_limits: OriginLimits::default(),
                baseline: settings.baseline,
                tls: certificate.as_ref().map(PlayerCertificate::tls),
            },
            Surroundings { api_port: api.port(), archive: Box::new(outlook) },
            shaper,
            &mut registry,
        )
        .await?;
        keeping.follow(&settings, &near(api), &mut registry)?;

        let health = health::Health::new(&proxy, &keeping, registry);
        let live = Router::new().merge(proxy.router()).merge(health.router()).merge(assets::router());
        let router = halves::joined(live, keeping.router());
        let end_of_api = CancellationToken::new();
        let ended = end_of_api.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(ended).await {
                tracing::error!(%error, "the API ended");
            }
        });
        let renewal = certificate.map(|it| tokio::spawn(tls::refresh_daily(it, OffsetDateTime::now_utc)));
        keeping.ready_within(READY_WAIT).await;
        Ok(Self { keeping, proxy, api, elsewhere, origins: names, server, end_of_api, demo, renewal })
    }

    /// The first words. Nobody has to be listening.
    fn introduce(&self) {
        let introduction = Introduction {
            api: self.api,
            players: Players {
                host: self.proxy.player_host(),
                port: self.proxy.base_port(),
                elsewhere: self.elsewhere.clone(),
            },
            origins: self.origins.clone(),
            tls: self.proxy.player_tls(),
            parts: self.proxy.parts().into_iter().chain([self.keeping.part()]).collect(),
        };
        if let Err(error) = std::io::stdout().write_all(introduction.text().as_bytes()) {
            tracing::debug!(%error, "nobody reads the first words");
        }
    }

    async fn stop(mut self) {
        self.proxy.stop().await;
        self.keeping.drain(DRAIN).await;
        self.proxy.close().await;
        self.end_of_api.cancel();
        self.keeping.end(ARCHIVE_GRACE).await;
        // Whoever still holds a connection to the API is not waited for.
        self.server.abort();
        for task in [self.demo, self.renewal].into_iter().flatten() {
            task.abort();
        }
    }
}

/// Starts the synthetic origin on a port of its own and names it.
async fn demo(origins: &mut Vec<OriginConfig>) -> anyhow::Result<JoinHandle<()>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url: Url = format!("http://{}/", listener.local_addr()?).parse()?;
    origins.push(OriginConfig {
        name: "demo".parse()?,
        url,
        playlists: rebuffer_demo::PATHS.iter().map(|path| (*path).to_owned()).collect(),
        tls: OriginTls::default(),
    });
    let router = rebuffer_demo::router(rebuffer_demo::UnixMillis::now);
    Ok(tokio::spawn(rebuffer_demo::serve(listener, router, std::future::pending())))
}

/// One rig per data directory.
fn lock(dir: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot use {}", dir.display()))?;
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot use {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!("another rig uses {}; stop it, or choose another directory with --data-dir", dir.display());
    }
    Ok(file)
}

/// Every session port and every connection is a descriptor.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
