//! Replaces secrets that are read from files, on SIGHUP, without a restart.
//!
//! All or nothing: if one file cannot be used, every secret stays as it is. Knows which secrets can be replaced in a running
//! process; the others are read at the next start.

use std::{collections::HashMap, sync::Arc};

use allynet_auth::ServiceSecrets;
use allynet_notify::{SignedWebhook, SmtpMailer, SmtpUrl, WebhookSecrets, WebhookUrl};
use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::settings::{ALERT_WEBHOOK_SECRET, ALERT_WEBHOOK_URL, JWT_SECRET, SMTP_URL, SecretFile, SecretFiles};

/// What can be replaced.
pub(crate) struct ReloadTargets {
    /// The secrets of tokens, and the file beside a SQLite database that holds them if no setting does.
    pub(crate) secrets: (ServiceSecrets, Option<SecretFile>),
    /// The sender of emails.
    pub(crate) mailer: Option<Arc<SmtpMailer>>,
    /// The gateway to telephones.
    pub(crate) webhook: Option<Arc<SignedWebhook>>,
}

/// Waits for SIGHUP, which would end the process otherwise.
pub(crate) struct SecretReload {
    hangup: Signal,
}

/// The files, and the values in use.
struct Reloader {
    files: Vec<SecretFile>,
    in_use: HashMap<String, SecretString>,
    targets: ReloadTargets,
}

/// What a reload has changed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reloaded {
    replaced: Vec<String>,
    at_next_start: Vec<String>,
}

impl SecretReload {
    /// Installs the handler of the signal.
    ///
    /// # Errors
    /// Returns an error if the system allows no handler.
    pub(crate) fn install() -> anyhow::Result<Self> {
        Ok(Self { hangup: signal(SignalKind::hangup()).context("cannot handle SIGHUP")? })
    }

    /// Reloads at every signal until `stop` is cancelled.
    pub(crate) async fn run(mut self, files: SecretFiles, targets: ReloadTargets, stop: CancellationToken) {
        let mut secrets = Reloader::new(&files, targets);
        while let Some(Some(())) = stop.run_until_cancelled(self.hangup.recv()).await {
            // Reads files, which are small: the signal is rare.
            match tokio::task::block_in_place(|| secrets.reload()) {
                Ok(Reloaded { replaced, at_next_start }) => tracing::info!(
                    replaced = replaced.join(", "),
                    at_next_start = at_next_start.join(", "),
                    files = secrets.files.len(),
                    "SIGHUP: read the files of secrets again"
                ),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "SIGHUP: a file of a secret cannot be used, all secrets stay as they are");
                }
            }
        }
    }
}

impl Reloader {
    fn new(files: &SecretFiles, targets: ReloadTargets) -> Self {
        let files: Vec<_> = files.iter().chain(&targets.secrets.1).cloned().collect();
        let in_use = files.iter().map(|file| (file.setting.clone(), file.value.clone())).collect();
        Self { files, in_use, targets }
    }

    fn reload(&mut self) -> anyhow::Result<Reloaded> {
        let mut values = HashMap::new();
        for file in &self.files {
            values.insert(file.setting.clone(), file.read_again()?);
        }
        let is_new = |setting: &str| {
            let (value, in_use) = (values.get(setting)?, self.in_use.get(setting));
            (in_use.map(SecretString::expose_secret) != Some(value.expose_secret())).then_some(value)
        };
        let ReloadTargets { secrets: (secrets, _), mailer, webhook } = &self.targets;
        // Everything is parsed before anything is replaced.
        let tokens = is_new(JWT_SECRET).map(ServiceSecrets::parse).transpose().context(JWT_SECRET)?;
        let smtp = parsed::<SmtpUrl>(is_new(SMTP_URL)).context(SMTP_URL)?;
        let webhook_url = parsed::<WebhookUrl>(is_new(ALERT_WEBHOOK_URL)).context(ALERT_WEBHOOK_URL)?;
        let webhook_secrets = parsed::<WebhookSecrets>(is_new(ALERT_WEBHOOK_SECRET)).context(ALERT_WEBHOOK_SECRET)?;
        if let (Some(mailer), Some(url)) = (mailer, &smtp) {
            mailer.replace_server(url).context(SMTP_URL)?;
        }
        if let Some(tokens) = &tokens {
            secrets.replace_by(tokens);
        }
        if let Some(webhook) = webhook {
            webhook.replace(webhook_url, webhook_secrets);
        }
        let mut reloaded = Reloaded::default();
        for setting in self.files.iter().map(|file| &file.setting).filter(|setting| is_new(setting).is_some()) {
            let is_replaced =
                [JWT_SECRET, SMTP_URL, ALERT_WEBHOOK_URL, ALERT_WEBHOOK_SECRET].contains(&setting.as_str());
            let list = if is_replaced { &mut reloaded.replaced } else { &mut reloaded.at_next_start };
            list.push(setting.clone());
        }
        // A secret that waits for the next start stays different from the one in use.
        self.in_use.extend(values.into_iter().filter(|(setting, _)| reloaded.replaced.contains(setting)));
        Ok(reloaded)
    }
}

fn parsed<T: std::str::FromStr>(value: Option<&SecretString>) -> Result<Option<T>, T::Err> {
    value.map(|value| value.expose_secret().parse()).transpose()
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, path::Path};

    use super::*;
    use crate::settings::CommandLine;

    const OLD: &str = "the-old-secret-of-more-than-32-bytes";
    const NEW: &str = "the-new-secret-of-more-than-32-bytes";

    fn reloader(folder: &Path) -> (Reloader, ServiceSecrets) {
        let [tokens, redis] = ["tokens", "redis"].map(|name| folder.join(name));
        std::fs::write(&tokens, OLD).unwrap();
        std::fs::write(&redis, "redis://one").unwrap();
        let line = CommandLine::parse_from_environment(&[OsString::from("allynet")], |name| match name.to_str()? {
            "ALLYNET_JWT_SECRET_FILE" => Some(tokens.clone().into()),
            "REDIS_URL_FILE" => Some(redis.clone().into()),
            _ => None,
        });
        let secrets = ServiceSecrets::parse(&OLD.into()).unwrap();
        let targets = ReloadTargets { secrets: (secrets.clone(), None), mailer: None, webhook: None };
        (Reloader::new(&line.unwrap().settings.secret_files, targets), secrets)
    }

    #[test]
    fn what_has_changed_is_replaced_or_waits_for_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let (mut reloader, secrets) = reloader(folder.path());
        assert_eq!(reloader.reload().unwrap(), Reloaded::default());
        assert_eq!(secrets.count(), 1);
        std::fs::write(folder.path().join("tokens"), format!("{NEW}\n{OLD}\n")).unwrap();
        std::fs::write(folder.path().join("redis"), "redis://two").unwrap();
        let (replaced, at_next_start) = (vec!["ALLYNET_JWT_SECRET".to_owned()], vec!["REDIS_URL".to_owned()]);
        assert_eq!(reloader.reload().unwrap(), Reloaded { replaced, at_next_start: at_next_start.clone() });
        assert_eq!(secrets.count(), 2);
        assert_eq!(reloader.reload().unwrap(), Reloaded { replaced: Vec::new(), at_next_start });
    }

    #[test]
    fn a_file_that_cannot_be_used_keeps_all_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let (mut reloader, secrets) = reloader(folder.path());
        std::fs::write(folder.path().join("tokens"), format!("{NEW} {OLD}")).unwrap();
        std::fs::remove_file(folder.path().join("redis")).unwrap();
        let error = format!("{:#}", reloader.reload().unwrap_err());
        assert!(error.contains("REDIS_URL_FILE") && !error.contains("secret-of"), "{error}");
        assert_eq!(secrets.count(), 1);
        std::fs::write(folder.path().join("redis"), "redis://one").unwrap();
        std::fs::write(folder.path().join("tokens"), format!("{NEW} short")).unwrap();
        let error = format!("{:#}", reloader.reload().unwrap_err());
        assert!(error.contains("ALLYNET_JWT_SECRET") && !error.contains("secret-of"), "{error}");
        assert_eq!(secrets.count(), 1);
    }
}
