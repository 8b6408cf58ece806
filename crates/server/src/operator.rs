//! The commands of operators, which run beside the service or while it is stopped, and exit.

use std::io::{self, Write as _};

use allynet_domain::{
    Email,
    port::Ids as _,
    usecase::{
        administrators::{grant, list, revoke},
        exports::{self, ExportPorts},
    },
};
use allynet_wire::views::{ExportView, ExportViewer};
use anyhow::Context as _;

use crate::{
    high_water::{HighWaterMark, skip_after_restore},
    node_link::NodeLink,
    push,
    settings::{AdminCommand, Settings},
    store::{PersistencePorts, Store},
    system::UuidV7Ids,
    wiring,
};

/// Applies the migrations of the database.
///
/// # Errors
/// Returns an error if the database cannot be used.
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let store = Store::open(&settings.database()?).await?;
    store.close().await;
    tracing::info!("the database is up to date");
    Ok(())
}

/// Numbers new events beyond all that were ever numbered.
///
/// # Errors
/// Returns an error if the database, or a configured Redis, cannot be used.
pub(crate) async fn after_restore(settings: &Settings) -> anyhow::Result<()> {
    let database = settings.database()?;
    let redis = settings.redis()?;
    let store = Store::open(&database).await?;
    let link = NodeLink::open(redis.as_ref(), UuidV7Ids.next().into())?;
    let mark = HighWaterMark::of(&database, &store, &link).await?;
    let skipped = skip_after_restore(&store, &mark).await;
    // What waited when the backup was made is old, and may have been sent since.
    let ports = store.ports();
    let dropped = ports.outbox.drop_waiting().await.context("cannot drop what was queued")?;
    let dropped = dropped + ports.contacts.drop_invitations().await.context("cannot drop what was queued")?;
    let notices = ports.contact_notices.drop_waiting(wiring::clock().now()).await;
    let dropped = dropped + notices.context("cannot drop what was queued")?;
    tracing::info!(dropped, "messages that waited to be sent are dropped");
    store.close().await;
    skipped
}

/// Lists, appoints or dismisses administrators.
///
/// # Errors
/// Returns an error if no account has the email, or the database cannot be used.
pub(crate) async fn administer(settings: &Settings, command: &AdminCommand) -> anyhow::Result<()> {
    let database = settings.database()?;
    let signatures = wiring::signatures(settings, &wiring::secrets(settings, &database)?.0)?;
    let store = Store::open(&database).await?;
    let cx = wiring::account_ports(&store.ports(), signatures);
    let done = match command {
        AdminCommand::List => print(list(&cx).await?.iter().map(|account| &account.email)),
        AdminCommand::Grant { email } => {
            let changed =
                grant(&cx, email).await?.with_context(|| format!("no account has the email {}", email.as_str()))?;
            report(email, if changed { "is an administrator from now on" } else { "is an administrator already" })
        }
        AdminCommand::Revoke { email } => {
            let changed =
                revoke(&cx, email).await?.with_context(|| format!("no account has the email {}", email.as_str()))?;
            report(email, if changed { "is no administrator any more" } else { "is no administrator" })
        }
    };
    store.close().await;
    done
}

/// Prints all that is stored of the account with this email, as `data` of `GET /api/v1/auth/me/export`.
///
/// # Errors
/// Returns an error if no account has the email, or the database cannot be used.
pub(crate) async fn export(settings: &Settings, email: &Email) -> anyhow::Result<()> {
    let database = settings.database()?;
    let mut rules = settings.rules()?;
    let push_key = push::public_key(settings.push.vapid_private_key.as_ref(), &database)?;
    let store = Store::open(&database).await?;
    rules.places.grid = store.place_grid().await?;
    let ports = store.ports();
    let credentials = ports.accounts.credentials(email).await?;
    let account = credentials.with_context(|| format!("no account has the email {}", email.as_str()))?.account;
    let export = exports::export(&export_ports(ports), account.id).await?;
    store.close().await;
    let viewer = ExportViewer { session: None, push_key: push_key.as_ref(), now: wiring::clock().now() };
    let view = ExportView::new(&account, &export, (rules.helpers, &rules.places), viewer);
    Ok(writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&view)?)?)
}

fn export_ports(ports: PersistencePorts) -> ExportPorts {
    let PersistencePorts { access_log, blocks, contacts, devices, emergencies, exports, positions, sessions, .. } =
        ports;
    ExportPorts { access_log, blocks, contacts, devices, emergencies, exports, positions, sessions }
}

fn print<'a>(emails: impl Iterator<Item = &'a Email>) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    for email in emails {
        writeln!(output, "{}", email.as_str())?;
    }
    Ok(())
}

fn report(email: &Email, state: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{} {state}", email.as_str())?)
}
