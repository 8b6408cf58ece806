//! Which adapter stands behind which port of which use case.

use std::sync::Arc;

use allynet_auth::{Argon2Passwords, JwtTokens};
use allynet_domain::{
    port,
    usecase::{Rules, accounts, emergencies, helpers, messages},
};
use allynet_wire::limits::Limits;
use anyhow::Context as _;

use crate::{
    environment::{SystemClock, UuidIds},
    limits::GovernorLimiter,
    positions::{OnStored, PositionBatcher},
    secret,
    settings::{Database, Settings, Switch},
    store::{self, Ports},
};

/// The contexts of all use cases.
#[derive(Clone)]
pub(crate) struct UseCases {
    pub(crate) accounts: accounts::AccountPorts,
    pub(crate) helpers: helpers::HelperPorts,
    pub(crate) emergencies: emergencies::EmergencyPorts,
    pub(crate) messages: messages::MessagePorts,
    pub(crate) clock: Arc<dyn port::Clock>,
    pub(crate) ids: Arc<dyn port::Ids>,
}

impl UseCases {
    pub(crate) fn new(ports: &Ports, tokens: JwtTokens, rules: Rules, moved: OnStored) -> Self {
        let clock = clock();
        let ids: Arc<dyn port::Ids> = Arc::new(UuidIds);
        let emergencies = emergencies::EmergencyPorts {
            emergencies: ports.emergencies.clone(),
            helpers: ports.helpers.clone(),
            changes: ports.changes.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            rules: rules.clone(),
        };
        Self {
            accounts: accounts::AccountPorts {
                accounts: ports.accounts.clone(),
                sessions: ports.sessions.clone(),
                changes: ports.changes.clone(),
                tokens: Arc::new(tokens),
                passwords: Arc::new(Argon2Passwords::new()),
                clock: clock.clone(),
                ids: ids.clone(),
            },
            helpers: helpers::HelperPorts {
                accounts: ports.accounts.clone(),
                changes: ports.changes.clone(),
                positions: Arc::new(PositionBatcher::start(ports.positions.clone(), moved)),
                clock: clock.clone(),
                rules,
            },
            messages: messages::MessagePorts { emergencies: emergencies.clone(), messages: ports.messages.clone() },
            emergencies,
            clock,
            ids,
        }
    }
}

/// The clock of this machine.
pub(crate) fn clock() -> Arc<dyn port::Clock> {
    Arc::new(SystemClock)
}

/// The tokens of these settings, with the key that is configured or kept beside the embedded database.
pub(crate) fn tokens(settings: &Settings, database: &Database) -> anyhow::Result<JwtTokens> {
    let secret = match (&settings.jwt_secret, database) {
        (Some(secret), _) => secret.clone(),
        (None, Database::Sqlite(url)) => secret::beside(&store::file(url)).context("DATABASE_URL")?,
        (None, Database::Postgres(_)) => anyhow::bail!("ALLYNET_JWT_SECRET must be set when PostgreSQL is used"),
    };
    JwtTokens::new(&secret, settings.access_token_ttl, settings.refresh_token_ttl)
        .context("ALLYNET_JWT_SECRET, ALLYNET_ACCESS_TOKEN_TTL, ALLYNET_REFRESH_TOKEN_TTL")
}

/// The rate limits of these settings, and the limiter behind them.
pub(crate) fn limits(settings: &Settings) -> (Limits, Arc<GovernorLimiter>) {
    let limiter = Arc::new(GovernorLimiter::new());
    let limits = match settings.rate_limits {
        Switch::On => Limits::on(limiter.clone(), settings.connections_per_address.get()),
        Switch::Off => Limits::off(),
    };
    (limits, limiter)
}
