//! Settings of the gateway to telephones.

use clap::Args;
use secrecy::SecretString;

#[derive(Debug, Args)]
pub(crate) struct WebhookSettings {
    /// Gateway that calls helpers or sends them SMS: an https: URL, or http: to a loopback or private address
    #[arg(
        long,
        global = true,
        env = "ALLYNET_ALERT_WEBHOOK_URL",
        value_name = "ALLYNET_ALERT_WEBHOOK_URL",
        hide_env = true,
        hide_env_values = true,
        requires = "alert_webhook_secret",
        requires = "public_url"
    )]
    pub(crate) alert_webhook_url: Option<SecretString>,

    /// Secret that requests to the gateway are signed with: `whsec_` and base64; several, separated by blanks, while one replaces
    /// another
    #[arg(
        long,
        global = true,
        env = "ALLYNET_ALERT_WEBHOOK_SECRET",
        value_name = "ALLYNET_ALERT_WEBHOOK_SECRET",
        hide_env = true,
        hide_env_values = true
    )]
    pub(crate) alert_webhook_secret: Option<SecretString>,
}
