//! Reaches users without a connection: the ports [`PushChannel`](allynet_domain::port::PushChannel) and
//! [`PushEndpoints`](allynet_domain::port::PushEndpoints) by Web Push, [`Mailer`](allynet_domain::port::Mailer) by SMTP, and
//! [`AlertWebhook`](allynet_domain::port::AlertWebhook) by signed requests to a gateway.
//!
//! A channel sends one message at a time and tells what became of it; [`OutboxSender`] sends what is due. Every URL of a stranger passes the guard in `destination` and `connector`.

mod address;
mod connector;
mod destination;
mod http_client;
mod mail;
mod mail_text;
mod probe;
mod sender;
mod text;
mod trust;
mod web_push;
mod webhook;

pub use destination::{AllowedHost, NotAHost};
pub use mail::{InvalidSender, InvalidSmtpUrl, MailSender, SmtpMailer, SmtpUrl};
pub use probe::{OperatorClient, ProbeError, get_status};
pub use sender::{Channels, MessageTexts, OutboxSender};
pub use trust::{ExtraCa, ExtraCaError};
pub use web_push::WebPush;
pub use webhook::{InvalidWebhookSecret, InvalidWebhookUrl, SignedWebhook, WebhookSecrets, WebhookUrl};

/// Describes the metrics of this crate.
pub fn describe_metrics() {
    mail::describe_metrics();
    sender::describe_metrics();
    web_push::describe_metrics();
}
