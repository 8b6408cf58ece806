//! Settings of email, and of links to this service.

use allynet_notify::MailSender;
use allynet_wire::links::PublicUrl;
use clap::Args;
use secrecy::SecretString;

#[derive(Debug, Args)]
pub(crate) struct MailSettings {
    /// Mail server: `smtps://[USER:PASSWORD@]HOST[:PORT]`, or `smtp://…?tls=required` for STARTTLS; without encryption only on
    /// this machine. No email is sent without it
    #[arg(
        long,
        global = true,
        env = "ALLYNET_SMTP_URL",
        value_name = "ALLYNET_SMTP_URL",
        hide_env = true,
        hide_env_values = true,
        requires = "mail_from",
        requires = "public_url"
    )]
    pub(crate) smtp_url: Option<SecretString>,

    /// Sender of emails: an address, optionally with a name: `AllyNet <alerts@example.org>`
    #[arg(long, global = true, env = "ALLYNET_MAIL_FROM", value_name = "ALLYNET_MAIL_FROM", hide_env = true)]
    pub(crate) mail_from: Option<MailSender>,

    /// URL under which users reach the service, without a path. All links in messages begin with it
    #[arg(long, global = true, env = "ALLYNET_PUBLIC_URL", value_name = "ALLYNET_PUBLIC_URL", hide_env = true)]
    pub(crate) public_url: Option<PublicUrl>,
}
