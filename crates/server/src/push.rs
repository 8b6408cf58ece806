//! Web Push, as the settings say.

use std::{sync::Arc, time::Duration};

use allynet_auth::{VapidIdentity, VapidKey, VapidSubject};
use allynet_domain::{
    Error, PushKey,
    port::{Clock, PushChannel, PushIdentity as _},
    usecase::devices::{self, DevicePorts, PushPorts},
};
use allynet_notify::{ExtraCa, WebPush};
use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    failure_log::FailureLog,
    key_file,
    settings::{Database, PushSettings, Settings},
    store::sqlite_path,
};

/// Number of users that are told of a new push key by one commit.
const TOLD_AT_ONCE: u32 = 50;
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Web Push: what is needed to register devices, and the channel that reaches them.
pub(crate) struct Push {
    pub(crate) ports: PushPorts,
    pub(crate) channel: Arc<dyn PushChannel>,
}

/// Web Push; `None` if there is no key.
///
/// # Errors
/// Returns an error that names the setting if the key, the file next to the database or the certificates cannot be used.
pub(crate) fn open(
    settings: &PushSettings,
    subject: Option<VapidSubject>,
    database: &Database,
    (clock, extra_ca): (Arc<dyn Clock>, &ExtraCa),
) -> anyhow::Result<Option<Push>> {
    let Some(key) = private_key(settings.vapid_private_key.as_ref(), database)? else { return Ok(None) };
    if subject.is_none() {
        tracing::info!(
            "neither ALLYNET_VAPID_SUBJECT nor ALLYNET_PUBLIC_URL nor ALLYNET_MAIL_FROM is set to a public host: some push \
             services refuse messages without a contact"
        );
    }
    let identity = Arc::new(VapidIdentity::new(&key, subject));
    let allowed = settings.push_allow.clone();
    let channel = Arc::new(WebPush::new(identity.clone(), clock, allowed, extra_ca)?);
    Ok(Some(Push { ports: PushPorts { endpoints: channel.clone(), identity }, channel }))
}

/// Tells the users of devices that were registered under another key that no push reaches them, once, after a new key was
/// configured. Every node does; the commit of the first counts.
pub(crate) async fn tell_of_key_change(cx: DevicePorts, stop: CancellationToken) {
    let telling = async {
        let mut failures = FailureLog::new("telling users of a new push key failed, retrying");
        loop {
            match failures.record::<_, Error>(devices::tell_of_key_change(&cx, TOLD_AT_ONCE).await) {
                Some(0) => break,
                Some(_) => {}
                None => sleep(RETRY_DELAY).await,
            }
        }
    };
    stop.run_until_cancelled(telling).await;
}

/// The certificates that are trusted besides the built-in roots, for push, email and the webhook.
///
/// # Errors
/// Returns an error that names the setting if the file cannot be used.
pub(crate) fn extra_ca(settings: &Settings) -> anyhow::Result<ExtraCa> {
    let path = settings.push.extra_ca.as_deref();
    Ok(path.map(ExtraCa::read).transpose().context("ALLYNET_EXTRA_CA")?.unwrap_or_default())
}

/// The contact for push services: the configured one, else the public URL, else the sender of emails. Push services refuse
/// hosts that are not public, so that a local one is no contact.
pub(crate) fn subject(settings: &Settings) -> Option<VapidSubject> {
    let mail = &settings.mail;
    settings
        .push
        .vapid_subject
        .clone()
        .or_else(|| mail.public_url.as_ref()?.to_string().parse().ok())
        .or_else(|| format!("mailto:{}", mail.mail_from.as_ref()?.address()).parse().ok())
}

/// The public part of the key that [`open`] uses; `None` if there is no key. Creates none.
///
/// # Errors
/// Returns an error that names the setting if the key, or the file next to the database, cannot be used.
pub(crate) fn public_key(configured: Option<&SecretString>, database: &Database) -> anyhow::Result<Option<PushKey>> {
    let (key, source) = match (configured, database) {
        (Some(key), _) => (Some(key.clone()), "ALLYNET_VAPID_PRIVATE_KEY"),
        (None, Database::Sqlite(url)) => {
            (key_file::load(&sqlite_path(url), "vapid").context("DATABASE_URL")?, "the file *.vapid")
        }
        (None, Database::Postgres(_)) => return Ok(None),
    };
    let Some(key) = key else { return Ok(None) };
    let key: VapidKey = key.expose_secret().parse().context(source)?;
    Ok(Some(VapidIdentity::new(&key, None).public_key()))
}

/// The configured key, or the one stored next to the SQLite file.
fn private_key(configured: Option<&SecretString>, database: &Database) -> anyhow::Result<Option<VapidKey>> {
    let (key, source) = match (configured, database) {
        (Some(key), _) => (key.clone(), "ALLYNET_VAPID_PRIVATE_KEY"),
        (None, Database::Sqlite(url)) => {
            let generate = || Ok(VapidKey::generate()?.encode().expose().to_owned());
            (
                key_file::load_or_create(&sqlite_path(url), "vapid", generate).context("DATABASE_URL")?,
                "the file *.vapid",
            )
        }
        (None, Database::Postgres(_)) => return Ok(None),
    };
    key.expose_secret().parse().map(Some).context(source)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::settings::CommandLine;

    #[test]
    fn the_contact_is_the_configured_one_or_the_public_url_or_the_sender() {
        let contact = |arguments: &[&str]| {
            let line = CommandLine::try_parse_from(["allynet"].iter().chain(arguments)).unwrap();
            subject(&line.settings)
        };
        let [configured, url, local_url, sender] = [
            ["--vapid-subject", "mailto:ops@example.org"],
            ["--public-url", "https://allynet.example.org"],
            ["--public-url", "http://localhost:5000"],
            ["--mail-from", "AllyNet <alerts@example.org>"],
        ];
        for (arguments, expected) in [
            (vec![], None),
            ([configured, url, sender].concat(), Some("mailto:ops@example.org")),
            ([url, sender].concat(), Some("https://allynet.example.org")),
            ([local_url, sender].concat(), Some("mailto:alerts@example.org")),
            (sender.to_vec(), Some("mailto:alerts@example.org")),
            (local_url.to_vec(), None),
        ] {
            assert_eq!(contact(&arguments), expected.map(|text| text.parse().unwrap()), "{arguments:?}");
        }
    }
}
