//! Email, as the settings say.

use std::sync::Arc;

use allynet_domain::port::Links;
use allynet_notify::{ExtraCa, SmtpMailer, SmtpUrl};
use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use crate::settings::MailSettings;

/// What emails are made with.
#[derive(Clone)]
pub(crate) struct MailPorts {
    pub(crate) mailer: Arc<SmtpMailer>,
    pub(crate) links: Arc<dyn Links>,
}

/// The ports of email; `None` if there is no mail server.
///
/// # Errors
/// Returns an error that names the setting if the URL of the mail server cannot be used.
pub(crate) fn ports(settings: &MailSettings, extra_ca: &ExtraCa) -> anyhow::Result<Option<MailPorts>> {
    let Some(url) = &settings.smtp_url else { return Ok(None) };
    // Parsed here and not by clap, whose errors would show the password in it.
    let url: SmtpUrl = url.expose_secret().parse().context("ALLYNET_SMTP_URL")?;
    let sender = settings.mail_from.clone().context("ALLYNET_MAIL_FROM is required with ALLYNET_SMTP_URL")?;
    let public_url = settings.public_url.clone().context("ALLYNET_PUBLIC_URL is required with ALLYNET_SMTP_URL")?;
    let mailer = SmtpMailer::new(&url, sender, extra_ca).context("ALLYNET_SMTP_URL")?;
    Ok(Some(MailPorts { mailer: Arc::new(mailer), links: Arc::new(public_url) }))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::settings::CommandLine;

    fn settings(arguments: &[&str]) -> Result<MailSettings, String> {
        let line =
            CommandLine::try_parse_from(["allynet"].iter().chain(arguments)).map_err(|error| error.to_string())?;
        Ok(line.settings.mail)
    }

    const COMPLETE: [&str; 6] = [
        "--smtp-url",
        "smtps://me:hush@mail.example.org",
        "--mail-from",
        "AllyNet <alerts@example.org>",
        "--public-url",
        "https://allynet.example.org",
    ];

    #[tokio::test]
    async fn email_needs_a_server_a_sender_and_a_url() {
        assert!(ports(&settings(&[]).unwrap(), &ExtraCa::default()).unwrap().is_none());
        assert!(ports(&settings(&COMPLETE[2..]).unwrap(), &ExtraCa::default()).unwrap().is_none());
        assert!(ports(&settings(&COMPLETE).unwrap(), &ExtraCa::default()).unwrap().is_some());
        for (given, missing) in [(&COMPLETE[..4], "ALLYNET_PUBLIC_URL"), (&COMPLETE[..2], "ALLYNET_MAIL_FROM")] {
            let error = settings(given).unwrap_err();
            assert!(error.contains(missing), "{error}");
        }
    }

    #[test]
    fn an_error_names_the_setting_and_shows_no_password() {
        let arguments = [&["--smtp-url", "smtp://me:hush@mail.example.org"], &COMPLETE[2..]].concat();
        let error = ports(&settings(&arguments).unwrap(), &ExtraCa::default()).err().unwrap();
        let shown = format!("{error:#}");
        assert!(shown.starts_with("ALLYNET_SMTP_URL: the SMTP URL must be") && !shown.contains("hush"), "{shown}");
    }
}
