//! Settings: one struct that defines the flags, the environment variables and `--help`.
//!
//! The only place that names environment variables for reading. A URL or a password is never part of an error.

mod app;
mod database;
mod dispatch;
mod mail;
mod parse;
mod push;
mod rules;
mod secret_files;
mod webhook;

use std::{
    ffi::{OsStr, OsString},
    io::Write,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use allynet_domain::{Email, HelperPolicy, Password, PlaceBeforeAccept};
use allynet_redis::Address;
use allynet_wire::{client::TrustedProxies, origin::Origins};
use anyhow::Context as _;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use self::{
    app::AppSettings,
    database::Database,
    mail::MailSettings,
    push::PushSettings,
    secret_files::{SecretFile, SecretFiles},
    webhook::WebhookSettings,
};
use self::{
    dispatch::DispatchSettings,
    parse::{duration, ignore_empty_variables},
};
use crate::{admin_server::AdminListen, build_info};

/// The secret settings that can be replaced in a running process.
pub(crate) const JWT_SECRET: &str = "ALLYNET_JWT_SECRET";
pub(crate) const SMTP_URL: &str = "ALLYNET_SMTP_URL";
pub(crate) const ALERT_WEBHOOK_URL: &str = "ALLYNET_ALERT_WEBHOOK_URL";
pub(crate) const ALERT_WEBHOOK_SECRET: &str = "ALLYNET_ALERT_WEBHOOK_SECRET";

/// What `--help` says about files that hold secrets.
const ABOUT_SECRET_FILES: &str = "Each secret can be read from a file instead: NAME_FILE in the environment holds its path, as in \
    ALLYNET_JWT_SECRET_FILE=/run/secrets/jwt. The same for DATABASE_URL_FILE, REDIS_URL_FILE, ALLYNET_ADMIN_PASSWORD_FILE, \
    ALLYNET_VAPID_PRIVATE_KEY_FILE, ALLYNET_SMTP_URL_FILE, ALLYNET_ALERT_WEBHOOK_URL_FILE and \
    ALLYNET_ALERT_WEBHOOK_SECRET_FILE. SIGHUP reads the files again.";

/// AllyNet: emergency alerts for verified helpers nearby
#[derive(Debug, Parser)]
#[command(name = "allynet", version = build_info::VERSION_LINE, about, after_help = ABOUT_SECRET_FILES, max_term_width = 110)]
pub struct CommandLine {
    /// Without one the service runs.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// The commands of the binary.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Run the service (the default)
    Serve,
    /// Apply the database migrations and exit
    Migrate,
    /// After the database was restored from a backup: number new events beyond all that were ever numbered, and exit
    AfterRestore,
    /// Check the settings, and whether what they name can be reached; print a line for each part. Changes nothing
    Check,
    /// Copy the SQLite database, which may be in use, with the keys beside it, to a new file
    Backup {
        /// The new file. The keys are written to FILE.secret and FILE.vapid
        file: PathBuf,
    },
    /// Print all that is stored of the account with this email, as JSON: for a user who may not ask for it, being blocked
    Export { email: Email },
    /// Import defibrillators, fire extinguishers and first aid kits from an export of OpenStreetMap. Again, it brings them up to date
    ImportResources {
        /// A `FeatureCollection` as `GeoJSON`
        file: PathBuf,
    },
    /// List, appoint and dismiss administrators
    #[command(subcommand)]
    Admin(AdminCommand),
}

/// The commands for administrators.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AdminCommand {
    /// Print the email of every administrator
    List,
    /// Make the account with this email an administrator
    Grant { email: Email },
    /// Take the rights of an administrator from the account with this email, and end its sessions
    Revoke { email: Email },
}

/// The format of the log.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A setting that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

// `value_name` repeats the environment variable, so that an error of clap names both the flag and the variable.
/// All settings of the service.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Address and port to listen on
    #[arg(
        long,
        global = true,
        env = "ALLYNET_LISTEN",
        value_name = "ALLYNET_LISTEN",
        hide_env = true,
        default_value = "0.0.0.0:5000"
    )]
    pub(crate) listen: SocketAddr,

    /// Address and port of health, readiness and metrics for operators, or `off`
    #[arg(
        long,
        global = true,
        env = "ALLYNET_ADMIN_LISTEN",
        value_name = "ALLYNET_ADMIN_LISTEN",
        hide_env = true,
        default_value = "127.0.0.1:5001"
    )]
    pub(crate) admin_listen: AdminListen,

    /// Database: `sqlite://FILE` (created if missing) or `postgres://USER:PASSWORD@HOST:PORT/NAME`
    #[arg(
        long,
        global = true,
        env = "DATABASE_URL",
        value_name = "DATABASE_URL",
        hide_env = true,
        hide_env_values = true,
        default_value = "sqlite://allynet.db"
    )]
    pub(crate) database_url: SecretString,

    /// Redis for positions and presence between nodes: `redis[s]://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]`, with TLS if
    /// the scheme is `rediss`. Not needed by a single node
    #[arg(long, global = true, env = "REDIS_URL", value_name = "REDIS_URL", hide_env = true, hide_env_values = true)]
    pub(crate) redis_url: Option<SecretString>,

    /// Key that signs tokens, at least 32 bytes, the same on every node. Required with PostgreSQL; with SQLite, one is
    /// generated and stored next to the database file. Several, separated by blanks, while one replaces another: the first
    /// signs, all verify
    #[arg(
        long,
        global = true,
        env = "ALLYNET_JWT_SECRET",
        value_name = "ALLYNET_JWT_SECRET",
        hide_env = true,
        hide_env_values = true
    )]
    pub(crate) jwt_secret: Option<SecretString>,

    /// Lifetime of access tokens
    #[arg(long, global = true, env = "ALLYNET_ACCESS_TOKEN_TTL", value_name = "ALLYNET_ACCESS_TOKEN_TTL", hide_env = true, default_value = "24h", value_parser = duration)]
    pub(crate) access_token_ttl: Duration,

    /// Lifetime of refresh tokens
    #[arg(long, global = true, env = "ALLYNET_REFRESH_TOKEN_TTL", value_name = "ALLYNET_REFRESH_TOKEN_TTL", hide_env = true, default_value = "7d", value_parser = duration)]
    pub(crate) refresh_token_ttl: Duration,

    /// Email of the administrator account. If no account has it, one is created at start; an existing account becomes an
    /// administrator if the password is its own
    #[arg(
        long,
        global = true,
        env = "ALLYNET_ADMIN_EMAIL",
        value_name = "ALLYNET_ADMIN_EMAIL",
        hide_env = true,
        requires = "admin_password"
    )]
    pub(crate) admin_email: Option<Email>,

    /// Password of the administrator account, 8 to 128 characters
    #[arg(
        long,
        global = true,
        env = "ALLYNET_ADMIN_PASSWORD",
        value_name = "ALLYNET_ADMIN_PASSWORD",
        hide_env = true,
        hide_env_values = true,
        requires = "admin_email"
    )]
    pub(crate) admin_password: Option<SecretString>,

    /// Which accounts may help: `verified` helpers only, or every active account (`open`)
    #[arg(
        long,
        global = true,
        env = "ALLYNET_HELPER_POLICY",
        value_name = "ALLYNET_HELPER_POLICY",
        hide_env = true,
        default_value = "verified"
    )]
    pub(crate) helper_policy: HelperPolicy,

    /// What helpers are shown of a place before they accept: the `exact` one, or an `approximate` one, without address and
    /// name. Anonymous emergencies are always approximate. Default: `exact` with the policy `verified`, else `approximate`
    #[arg(
        long,
        global = true,
        env = "ALLYNET_PLACE_BEFORE_ACCEPT",
        value_name = "ALLYNET_PLACE_BEFORE_ACCEPT",
        hide_env = true
    )]
    pub(crate) place_before_accept: Option<PlaceBeforeAccept>,

    /// Allowed web origins (CORS), separated by commas, or `*` for all. Default: localhost
    #[arg(long, global = true, env = "ALLYNET_CORS_ORIGINS", value_name = "ALLYNET_CORS_ORIGINS", hide_env = true)]
    pub(crate) cors_origins: Option<Origins>,

    /// Enable rate limits. Emergencies are never limited
    #[arg(
        long,
        global = true,
        env = "ALLYNET_RATE_LIMITS",
        value_name = "ALLYNET_RATE_LIMITS",
        hide_env = true,
        default_value = "on"
    )]
    pub(crate) rate_limits: Switch,

    /// Serve the manual at `/docs`, and the documents of the interface at `/api/docs`, `/api/openapi.json` and `/api/asyncapi.json`
    #[arg(
        long,
        global = true,
        env = "ALLYNET_DOCS",
        value_name = "ALLYNET_DOCS",
        hide_env = true,
        default_value = "on"
    )]
    pub(crate) docs: Switch,

    /// Maximum number of sockets per client address whose clients have not shown a valid token
    #[arg(
        long,
        global = true,
        env = "ALLYNET_CONNECTIONS_PER_ADDRESS",
        value_name = "ALLYNET_CONNECTIONS_PER_ADDRESS",
        hide_env = true,
        default_value = "100"
    )]
    pub(crate) connections_per_address: NonZeroUsize,

    /// Proxies whose `X-Forwarded-For` is trusted: addresses and networks like 10.0.0.0/8, separated by commas.
    /// Default: none
    #[arg(
        long,
        global = true,
        env = "ALLYNET_TRUSTED_PROXIES",
        value_name = "ALLYNET_TRUSTED_PROXIES",
        hide_env = true
    )]
    pub(crate) trusted_proxies: Option<TrustedProxies>,

    #[command(flatten)]
    pub(crate) push: PushSettings,

    #[command(flatten)]
    pub(crate) mail: MailSettings,

    #[command(flatten)]
    pub(crate) webhook: WebhookSettings,

    #[command(flatten)]
    pub(crate) app: AppSettings,

    #[command(flatten)]
    pub(crate) dispatch: DispatchSettings,

    /// Alert radii in metres, ascending. The first one with enough helpers is used
    #[arg(
        long,
        global = true,
        env = "ALLYNET_ALERT_RADII",
        value_name = "ALLYNET_ALERT_RADII",
        hide_env = true,
        default_value = "5000,10000,15000",
        value_delimiter = ','
    )]
    pub(crate) alert_radii: Vec<f64>,

    /// Number of helpers that is enough for a radius
    #[arg(
        long,
        global = true,
        env = "ALLYNET_ALERT_MIN_HELPERS",
        value_name = "ALLYNET_ALERT_MIN_HELPERS",
        hide_env = true,
        default_value_t = 3
    )]
    pub(crate) alert_min_helpers: u32,

    /// Maximum number of helpers alerted per wave
    #[arg(
        long,
        global = true,
        env = "ALLYNET_ALERT_WAVE_SIZE",
        value_name = "ALLYNET_ALERT_WAVE_SIZE",
        hide_env = true,
        default_value_t = 50
    )]
    pub(crate) alert_wave_size: u32,

    /// Time between two waves of alerts while no helper responds
    #[arg(long, global = true, env = "ALLYNET_ALERT_INTERVAL", value_name = "ALLYNET_ALERT_INTERVAL", hide_env = true, default_value = "60s", value_parser = duration)]
    pub(crate) alert_interval: Duration,

    /// Time after which an alert that no device has received frees its place in a wave
    #[arg(long, global = true, env = "ALLYNET_PLACE_AFTER", value_name = "ALLYNET_PLACE_AFTER", hide_env = true, default_value = "30s", value_parser = duration)]
    pub(crate) place_after: Duration,

    /// Time between two repetitions of an alert after the fifth, and while an emergency is unanswered
    #[arg(long, global = true, env = "ALLYNET_REPEAT_LATE", value_name = "ALLYNET_REPEAT_LATE", hide_env = true, default_value = "10m", value_parser = duration)]
    pub(crate) repeat_late: Duration,

    /// Time between two renewed searches of one emergency whose last helper cancels, after the second
    #[arg(long, global = true, env = "ALLYNET_RENEWAL_PAUSE", value_name = "ALLYNET_RENEWAL_PAUSE", hide_env = true, default_value = "30s", value_parser = duration)]
    pub(crate) renewal_pause: Duration,

    /// Number of emergencies of one owner that may ring the same helper without delay, within the period below
    #[arg(
        long,
        global = true,
        env = "ALLYNET_STORM_RINGS",
        value_name = "ALLYNET_STORM_RINGS",
        hide_env = true,
        default_value_t = NonZeroU32::MIN.saturating_add(4)
    )]
    pub(crate) storm_rings: NonZeroU32,

    /// Period in which the emergencies of one owner are counted, at most a day
    #[arg(long, global = true, env = "ALLYNET_STORM_WINDOW", value_name = "ALLYNET_STORM_WINDOW", hide_env = true, default_value = "10m", value_parser = duration)]
    pub(crate) storm_window: Duration,

    /// Time after the last ring at which the rings beyond that number are made up by one
    #[arg(long, global = true, env = "ALLYNET_STORM_FOLD", value_name = "ALLYNET_STORM_FOLD", hide_env = true, default_value = "60s", value_parser = duration)]
    pub(crate) storm_fold: Duration,

    /// Age at which the service resolves a live emergency by itself
    #[arg(long, global = true, env = "ALLYNET_EMERGENCY_TTL", value_name = "ALLYNET_EMERGENCY_TTL", hide_env = true, default_value = "24h", value_parser = duration)]
    pub(crate) emergency_ttl: Duration,

    /// How long a helper who was at the place and has completed counts as help; others count for one interval of alerts
    #[arg(long, global = true, env = "ALLYNET_RESUME_AFTER_COMPLETED", value_name = "ALLYNET_RESUME_AFTER_COMPLETED", hide_env = true, default_value = "10m", value_parser = duration)]
    pub(crate) resume_after_completed: Duration,

    /// Time after which a helper who cancelled may accept the same emergency again, from the third time on
    #[arg(long, global = true, env = "ALLYNET_REACCEPT_PAUSE", value_name = "ALLYNET_REACCEPT_PAUSE", hide_env = true, default_value = "60s", value_parser = duration)]
    pub(crate) reaccept_pause: Duration,

    /// Time after which an owner may ask for more help again
    #[arg(long, global = true, env = "ALLYNET_RENEW_AGAIN_AFTER", value_name = "ALLYNET_RENEW_AGAIN_AFTER", hide_env = true, default_value = "30s", value_parser = duration)]
    pub(crate) renew_again_after: Duration,

    /// Time within which an end by a helper can be undone
    #[arg(long, global = true, env = "ALLYNET_REOPEN_WITHIN", value_name = "ALLYNET_REOPEN_WITHIN", hide_env = true, default_value = "15m", value_parser = duration)]
    pub(crate) reopen_within: Duration,

    /// Time after which a helper gains trust and ratings from the same owner again
    #[arg(long, global = true, env = "ALLYNET_TRUST_AGAIN_AFTER", value_name = "ALLYNET_TRUST_AGAIN_AFTER", hide_env = true, default_value = "30d", value_parser = duration)]
    pub(crate) trust_again_after: Duration,

    /// Time for which records of emergencies are kept whole after their end, and records of what was deleted
    #[arg(long, global = true, env = "ALLYNET_RETENTION", value_name = "ALLYNET_RETENTION", hide_env = true, default_value = "90d", value_parser = duration)]
    pub(crate) retention: Duration,

    /// Age at which a position is no longer used
    #[arg(long, global = true, env = "ALLYNET_POSITION_TTL", value_name = "ALLYNET_POSITION_TTL", hide_env = true, default_value = "24h", value_parser = duration)]
    pub(crate) position_ttl: Duration,

    /// Time after an event for which a push about it is worth sending, at most 24h
    #[arg(long, global = true, env = "ALLYNET_ALERT_TTL", value_name = "ALLYNET_ALERT_TTL", hide_env = true, default_value = "15m", value_parser = duration)]
    pub(crate) alert_ttl: Duration,

    /// Percentage of the disk of a SQLite database that is left to emergencies, at most 50
    #[arg(long, global = true, env = "ALLYNET_DISK_RESERVE", value_name = "ALLYNET_DISK_RESERVE", hide_env = true, default_value = "5", value_parser = clap::value_parser!(u8).range(0..=50))]
    pub(crate) disk_reserve: u8,

    /// Time for which a block between users has effect at least, even if it is removed before
    #[arg(long, global = true, env = "ALLYNET_UNBLOCK_AFTER", value_name = "ALLYNET_UNBLOCK_AFTER", hide_env = true, default_value = "24h", value_parser = duration)]
    pub(crate) unblock_after: Duration,

    /// Log filter: `warn`, `info`, `debug`, or per module like `allynet=debug,info`
    #[arg(
        long = "log",
        global = true,
        env = "RUST_LOG",
        value_name = "RUST_LOG",
        hide_env = true,
        default_value = "info"
    )]
    pub(crate) log: String,

    /// Log format
    #[arg(
        long,
        global = true,
        env = "ALLYNET_LOG_FORMAT",
        value_name = "ALLYNET_LOG_FORMAT",
        hide_env = true,
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,

    /// URL of an OpenTelemetry collector, which traces are sent to by OTLP over HTTP. Default: none
    #[cfg(feature = "otel")]
    #[arg(
        long,
        global = true,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "OTEL_EXPORTER_OTLP_ENDPOINT",
        hide_env = true
    )]
    pub(crate) otlp_endpoint: Option<String>,

    /// The secrets that are read from files.
    #[arg(skip)]
    pub(crate) secret_files: SecretFiles,
}

impl CommandLine {
    pub(crate) fn parse_from_environment(
        arguments: &[OsString],
        variable: impl Fn(&OsStr) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let mut command = ignore_empty_variables(Self::command(), &variable);
        let (files, arguments) = SecretFiles::read(&mut command, arguments, variable)?;
        let mut line = Self::from_arg_matches(&command.try_get_matches_from(arguments)?)?;
        line.settings.secret_files = files;
        Ok(line)
    }

    /// Reads flags, environment, and the files of secrets. An invalid value ends the process with status 2 and one line that
    /// names the setting.
    pub fn read() -> Self {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let parsed = Self::parse_from_environment(&arguments, |name| std::env::var_os(name));
        parsed.unwrap_or_else(|error| {
            if !error.use_stderr() {
                error.exit();
            }
            let text = error.to_string();
            let line: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
            // A standard error that cannot be written to leaves nowhere to report that.
            let _ = writeln!(std::io::stderr(), "{}", line.join(" "));
            std::process::exit(2)
        })
    }
}

impl Settings {
    /// The parsed database URL. Parsed here and not by clap, whose errors would show the password in it.
    pub(crate) fn database(&self) -> anyhow::Result<Database> {
        self.database_url.expose_secret().parse().map_err(|wrong| anyhow::anyhow!("DATABASE_URL {wrong}"))
    }

    /// The parsed Redis URL, or `None` if it is not set. Parsed here for the same reason.
    pub(crate) fn redis(&self) -> anyhow::Result<Option<Address>> {
        let address = self.redis_url.as_ref().map(|url| url.expose_secret().parse::<Address>());
        address.transpose().map_err(|wrong| anyhow::anyhow!("REDIS_URL {wrong}"))
    }

    /// Email and password of the administrator account, or `None` if they are not set.
    pub(crate) fn admin(&self) -> anyhow::Result<Option<(Email, Password)>> {
        let (Some(email), Some(password)) = (&self.admin_email, &self.admin_password) else { return Ok(None) };
        let password = Password::parse(password.expose_secret()).context("ALLYNET_ADMIN_PASSWORD")?;
        Ok(Some((email.clone(), password)))
    }
}

#[cfg(test)]
mod tests;
