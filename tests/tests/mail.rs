//! Email to a mail server that speaks SMTP with and without TLS.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{io::Write as _, time::Duration};

use allynet_domain::{
    Locale, Secret,
    port::{Mail, MailContent, MailOutcome, Mailer as _},
};
use allynet_notify::{ExtraCa, SmtpMailer};
use allynet_tests::mail_server::{Encryption, MailServer};
use uuid::Uuid;

fn trust(server: &MailServer) -> ExtraCa {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(server.authority().as_bytes()).unwrap();
    ExtraCa::read(file.path()).unwrap()
}

fn mailer(url: &str, extra_ca: &ExtraCa) -> SmtpMailer {
    SmtpMailer::new(&url.parse().unwrap(), "AllyNet <alerts@example.org>".parse().unwrap(), extra_ca).unwrap()
}

fn mail() -> Mail {
    let link = Secret::new("https://allynet.example.org/reset-password#token=abc".to_owned());
    let content = MailContent::PasswordReset { link, valid_for: Duration::from_mins(30) };
    Mail { id: Uuid::from_u128(1), to: "ada@example.org".parse().unwrap(), locale: Locale::English, content }
}

#[tokio::test]
async fn a_message_is_delivered_over_every_kind_of_connection() {
    for encryption in [Encryption::Implicit, Encryption::StartTls, Encryption::Plain] {
        let server = MailServer::start(encryption, "250 OK").await;
        let url = match encryption {
            Encryption::Implicit => format!("smtps://ada:secret@localhost:{}", server.port()),
            Encryption::StartTls => format!("smtp://ada:secret@localhost:{}?tls=required", server.port()),
            Encryption::Plain => format!("smtp://ada:secret@127.0.0.1:{}", server.port()),
        };
        let mailer = mailer(&url, &trust(&server));
        assert_eq!(mailer.send(&mail()).await, MailOutcome::Sent, "{encryption:?}");
        assert_eq!(mailer.send(&mail()).await, MailOutcome::Sent, "the connection is used again");
        let [first, _] = <[_; 2]>::try_from(server.delivered()).unwrap();
        assert_eq!(first.encrypted, encryption != Encryption::Plain);
        assert_eq!([first.from, first.to], ["MAIL FROM:<alerts@example.org>", "RCPT TO:<ada@example.org>"]);
        assert_eq!(first.credentials.as_deref(), Some("AGFkYQBzZWNyZXQ="));
        assert!(first.message.contains("Subject: Reset your password\r\n"), "{}", first.message);
        assert!(first.message.contains("/reset-password#token=3Dabc") || first.message.contains("#token=abc"));
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_whose_certificate_is_not_trusted_or_that_has_no_tls() {
    let untrusted = MailServer::start(Encryption::Implicit, "250 OK").await;
    let url = format!("smtps://localhost:{}", untrusted.port());
    assert_eq!(mailer(&url, &ExtraCa::default()).send(&mail()).await, MailOutcome::Failed);
    let plain = MailServer::start(Encryption::Plain, "250 OK").await;
    let url = format!("smtp://ada:secret@localhost:{}?tls=required", plain.port());
    assert_eq!(mailer(&url, &trust(&plain)).send(&mail()).await, MailOutcome::Failed);
    assert!(untrusted.delivered().is_empty() && plain.delivered().is_empty());
}

#[tokio::test]
async fn a_recipient_can_be_refused_for_good_or_for_now() {
    for (reply, expected) in [
        ("550 No such user", MailOutcome::Rejected),
        ("451 Try again later", MailOutcome::Failed),
        ("530 Authentication required", MailOutcome::Failed),
    ] {
        let server = MailServer::start(Encryption::Plain, reply).await;
        let mailer = mailer(&format!("smtp://127.0.0.1:{}", server.port()), &ExtraCa::default());
        assert_eq!(mailer.send(&mail()).await, expected, "{reply}");
        assert!(server.delivered().is_empty());
    }
}

#[tokio::test]
async fn a_mail_server_that_is_down_is_a_failure_that_can_pass() {
    let mailer = mailer("smtp://127.0.0.1:1", &ExtraCa::default());
    assert_eq!(mailer.send(&mail()).await, MailOutcome::Failed);
}
