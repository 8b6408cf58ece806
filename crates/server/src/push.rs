//! Web Push, as the settings say.

use std::sync::Arc;

use allynet_auth::{VapidIdentity, VapidKey};
use allynet_domain::{port::Clock, usecase::devices::PushPorts};
use allynet_notify::{ExtraCa, WebPush};
use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    key_file,
    settings::{Database, Settings},
    store::sqlite_path,
};

/// The ports of Web Push; `None` if there is no key.
///
/// # Errors
/// Returns an error that names the setting if the key, the file next to the database or the certificates cannot be used.
pub(crate) fn ports(
    settings: &Settings,
    database: &Database,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Option<PushPorts>> {
    let settings = &settings.push;
    let extra_ca = settings.extra_ca.as_deref().map(ExtraCa::read).transpose().context("ALLYNET_EXTRA_CA")?;
    let Some(key) = private_key(settings.vapid_private_key.as_ref(), database)? else { return Ok(None) };
    if settings.vapid_subject.is_none() {
        tracing::info!("ALLYNET_VAPID_SUBJECT is not set: some push services refuse messages without a contact");
    }
    let identity = Arc::new(VapidIdentity::new(&key, settings.vapid_subject.clone()));
    let allowed = settings.push_allow.clone();
    let endpoints = WebPush::new(identity.clone(), clock, allowed, &extra_ca.unwrap_or_default())?;
    Ok(Some(PushPorts { endpoints: Arc::new(endpoints), identity }))
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
