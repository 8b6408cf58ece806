//! The gateway to telephones, as the settings say.

use std::sync::Arc;

use allynet_domain::port::Clock;
use allynet_notify::{ExtraCa, SignedWebhook, WebhookSecrets, WebhookUrl};
use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::settings::WebhookSettings;

/// The gateway; `None` if there is none.
///
/// # Errors
/// Returns an error that names the setting if its URL, its secrets or the certificates cannot be used.
pub(crate) fn open(
    settings: &WebhookSettings,
    clock: Arc<dyn Clock>,
    extra_ca: &ExtraCa,
) -> anyhow::Result<Option<Arc<SignedWebhook>>> {
    let Some(url) = &settings.alert_webhook_url else { return Ok(None) };
    // Parsed here and not by clap, whose errors would show them.
    let url: WebhookUrl = url.expose_secret().parse().context("ALLYNET_ALERT_WEBHOOK_URL")?;
    let secrets = settings.alert_webhook_secret.as_ref().map(SecretString::expose_secret).unwrap_or_default();
    let secrets: WebhookSecrets = secrets.parse().context("ALLYNET_ALERT_WEBHOOK_SECRET")?;
    let webhook = SignedWebhook::new(url, secrets, clock, extra_ca).context("ALLYNET_EXTRA_CA")?;
    Ok(Some(Arc::new(webhook)))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::settings::CommandLine;

    fn error(arguments: &[&str]) -> String {
        let line = match CommandLine::try_parse_from(["allynet"].iter().chain(arguments)) {
            Ok(line) => line,
            Err(error) => return error.to_string(),
        };
        let opened = open(&line.settings.webhook, crate::wiring::clock(), &ExtraCa::default());
        opened.err().map(|error| format!("{error:#}")).unwrap_or_default()
    }

    #[test]
    fn a_gateway_needs_a_url_a_secret_and_a_public_url() {
        let url = ["--alert-webhook-url", "https://gateway.example.org/hush"];
        let secret = ["--alert-webhook-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
        let public_url = ["--public-url", "https://allynet.example.org"];
        assert_eq!(error(&[]), "");
        assert_eq!(error(&[url, secret, public_url].concat()), "");
        for (given, named) in [
            ([url, public_url].concat(), "ALLYNET_ALERT_WEBHOOK_SECRET"),
            ([url, secret].concat(), "ALLYNET_PUBLIC_URL"),
            (
                [["--alert-webhook-url", "ftp://gateway.example.org/hush"], secret, public_url].concat(),
                "ALLYNET_ALERT_WEBHOOK_URL",
            ),
            ([url, ["--alert-webhook-secret", "whsec_hush"], public_url].concat(), "ALLYNET_ALERT_WEBHOOK_SECRET"),
        ] {
            let error = error(&given);
            assert!(error.contains(named) && !error.contains("hush"), "{error}");
        }
    }
}
