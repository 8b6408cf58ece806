//! Dependency injection: which adapter is behind which port of each use case.

use std::sync::Arc;

use allynet_auth::{Argon2Passwords, HmacHasher, JwtTokens, ServiceSecrets};
use allynet_domain::{
    outbox::ConfiguredChannels,
    port,
    usecase::{
        Rules, accounts, blocks, contact_notices, contacts, devices, emergencies, helpers, messages, outbox,
        password_resets, retention,
    },
};
use allynet_wire::limits::Limits;
use anyhow::Context as _;

use crate::{
    backoff::JitteredBackoff,
    emergency_queue::EmergencyQueues,
    hashing_queue::AddressQueue,
    key_file,
    limits::GovernorLimiter,
    mail::MailPorts,
    position_batcher::{OnStored, PositionBatcher},
    reset_mail_queue::ResetMailQueue,
    settings::{Database, JWT_SECRET, SecretFile, Settings, Switch},
    store::{PersistencePorts, sqlite_path},
    system::{SystemClock, UuidV7Ids},
};

/// The use cases with their ports.
#[derive(Clone)]
pub(crate) struct UseCases {
    pub(crate) accounts: accounts::AccountPorts,
    pub(crate) blocks: blocks::BlockPorts,
    pub(crate) contacts: contacts::ContactPorts,
    pub(crate) contact_pages: contact_notices::ContactPagePorts,
    /// `None` without email.
    pub(crate) notices: Option<contact_notices::NoticePorts>,
    /// `None` without email.
    pub(crate) invitations: Option<contacts::InvitationPorts>,
    pub(crate) devices: devices::DevicePorts,
    pub(crate) helpers: helpers::HelperPorts,
    pub(crate) emergencies: emergencies::EmergencyPorts,
    pub(crate) messages: messages::MessagePorts,
    pub(crate) password_resets: password_resets::PasswordResetPorts,
    pub(crate) sending: outbox::SendingPorts,
    pub(crate) clock: Arc<dyn port::Clock>,
    pub(crate) ids: Arc<dyn port::Ids>,
}

impl UseCases {
    /// The same use cases on another handle to the same database. Queues and projections are shared.
    pub(crate) fn on(&self, ports: &PersistencePorts) -> Self {
        let mut cx = self.clone();
        cx.emergencies.emergencies = ports.emergencies.clone();
        cx.emergencies.helpers = ports.helpers.clone();
        cx.emergencies.resources = ports.resources.clone();
        cx.emergencies.changes = ports.changes.clone();
        cx.accounts.accounts = ports.accounts.clone();
        cx.accounts.logins = ports.logins.clone();
        cx.accounts.sessions = ports.sessions.clone();
        cx.accounts.changes = ports.changes.clone();
        cx.helpers.accounts = ports.accounts.clone();
        cx.helpers.changes = ports.changes.clone();
        cx.messages.messages = ports.messages.clone();
        cx.messages.emergencies = cx.emergencies.clone();
        cx
    }

    /// The ports of sending on another handle to the same database.
    pub(crate) fn sending_on(&self, ports: &PersistencePorts) -> outbox::SendingPorts {
        let (outbox, changes) = (ports.outbox.clone(), ports.changes.clone());
        outbox::SendingPorts { outbox, changes, ..self.sending.clone() }
    }

    /// The same for telling contacts. `None` without email.
    pub(crate) fn notices_on(&self, ports: &PersistencePorts) -> Option<contact_notices::NoticePorts> {
        let (notices, changes) = (ports.contact_notices.clone(), ports.changes.clone());
        self.notices.clone().map(|cx| contact_notices::NoticePorts { notices, changes, ..cx })
    }

    /// What removes old records.
    pub(crate) fn retention_on(
        &self,
        ports: &PersistencePorts,
        policy: retention::RetentionPolicy,
    ) -> retention::RetentionPorts {
        retention::RetentionPorts {
            retention: ports.retention.clone(),
            changes: ports.changes.clone(),
            clock: self.clock.clone(),
            grid: self.emergencies.rules.places.grid,
            policy,
        }
    }

    /// Wires the use cases to one database and starts the position batcher. Must be called within a Tokio runtime.
    pub(crate) fn new(
        ports: &PersistencePorts,
        signatures: Signatures,
        (push, mail): (Option<devices::PushPorts>, Option<MailPorts>),
        mut rules: Rules,
        on_stored: OnStored,
    ) -> Self {
        rules.tells_contacts = mail.is_some();
        let clock = clock();
        let ids: Arc<dyn port::Ids> = Arc::new(UuidV7Ids);
        let sending = outbox::SendingPorts {
            outbox: ports.outbox.clone(),
            changes: ports.changes.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            hasher: signatures.hasher.clone(),
            push_key: push.as_ref().map(|push| push.identity.public_key()),
            channels: ConfiguredChannels::default(),
        };
        let emergencies = emergencies::EmergencyPorts {
            access_log: ports.access_log.clone(),
            emergencies: ports.emergencies.clone(),
            helpers: ports.helpers.clone(),
            resources: ports.resources.clone(),
            changes: ports.changes.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            queue: Arc::new(EmergencyQueues::default()),
            backoff: Arc::new(JitteredBackoff),
            rules: rules.clone(),
        };
        let tokens = signatures.hasher.clone();
        let accounts = account_ports(ports, signatures);
        let contacts = contacts::ContactPorts {
            contacts: ports.contacts.clone(),
            tokens: tokens.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let contact_pages = contact_notices::ContactPagePorts {
            notices: ports.contact_notices.clone(),
            changes: ports.changes.clone(),
            tokens: tokens.clone(),
            clock: clock.clone(),
            backoff: Arc::new(JitteredBackoff),
        };
        let notices = mail.clone().map(|MailPorts { mailer, links }| {
            let contact_notices::ContactPagePorts { notices, changes, tokens, clock, .. } = contact_pages.clone();
            contact_notices::NoticePorts { notices, changes, tokens, links, mailer, clock, ids: ids.clone() }
        });
        let invitations = mail.clone().map(|MailPorts { mailer, links }| {
            let contacts::ContactPorts { contacts, tokens, clock, ids: _ } = contacts.clone();
            contacts::InvitationPorts { contacts, tokens, links, mailer, clock }
        });
        let password_resets = password_reset_ports(ports, tokens, mail, &accounts);
        Self {
            accounts,
            contacts,
            contact_pages,
            notices,
            invitations,
            password_resets,
            blocks: blocks::BlockPorts {
                blocks: ports.blocks.clone(),
                accounts: ports.accounts.clone(),
                emergencies: emergencies.clone(),
            },
            devices: devices::DevicePorts {
                devices: ports.devices.clone(),
                push,
                alert_ttl: rules.alert_ttl,
                changes: ports.changes.clone(),
                clock: clock.clone(),
                ids: ids.clone(),
                backoff: Arc::new(JitteredBackoff),
            },
            helpers: helpers::HelperPorts {
                accounts: ports.accounts.clone(),
                changes: ports.changes.clone(),
                positions: Arc::new(PositionBatcher::start(ports.positions.clone(), on_stored)),
                clock: clock.clone(),
                backoff: Arc::new(JitteredBackoff),
                rules,
            },
            messages: messages::MessagePorts { emergencies: emergencies.clone(), messages: ports.messages.clone() },
            emergencies,
            sending,
            clock,
            ids,
        }
    }
}

/// The use cases of accounts.
pub(crate) fn account_ports(
    ports: &PersistencePorts,
    Signatures { tokens, hasher }: Signatures,
) -> accounts::AccountPorts {
    accounts::AccountPorts {
        accounts: ports.accounts.clone(),
        logins: ports.logins.clone(),
        sessions: ports.sessions.clone(),
        devices: ports.devices.clone(),
        changes: ports.changes.clone(),
        tokens: Arc::new(tokens),
        passwords: Arc::new(Argon2Passwords::new()),
        hashing: Arc::new(AddressQueue::new()),
        hasher,
        clock: clock(),
        ids: Arc::new(UuidV7Ids),
    }
}

/// The use cases that replace forgotten passwords.
fn password_reset_ports(
    ports: &PersistencePorts,
    tokens: Arc<HmacHasher>,
    mail: Option<MailPorts>,
    accounts: &accounts::AccountPorts,
) -> password_resets::PasswordResetPorts {
    let queue = mail.map(|MailPorts { mailer, links }| {
        let (clock, ids) = (accounts.clock.clone(), accounts.ids.clone());
        let resets = ports.password_resets.clone();
        let cx = password_resets::ResetMailPorts { resets, tokens: tokens.clone(), links, clock, ids };
        Arc::new(ResetMailQueue::new(cx, mailer)) as Arc<dyn port::ResetQueue>
    });
    password_resets::PasswordResetPorts {
        resets: ports.password_resets.clone(),
        changes: ports.changes.clone(),
        tokens,
        passwords: accounts.passwords.clone(),
        hashing: accounts.hashing.clone(),
        queue,
        clock: accounts.clock.clone(),
    }
}

/// The system clock.
pub(crate) fn clock() -> Arc<dyn port::Clock> {
    Arc::new(SystemClock)
}

/// What is made with the secret of the service.
pub(crate) struct Signatures {
    pub(crate) tokens: JwtTokens,
    pub(crate) hasher: Arc<HmacHasher>,
}

/// The configured secrets, or those stored next to the SQLite file, and that file.
///
/// # Errors
/// Returns an error if they are missing or too short.
pub(crate) fn secrets(
    settings: &Settings,
    database: &Database,
) -> anyhow::Result<(ServiceSecrets, Option<SecretFile>)> {
    let (value, file) = match (&settings.jwt_secret, database) {
        (Some(value), _) => (value.clone(), None),
        (None, Database::Sqlite(url)) => {
            let path = sqlite_path(url);
            let value = key_file::load_or_create(&path, "secret", || Ok(key_file::random_key()));
            let (value, path) = (value.context("DATABASE_URL")?, key_file::path(&path, "secret"));
            let (setting, source) = (JWT_SECRET.to_owned(), "DATABASE_URL".to_owned());
            (value.clone(), Some(SecretFile { setting, source, path, value }))
        }
        (None, Database::Postgres(_)) => anyhow::bail!("{JWT_SECRET} is required with PostgreSQL"),
    };
    Ok((ServiceSecrets::parse(&value).context(JWT_SECRET)?, file))
}

/// Tokens that are signed with these secrets, and hashes with them.
///
/// # Errors
/// Returns an error if a lifetime is out of range.
pub(crate) fn signatures(settings: &Settings, secrets: &ServiceSecrets) -> anyhow::Result<Signatures> {
    let (access, refresh) = (settings.access_token_ttl, settings.refresh_token_ttl);
    let tokens = JwtTokens::with_secrets(secrets.clone(), access, refresh)
        .context("ALLYNET_ACCESS_TOKEN_TTL, ALLYNET_REFRESH_TOKEN_TTL")?;
    Ok(Signatures { tokens, hasher: Arc::new(HmacHasher::with_secrets(secrets.clone())) })
}

/// The rate limits of these settings, and the limiter behind them.
pub(crate) fn limits(settings: &Settings) -> (Limits, Arc<GovernorLimiter>) {
    let limiter = Arc::new(GovernorLimiter::new());
    let limits = match settings.rate_limits {
        Switch::On => Limits::on(limiter.clone()),
        Switch::Off => Limits::off(limiter.clone()),
    };
    (limits, limiter)
}
