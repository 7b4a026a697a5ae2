//! What the rig is told: by flags, then the environment, then a TOML file, then defaults.
//!
//! Invariant: one row per setting, here; a file with a name that is no setting is refused. What comes out of [`Settings::resolve`]
//! was checked. Nothing else in the rig reads flags, files or the environment.

mod origin_tls;
mod player_tls;
mod value;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use rebuffer_proxy::{Cors, Mbps, OriginConfig, OriginHosts, OriginName, PortRange};
use rebuffer_shaper::{Mode, ShaperConfig};
use serde::{Deserialize, Serialize};

pub(crate) use origin_tls::{OriginClientCertificate, OriginTlsSettings, SystemStore};
pub(crate) use player_tls::{CertificateName, PlayerTlsSettings, TlsSource};
pub(crate) use value::{Archive, NamedOrigin};
use value::{address, baseline, each, networks, ports};

/// Settings of `rebuffer up`. Each can also stand in the environment and, under the flag's name, in the file.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    /// Read settings from this TOML file.
    #[arg(long, env = "REBUFFER_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Print the settings in force as TOML, and end.
    #[arg(long)]
    #[serde(skip)]
    print_config: bool,
    /// Keep rules, feed and archive here [default: ./rebuffer-data].
    #[arg(long, env = "REBUFFER_DATA_DIR", value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<PathBuf>,
    /// Serve API and dashboard here [default: :30000].
    #[arg(long, env = "REBUFFER_API", value_name = "ADDR:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<String>,
    /// Let players start here [default: :30081].
    #[arg(long, env = "REBUFFER_BASE", value_name = "ADDR:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    /// Give sessions these ports [default: 30100-30599]; 0 lets the system choose.
    #[arg(long, env = "REBUFFER_SESSION_PORTS", value_name = "FIRST-LAST")]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_ports: Option<String>,
    /// An origin players may reach; the first is the default. May be repeated.
    #[arg(long = "origin", env = "REBUFFER_ORIGINS", value_name = "NAME=URL", value_delimiter = ',')]
    #[serde(rename = "origins", skip_serializing_if = "Vec::is_empty")]
    origin: Vec<NamedOrigin>,
    /// Let playlists and redirects of origins also bring in hosts that match: `*.cdn.example` or `edge.example:8443`. May be repeated.
    #[arg(long, env = "REBUFFER_ORIGIN_HOSTS", value_name = "GLOB", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    origin_hosts: Vec<String>,
    /// Let `*` in --origin-hosts also reach addresses of these networks, which are not public: `10.0.0.0/8`. May be repeated.
    #[arg(long, env = "REBUFFER_ORIGIN_NETWORKS", value_name = "CIDR", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    origin_networks: Vec<String>,
    /// What pages may read: `page`, what they may read of the origin direct, or `origin`, headers as they come [default: page].
    #[arg(long, env = "REBUFFER_CORS", value_name = "WHICH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    cors: Option<String>,
    /// Trust the CAs in this PEM file for origins, beside those of the system. May be repeated.
    #[arg(long, env = "REBUFFER_ORIGIN_CAS", value_name = "FILE", value_delimiter = ',')]
    #[serde(rename = "origin-cas", skip_serializing_if = "Vec::is_empty")]
    origin_ca: Vec<PathBuf>,
    /// Do not verify the certificate of this origin. May be repeated.
    #[arg(long, env = "REBUFFER_ORIGIN_INSECURE", value_name = "NAME", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    origin_insecure: Vec<OriginName>,
    /// Use this client certificate for an origin that requests one: PEM files. May be repeated; semicolons separate them in the environment.
    #[arg(long, env = "REBUFFER_ORIGIN_CLIENT_CERTS", value_name = "NAME=CERT,KEY", value_delimiter = ';')]
    #[serde(rename = "origin-client-certs", skip_serializing_if = "Vec::is_empty")]
    origin_client_cert: Vec<OriginClientCertificate>,
    /// Also serve a synthetic live stream, as origin `demo`.
    #[arg(long, env = "REBUFFER_DEMO", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    demo: Option<bool>,
    /// Serve TLS beside clear text on players' ports: off, auto (issued by a CA of the rig's own; also called self-signed), or CERTIFICATE,KEY as PEM files [default: off].
    #[arg(long, env = "REBUFFER_TLS", value_name = "HOW")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsSource>,
    /// Issue the certificate of --tls auto for this name or address too. May be repeated.
    #[arg(long, env = "REBUFFER_TLS_NAMES", value_name = "NAME", value_delimiter = ',')]
    #[serde(rename = "tls-names", skip_serializing_if = "Vec::is_empty")]
    tls_name: Vec<CertificateName>,
    /// Offer these protocols over TLS, the preferred first [default: h2,http/1.1].
    #[arg(long, env = "REBUFFER_TLS_ALPN", value_name = "NAMES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_alpn: Option<String>,
    /// Shape links with: auto, kernel, pacing or off [default: auto].
    #[arg(long, env = "REBUFFER_SHAPER", value_name = "HOW")]
    #[serde(skip_serializing_if = "Option::is_none")]
    shaper: Option<String>,
    /// Shape on this interface only; may be repeated [default: every one that is up].
    #[arg(long = "interface", env = "REBUFFER_INTERFACES", value_name = "NAME", value_delimiter = ',')]
    #[serde(rename = "interfaces", skip_serializing_if = "Vec::is_empty")]
    interface: Vec<String>,
    /// Let sessions live in a network namespace of the rig's own; nothing of the machine's own devices is shaped.
    #[arg(long, env = "REBUFFER_ISOLATE", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    isolate: Option<bool>,
    /// Give links that have no rate of their own this one, 10^6 bit/s; 0 leaves them unlimited [default: 0].
    #[arg(long, env = "REBUFFER_BASELINE_MBPS", value_name = "MBPS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_mbps: Option<f64>,
    /// Keep the evidence in: embedded, off, or the URL of a ClickHouse server [default: embedded].
    #[arg(long, env = "REBUFFER_ARCHIVE", value_name = "WHERE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<Archive>,
    /// The library of the embedded archive; `make archive` fetches it.
    #[arg(long, env = "CHDB_LIB", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_library: Option<PathBuf>,
    /// End a session after this many seconds without activity [default: 60].
    #[arg(long, env = "REBUFFER_IDLE_SECONDS", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_seconds: Option<u64>,
    /// What to log, as `level` or `crate=level,...` [default: info].
    #[arg(long, env = "REBUFFER_LOG", value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    /// The system's trust store, as for other programs.
    #[arg(long, env = "SSL_CERT_FILE", hide = true)]
    #[serde(skip)]
    ssl_cert_file: Option<OsString>,
    /// The same, as directories.
    #[arg(long, env = "SSL_CERT_DIR", hide = true)]
    #[serde(skip)]
    ssl_cert_dir: Option<OsString>,
    /// Where `make` keeps what it fetched.
    #[arg(long, env = "REBUFFER_CACHE", hide = true)]
    #[serde(skip)]
    cache: Option<PathBuf>,
}

/// Settings, checked.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) data_dir: PathBuf,
    pub(crate) api: SocketAddr,
    pub(crate) base: SocketAddr,
    pub(crate) session_ports: PortRange,
    pub(crate) origins: Vec<OriginConfig>,
    pub(crate) origin_hosts: OriginHosts,
    pub(crate) cors: Cors,
    pub(crate) demo: bool,
    pub(crate) origin_tls: OriginTlsSettings,
    pub(crate) tls: PlayerTlsSettings,
    pub(crate) shaper: Mode,
    pub(crate) interfaces: Vec<String>,
    pub(crate) isolate: bool,
    pub(crate) baseline: Option<Mbps>,
    pub(crate) archive: Archive,
    pub(crate) archive_library: Option<PathBuf>,
    pub(crate) cache: Option<PathBuf>,
    pub(crate) idle: Duration,
    pub(crate) log: String,
}

/// What a rig with these settings would take of the machine.
#[derive(Debug)]
pub(crate) struct Visited {
    pub(crate) shaping: ShaperConfig,
    pub(crate) api: SocketAddr,
    pub(crate) base: SocketAddr,
    pub(crate) session_ports: PortRange,
}

impl Settings {
    /// Reads the file, fills in defaults and checks everything; `None` when the settings were only to be printed.
    pub(crate) fn resolve(self) -> anyhow::Result<Option<Resolved>> {
        let print = self.print_config;
        let settings = self.filled()?;
        if print {
            print_config(&settings)?;
            return Ok(None);
        }
        settings.checked().map(Some)
    }

    /// What concerns the machine, for who needs to know nothing else.
    pub(crate) fn visited(self) -> anyhow::Result<Visited> {
        let settings = self.filled()?;
        let (mode, isolate) = (settings.mode()?, settings.isolate.unwrap_or(false));
        Ok(Visited {
            shaping: ShaperConfig { mode, interfaces: settings.interface, isolate },
            api: address(&settings.api.unwrap_or_default()).context("--api")?,
            base: address(&settings.base.unwrap_or_default()).context("--base")?,
            session_ports: ports(&settings.session_ports.unwrap_or_default()).context("--session-ports")?,
        })
    }

    fn filled(self) -> anyhow::Result<Self> {
        let settings = match self.config.clone() {
            Some(path) => self.or(Self::from_file(&path)?),
            None => self,
        };
        Ok(settings.with_defaults())
    }

    fn mode(&self) -> anyhow::Result<Mode> {
        let word = self.shaper.clone().unwrap_or_default();
        word.parse().map_err(|error: String| anyhow::anyhow!("--shaper {error}"))
    }

    fn from_file(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a settings file", path.display()))
    }

    /// What is not set here is taken from `other`.
    fn or(self, other: Self) -> Self {
        fn list<T>(own: Vec<T>, other: Vec<T>) -> Vec<T> {
            if own.is_empty() { other } else { own }
        }
        Self {
            config: self.config,
            print_config: self.print_config,
            data_dir: self.data_dir.or(other.data_dir),
            api: self.api.or(other.api),
            base: self.base.or(other.base),
            session_ports: self.session_ports.or(other.session_ports),
            origin: list(self.origin, other.origin),
            origin_ca: list(self.origin_ca, other.origin_ca),
            origin_insecure: list(self.origin_insecure, other.origin_insecure),
            origin_client_cert: list(self.origin_client_cert, other.origin_client_cert),
            origin_hosts: list(self.origin_hosts, other.origin_hosts),
            origin_networks: list(self.origin_networks, other.origin_networks),
            cors: self.cors.or(other.cors),
            demo: self.demo.or(other.demo),
            tls: self.tls.or(other.tls),
            tls_name: list(self.tls_name, other.tls_name),
            tls_alpn: self.tls_alpn.or(other.tls_alpn),
            shaper: self.shaper.or(other.shaper),
            interface: list(self.interface, other.interface),
            isolate: self.isolate.or(other.isolate),
            baseline_mbps: self.baseline_mbps.or(other.baseline_mbps),
            archive: self.archive.or(other.archive),
            archive_library: self.archive_library.or(other.archive_library),
            idle_seconds: self.idle_seconds.or(other.idle_seconds),
            log: self.log.or(other.log),
            ssl_cert_file: self.ssl_cert_file.or(other.ssl_cert_file),
            ssl_cert_dir: self.ssl_cert_dir.or(other.ssl_cert_dir),
            cache: self.cache.or(other.cache),
        }
    }

    fn with_defaults(self) -> Self {
        self.or(Self {
            data_dir: Some("rebuffer-data".into()),
            api: Some(":30000".into()),
            base: Some(":30081".into()),
            session_ports: Some("30100-30599".into()),
            cors: Some("page".into()),
            demo: Some(false),
            tls: Some(TlsSource::Off),
            tls_alpn: Some("h2,http/1.1".into()),
            shaper: Some(Mode::Auto.to_string()),
            baseline_mbps: Some(0.0),
            archive: Some(Archive::Embedded),
            idle_seconds: Some(60),
            log: Some("info".into()),
            ..Self::default()
        })
    }

    fn checked(self) -> anyhow::Result<Resolved> {
        let demo = self.demo.unwrap_or_default();
        if self.origin.is_empty() && !demo {
            bail!(
                "no origin to put trouble in front of: give --origin NAME=URL, or --demo for a synthetic stream"
            );
        }
        let named = |name: &str| self.origin.iter().filter(|origin| origin.name().as_str() == name).count();
        for origin in &self.origin {
            if named(origin.name().as_str()) > 1 || (demo && origin.name().as_str() == "demo") {
                bail!("two origins are called {:?}", origin.name().as_str());
            }
        }
        let shaper = self.mode()?;
        let origin_tls = OriginTlsSettings {
            ca_files: self.origin_ca,
            insecure: self.origin_insecure,
            client_certificates: self.origin_client_cert,
            system: SystemStore { file: self.ssl_cert_file, directories: self.ssl_cert_dir },
        };
        let names = self.origin.iter().map(|origin| origin.name().as_str());
        let origin_hosts = OriginHosts {
            patterns: each(&self.origin_hosts).context("--origin-hosts")?,
            networks: networks(&self.origin_networks).context("--origin-networks")?,
            ..OriginHosts::default()
        };
        let names = names.chain(demo.then_some("demo")).collect::<Vec<_>>();
        origin_tls.check(&names, &origin_hosts.patterns)?;
        let offered = self.tls_alpn.unwrap_or_default();
        let tls = PlayerTlsSettings::new(self.tls.unwrap_or_default(), self.tls_name, &offered)?;
        let idle = self.idle_seconds.unwrap_or(60);
        if idle == 0 {
            bail!("--idle-seconds must be at least 1");
        }
        let baseline = baseline(self.baseline_mbps.unwrap_or(0.0)).context("--baseline-mbps")?;
        if baseline.is_some() && shaper == Mode::Off {
            bail!("--baseline-mbps cannot be enforced with --shaper off");
        }
        let base = address(&self.base.unwrap_or_default()).context("--base")?;
        let isolate = self.isolate.unwrap_or(false);
        if isolate && base.ip().is_loopback() {
            bail!(
                "with --isolate players come from outside: --base may not be a loopback address; got {base}"
            );
        }
        Ok(Resolved {
            data_dir: self.data_dir.unwrap_or_default(),
            api: address(&self.api.unwrap_or_default()).context("--api")?,
            base,
            session_ports: ports(&self.session_ports.unwrap_or_default()).context("--session-ports")?,
            origins: self.origin.into_iter().map(NamedOrigin::into_config).collect(),
            origin_hosts,
            cors: self.cors.unwrap_or_default().parse().map_err(|error| anyhow::anyhow!("--cors {error}"))?,
            demo,
            origin_tls,
            tls,
            shaper,
            interfaces: self.interface,
            isolate,
            baseline,
            archive: self.archive.unwrap_or_default(),
            archive_library: self.archive_library,
            cache: self.cache,
            idle: Duration::from_secs(idle),
            log: self.log.unwrap_or_default(),
        })
    }
}

#[expect(clippy::print_stdout, reason = "asked for")]
fn print_config(settings: &Settings) -> anyhow::Result<()> {
    print!("{}", toml::to_string(settings)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_toml(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let flags = Settings { api: Some("127.0.0.1:1".into()), ..Settings::default() };
        let file = from_toml("api = \"127.0.0.1:2\"\nbase = \"127.0.0.1:3\"\ndemo = true\n");
        let resolved = flags.or(file).with_defaults().checked().unwrap();
        assert_eq!((resolved.api.port(), resolved.base.port()), (1, 3));
        assert_eq!(resolved.session_ports, PortRange::new(30_100, 30_599).unwrap());
        assert_eq!(resolved.baseline, None);
        let based = from_toml("demo = true\nbaseline-mbps = 4.5").with_defaults().checked().unwrap();
        assert_eq!(based.baseline.map(Mbps::get), Some(4.5));
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let settings =
            from_toml("origins = [\"cdn=https://cdn.example/x\"]\narchive = \"off\"\n").with_defaults();
        let printed = toml::to_string(&settings).unwrap();
        assert_eq!(toml::to_string(&from_toml(&printed)).unwrap(), printed);
    }

    /// The table of the README, out of the flags.
    fn table() -> String {
        let command = Settings::augment_args(clap::Command::new("up"));
        let rows = command.get_arguments().filter(|arg| !arg.is_hide_set()).map(|arg| {
            let value = arg.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
            let flag = format!("--{} {value}", arg.get_long().unwrap_or_default());
            let env = arg.get_env().and_then(|env| env.to_str()).map(|env| format!("`{env}`"));
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let (before, rest) = help.split_once(" [default: ").unwrap_or((&help, "]"));
            let (default, after) = rest.split_once(']').unwrap_or_default();
            let help = format!("{before}{after}");
            let bare = flag.split(' ').next().unwrap_or_default();
            let flag = if arg.get_action().takes_values() { flag.trim() } else { bare };
            format!(
                "| `{flag}` | {} | {default} | {} |\n",
                env.unwrap_or_default(),
                help.trim_end_matches('.')
            )
        });
        rows.collect()
    }

    #[test]
    fn the_readme_lists_every_setting() {
        let readme = include_str!("../../README.md");
        let table = table();
        assert!(readme.contains(&table), "the table of settings in README.md is stale; it is:\n{table}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(toml::from_str::<Settings>("colour = \"red\"").is_err());
        let refused = |text: &str| from_toml(text).with_defaults().checked().unwrap_err().to_string();
        assert!(refused("").contains("--origin"));
        assert!(refused("demo = true\nshaper = \"tc\"").contains("--shaper"));
        assert!(refused("demo = true\nbaseline-mbps = -1").contains("--baseline-mbps"));
        assert!(refused("demo = true\nbaseline-mbps = 5\nshaper = \"off\"").contains("--shaper off"));
        assert!(refused("demo = true\norigin-hosts = [\"a b\"]").contains("--origin-hosts"));
        assert!(refused("demo = true\norigin-networks = [\"10.0.0.0\"]").contains("--origin-networks"));
        assert!(refused("demo = true\ncors = \"all\"").contains("--cors"));
        assert!(refused("demo = true\ntls-alpn = \"h3\"").contains("--tls-alpn"));
        assert!(toml::from_str::<Settings>("tls = \"on\"").is_err());
        assert!(refused("demo = true\norigin-insecure = [\"cdn\"]").contains("--origin-insecure"));
        assert!(refused("demo = true\norigins = [\"demo=http://192.0.2.1/\"]").contains("two origins"));
    }
}
