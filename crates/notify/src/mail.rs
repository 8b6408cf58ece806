//! The port [`Mailer`] by SMTP (RFC 5321), encrypted unless the server is on this machine.

use std::{fmt, str::FromStr, time::Duration};

use allynet_domain::port::{Mail, MailContent, MailOutcome, Mailer};
use async_trait::async_trait;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        self, PoolConfig,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use metrics::counter;
use parking_lot::RwLock;
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::{Host, Url};

use crate::{mail_text::content, trust::ExtraCa};

/// How long one command of SMTP may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a message may take, connecting and waiting for a connection included.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Most connections to the mail server.
const MAX_CONNECTIONS: u32 = 4;
/// How long a connection is kept for the next message.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The error of a URL that mail must not be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the SMTP URL must be smtps://, or smtp:// with ?tls=required; plain smtp:// only to a loopback address")]
pub struct InvalidSmtpUrl;

/// How a connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    /// From the first byte on (RFC 8314).
    Implicit,
    /// By STARTTLS (RFC 3207), without which no message is sent.
    StartTls,
    /// Not at all: only on this machine.
    Plain,
}

/// A mail server: `smtps://user:password@mail.example.org`. `Debug` shows neither user nor password.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<(String, String)>,
}

impl FromStr for SmtpUrl {
    type Err = InvalidSmtpUrl;

    fn from_str(text: &str) -> Result<Self, InvalidSmtpUrl> {
        let url = Url::parse(text).map_err(|_| InvalidSmtpUrl)?;
        // The parser knows no addresses in URLs of schemes other than those of the web.
        let host = Host::parse(url.host_str().ok_or(InvalidSmtpUrl)?).map_err(|_| InvalidSmtpUrl)?;
        let encryption = match (url.scheme(), url.query()) {
            ("smtps", None) => Encryption::Implicit,
            ("smtp", Some("tls=required")) => Encryption::StartTls,
            ("smtp", None) if is_loopback(&host) => Encryption::Plain,
            _ => return Err(InvalidSmtpUrl),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(InvalidSmtpUrl);
        }
        let port = url.port().unwrap_or(match encryption {
            Encryption::Implicit => 465,
            Encryption::StartTls => 587,
            Encryption::Plain => 25,
        });
        let decode = |text| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| InvalidSmtpUrl);
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => Some((decode(user)?, decode(password)?)),
            _ => return Err(InvalidSmtpUrl),
        };
        let host = match host {
            Host::Domain(name) => name,
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Ok(Self { host, port, encryption, credentials })
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpUrl({}:{}, {:?})", self.host, self.port, self.encryption)
    }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// The error of a text that is not a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sender must be an email address, optionally with a name: AllyNet <alerts@example.org>")]
pub struct InvalidSender;

/// The sender of all emails: `AllyNet <alerts@example.org>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSender(Mailbox);

impl FromStr for MailSender {
    type Err = InvalidSender;

    fn from_str(text: &str) -> Result<Self, InvalidSender> {
        text.parse().map(Self).map_err(|_| InvalidSender)
    }
}

impl MailSender {
    /// The address without the name.
    pub fn address(&self) -> &str {
        self.0.email.as_ref()
    }
}

/// Sends emails through one mail server.
pub struct SmtpMailer {
    transport: RwLock<AsyncSmtpTransport<Tokio1Executor>>,
    sender: MailSender,
    extra_ca: ExtraCa,
}

impl SmtpMailer {
    /// Creates an adapter. Does not connect: a mail server may be down when the program starts.
    ///
    /// # Errors
    /// Returns an error if the certificates or the name of the host cannot be used.
    pub fn new(url: &SmtpUrl, sender: MailSender, extra_ca: &ExtraCa) -> Result<Self, smtp::Error> {
        let transport = RwLock::new(transport(url, extra_ca)?);
        Ok(Self { transport, sender, extra_ca: extra_ca.clone() })
    }

    /// Sends through another server, or with other credentials, from the next message on.
    ///
    /// # Errors
    /// Returns an error if the name of the host cannot be used.
    pub fn replace_server(&self, url: &SmtpUrl) -> Result<(), smtp::Error> {
        let transport = transport(url, &self.extra_ca)?;
        *self.transport.write() = transport;
        Ok(())
    }

    /// Connects, and presents the credentials if there are any. Sends nothing.
    ///
    /// # Errors
    /// Returns an error if the server cannot be reached, or refuses.
    pub async fn probe(&self) -> Result<(), smtp::Error> {
        let transport = self.transport.read().clone();
        transport.test_connection().await.map(|_| ())
    }

    /// `None` if the address cannot be written into a message.
    fn message(&self, mail: &Mail) -> Option<Message> {
        let to: Address = mail.to.as_str().parse().ok()?;
        let (subject, body) = content(&mail.content, mail.locale);
        let sender = &self.sender.0;
        let mut message = Message::builder()
            .from(sender.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .message_id(Some(format!("<{}@{}>", mail.id, sender.email.domain())))
            // No holiday note is sent to it (RFC 3834).
            .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN);
        if let Some(stop) = mail.content.stop_link() {
            // Mail programs offer a button, which sends a POST (RFC 8058).
            message = message
                .raw_header(raw("List-Unsubscribe", format!("<{}>", stop.expose())))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        message.body(body).ok()
    }
}

fn transport(url: &SmtpUrl, extra_ca: &ExtraCa) -> Result<AsyncSmtpTransport<Tokio1Executor>, smtp::Error> {
    let pool = PoolConfig::new().max_size(MAX_CONNECTIONS).idle_timeout(IDLE_TIMEOUT);
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(url.host.as_str())
        .port(url.port)
        .timeout(Some(COMMAND_TIMEOUT))
        .pool_config(pool)
        .tls(match url.encryption {
            Encryption::Implicit => Tls::Wrapper(tls(&url.host, extra_ca)?),
            Encryption::StartTls => Tls::Required(tls(&url.host, extra_ca)?),
            Encryption::Plain => Tls::None,
        });
    if let Some((user, password)) = &url.credentials {
        transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
    }
    Ok(transport.build())
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

fn tls(host: &str, extra_ca: &ExtraCa) -> Result<TlsParameters, smtp::Error> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    for certificate in extra_ca.certificates() {
        parameters = parameters.add_root_certificate(Certificate::from_der(certificate.to_vec())?);
    }
    parameters.build_rustls()
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        let outcome = match self.message(mail) {
            Some(message) => self.deliver(message).await,
            None => MailOutcome::Rejected,
        };
        count(&mail.content, outcome);
        outcome
    }
}

impl SmtpMailer {
    async fn deliver(&self, message: Message) -> MailOutcome {
        let transport = self.transport.read().clone();
        match timeout(SEND_TIMEOUT, transport.send(message)).await {
            Ok(Ok(_)) => MailOutcome::Sent,
            Ok(Err(error)) => {
                let status = error.status().map(u16::from);
                // Not the text of the error: mail servers repeat the address of the recipient.
                tracing::warn!(status, tls = error.is_tls(), timeout = error.is_timeout(), "email was not sent");
                if is_rejection(status) { MailOutcome::Rejected } else { MailOutcome::Failed }
            }
            Err(_) => {
                tracing::warn!("mail server took too long");
                MailOutcome::Failed
            }
        }
    }
}

const SENT: &str = "allynet_emails_sent_total";

/// Describes the metrics of emails.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(SENT, "Emails by what they are about and what became of them");
}

fn count(content: &MailContent, outcome: MailOutcome) {
    let content = match content {
        MailContent::PasswordReset { .. } => "password_reset",
        MailContent::ContactInvitation { .. } => "contact_invitation",
        MailContent::ContactAlert(_) => "contact_alert",
        MailContent::ContactEnded { .. } => "contact_ended",
        MailContent::ContactResumed { .. } => "contact_resumed",
        MailContent::Alert { .. } => "alert",
    };
    let outcome = match outcome {
        MailOutcome::Sent => "sent",
        MailOutcome::Rejected => "refused",
        MailOutcome::Failed => "failed",
    };
    counter!(SENT, "content" => content, "outcome" => outcome).increment(1);
}

/// Whether a status refuses this message for good. Those about the credentials (RFC 4954) refuse every message until they
/// are corrected, and so does 521 (RFC 7504).
fn is_rejection(status: Option<u16>) -> bool {
    matches!(status, Some(500..=599)) && !matches!(status, Some(521 | 530 | 534 | 535 | 538))
}

#[cfg(test)]
mod tests {
    use allynet_domain::{
        Locale, Location, Position, Secret, Text, Timestamp,
        port::{ContactAlert, MailContent},
    };
    use uuid::Uuid;

    use super::*;

    #[test]
    fn mail_servers_are_reached_encrypted_or_on_this_machine() {
        for (text, shown) in [
            ("smtps://mail.example.org", "SmtpUrl(mail.example.org:465, Implicit)"),
            ("smtps://mail.example.org:2465/", "SmtpUrl(mail.example.org:2465, Implicit)"),
            ("smtp://mail.example.org?tls=required", "SmtpUrl(mail.example.org:587, StartTls)"),
            ("smtp://user:p%40ss@mail.example.org:25/?tls=required", "SmtpUrl(mail.example.org:25, StartTls)"),
            ("smtp://localhost", "SmtpUrl(localhost:25, Plain)"),
            ("smtp://127.0.0.1:1025", "SmtpUrl(127.0.0.1:1025, Plain)"),
            ("smtp://[::1]:1025", "SmtpUrl(::1:1025, Plain)"),
        ] {
            assert_eq!(format!("{:?}", text.parse::<SmtpUrl>().unwrap()), shown);
        }
        let url: SmtpUrl = "smtps://user:p%40ss@mail.example.org".parse().unwrap();
        assert_eq!(url.credentials, Some(("user".to_owned(), "p@ss".to_owned())));
        for wrong in [
            "",
            "mail.example.org",
            "https://mail.example.org",
            "smtp://mail.example.org",
            "smtp://10.0.0.7",
            "smtp://mail.example.org?tls=opportunistic",
            "smtp://localhost?tls=none",
            "smtps://mail.example.org?tls=required",
            "smtps://user@mail.example.org",
            "smtps://:password@mail.example.org",
            "smtps://mail.example.org/x",
            "smtps://mail.example.org#x",
            "smtp:localhost",
            "smtps://",
        ] {
            assert!(wrong.parse::<SmtpUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for valid in ["alerts@example.org", "AllyNet <alerts@example.org>"] {
            assert_eq!(valid.parse::<MailSender>().unwrap().address(), "alerts@example.org");
        }
        for wrong in ["", "AllyNet", "AllyNet <>", "a@b@c", "alerts@example.org\r\nBcc: a@example.org"] {
            assert!(wrong.parse::<MailSender>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn statuses_about_credentials_do_not_reject_the_message() {
        for (status, expected) in
            [(550, true), (553, true), (554, true), (530, false), (535, false), (521, false), (451, false)]
        {
            assert_eq!(is_rejection(Some(status)), expected, "{status}");
        }
        assert!(!is_rejection(None));
    }

    #[tokio::test]
    async fn messages_are_written_in_the_language_of_the_recipient() {
        let url = "smtp://localhost:1".parse().unwrap();
        let sender = "AllyNet <alerts@example.org>".parse().unwrap();
        let mailer = SmtpMailer::new(&url, sender, &ExtraCa::default()).unwrap();
        let written = |locale| {
            let link = Secret::new("https://allynet.example.org/reset-password#token=abc".to_owned());
            let content = MailContent::PasswordReset { link, valid_for: Duration::from_mins(30) };
            let mail = Mail { id: Uuid::from_u128(1), to: "ada@example.org".parse().unwrap(), locale, content };
            // Without the breaks of quoted-printable in long lines.
            String::from_utf8(mailer.message(&mail).unwrap().formatted()).unwrap().replace("=\r\n", "")
        };
        let english = written(Locale::English);
        for line in [
            "From: AllyNet <alerts@example.org>",
            "To: ada@example.org",
            "Subject: Reset your password",
            "Message-ID: <00000000-0000-0000-0000-000000000001@example.org>",
            "Auto-Submitted: auto-generated",
            "To choose a new password, open this link within 30 minutes:",
        ] {
            assert!(english.lines().any(|found| found == line), "{line} in {english}");
        }
        let german = written(Locale::German);
        assert!(
            german.contains("innerhalb von 30 Minuten") && german.contains("Content-Transfer-Encoding"),
            "{german}"
        );
    }

    #[tokio::test]
    async fn an_invitation_can_be_declined_for_good_with_one_click() {
        let mailer = SmtpMailer::new(
            &"smtp://localhost:1".parse().unwrap(),
            "a@example.org".parse().unwrap(),
            &ExtraCa::default(),
        );
        let link = |path: &str| Secret::new(format!("https://allynet.example.org/c/{path}/token"));
        for (locale, words) in
            [(Locale::English, "would like to name you"), (Locale::German, "als Notfallkontakt angeben")]
        {
            let owner = "Ada Lovelace".to_owned();
            let content = MailContent::ContactInvitation { owner, confirm: link("confirm"), stop: link("stop") };
            let mail = Mail { id: Uuid::from_u128(1), to: "mum@example.org".parse().unwrap(), locale, content };
            let message = mailer.as_ref().unwrap().message(&mail).unwrap().formatted();
            let message = String::from_utf8(message).unwrap().replace("=\r\n", "");
            for line in [
                "List-Unsubscribe: <https://allynet.example.org/c/stop/token>",
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
                "https://allynet.example.org/c/confirm/token",
                "https://allynet.example.org/c/stop/token",
            ] {
                assert!(message.lines().any(|found| found == line), "{line} in {message}");
            }
            assert!(message.contains(words) && message.contains("Ada Lovelace"), "{message}");
        }
    }

    #[tokio::test]
    async fn a_contact_is_told_who_called_when_and_where_and_how_old_the_place_is() {
        let url = "smtp://localhost:1".parse().unwrap();
        let mailer = SmtpMailer::new(&url, "a@example.org".parse().unwrap(), &ExtraCa::default()).unwrap();
        let link = |path: &str| Secret::new(format!("https://allynet.example.org/c/{path}"));
        let at = |time: &str| format!("2026-01-15T{time}Z").parse::<Timestamp>().unwrap();
        let position = Position::new(47.421_1, -10.985_3).unwrap();
        let location = Location { position, address: Some(Text::parse("Lane 1").unwrap()), description: None };
        for (locale, now, lines) in [
            (
                Locale::English,
                "09:59:59",
                ["Ada called for help at 2026-01-15 10:00 UTC.", "Place, as it was less than a minute ago:"],
            ),
            (
                Locale::English,
                "10:07:59",
                ["Ada called for help at 2026-01-15 10:00 UTC.", "Place, as it was 7 minutes ago:"],
            ),
            (
                Locale::German,
                "10:01:00",
                ["Ada hat um 2026-01-15 10:00 UTC Hilfe gerufen.", "Ort, wie er vor einer Minute war:"],
            ),
        ] {
            let alert = ContactAlert {
                owner: "Ada".to_owned(),
                called_at: at("10:00:00"),
                zone: None,
                location: location.clone(),
                now: at(now),
                page: link("token"),
                stop: link("stop/token"),
            };
            let content = MailContent::ContactAlert(Box::new(alert));
            let mail = Mail { id: Uuid::from_u128(1), to: "mum@example.org".parse().unwrap(), locale, content };
            let message = String::from_utf8(mailer.message(&mail).unwrap().formatted()).unwrap();
            let message = message.replace("=\r\n", "");
            for line in lines.into_iter().chain([
                "Lane 1",
                "geo:47.421100,-10.985300",
                "https://allynet.example.org/c/token",
                "List-Unsubscribe: <https://allynet.example.org/c/stop/token>",
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            ]) {
                assert!(message.lines().any(|found| found == line), "{line} in {message}");
            }
        }
    }

    #[tokio::test]
    async fn the_end_of_an_emergency_and_its_going_on_can_be_stopped_with_one_click() {
        let url = "smtp://localhost:1".parse().unwrap();
        let mailer = SmtpMailer::new(&url, "a@example.org".parse().unwrap(), &ExtraCa::default()).unwrap();
        let (owner, page, stop) = ("Ada".to_owned(), Secret::new("PAGE".to_owned()), Secret::new("STOP".to_owned()));
        let ended = MailContent::ContactEnded { owner: owner.clone(), stop: stop.clone() };
        let resumed = MailContent::ContactResumed { owner, page, stop };
        for (content, locale, words) in [
            (&ended, Locale::English, "The emergency of Ada is over."),
            (&ended, Locale::German, "Der Notfall von Ada ist vorbei."),
            (&resumed, Locale::English, "The emergency of Ada is not over after all."),
            (&resumed, Locale::German, "Der Notfall von Ada ist doch nicht vorbei."),
        ] {
            let (to, content) = ("mum@example.org".parse().unwrap(), content.clone());
            let shows_page = content != ended;
            let message = mailer.message(&Mail { id: Uuid::from_u128(1), to, locale, content }).unwrap().formatted();
            let message = String::from_utf8(message).unwrap();
            assert!(message.lines().any(|line| line == words), "{words} in {message}");
            assert!(message.lines().any(|line| line == "List-Unsubscribe: <STOP>"), "{message}");
            assert_eq!(message.lines().any(|line| line == "PAGE"), shows_page);
        }
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_written_into_a_message_is_rejected() {
        let url = "smtp://localhost:1".parse().unwrap();
        let mailer = SmtpMailer::new(&url, "alerts@example.org".parse().unwrap(), &ExtraCa::default()).unwrap();
        let content = MailContent::PasswordReset { link: Secret::new(String::new()), valid_for: Duration::ZERO };
        let to = "a>b@example.org".parse().unwrap();
        let mail = Mail { id: Uuid::from_u128(1), to, locale: Locale::English, content };
        assert_eq!(mailer.send(&mail).await, MailOutcome::Rejected);
    }
}
