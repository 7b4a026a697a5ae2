//! `rebuffer up`: the whole rig in one process, and the archive in a second one.
//!
//! Invariant: parts start before those that need them and stop after them; whatever happens, the order of stopping is the same,
//! within [`STOP_WITHIN`]. Deliberately absent: what the parts do.

mod archive;
mod assets;
mod errors;
mod halves;
mod health;
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
use rebuffer_api::PlayerTlsView;
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
        Ok(Self { keeping, proxy, api, server, end_of_api, demo, renewal })
    }

    /// The first words: where everything is, and what is missing. Nobody has to be listening.
    fn introduce(&self) {
        let mut words = format!(
            "Rebuffer is up.\n  dashboard      {0}/dashboard/v3/\n  API            {0}/api/v2/info\n  \
             players start  http://{1}:{2}/<origin>/<path>?player_id=<name>\n",
            near(self.api),
            self.proxy.player_host(),
            self.proxy.base_port()
        );
        words += &self.proxy.player_tls().map(tls_lines).unwrap_or_default();
        for part in self.proxy.parts().into_iter().chain([self.keeping.part()]) {
            let sign = if part.ready { "ok " } else { "-- " };
            words += &format!("  {sign} {:<10} {}\n", part.name, part.reason);
        }
        if let Err(error) = std::io::stdout().write_all(words.as_bytes()) {
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

/// Where TLS is spoken, and which CA players have to trust for it.
fn tls_lines(tls: PlayerTlsView) -> String {
    let urls = if tls.urls.is_empty() { "on the same ports".to_owned() } else { tls.urls.join(" ") };
    let ca = tls.ca_url.map(|url| format!("  CA to trust    {url}\n"));
    format!("  over TLS       {urls}\n{}", ca.unwrap_or_default())
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

/// The address as a program on this machine reaches it.
fn near(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if ip.is_unspecified() => return format!("http://localhost:{}", address.port()),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    format!("http://{ip}:{}", address.port())
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
