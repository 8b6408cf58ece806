//! Settings of Web Push.

use std::path::PathBuf;

use allynet_auth::VapidSubject;
use allynet_notify::AllowedHost;
use clap::Args;
use secrecy::SecretString;

#[derive(Debug, Args)]
pub(crate) struct PushSettings {
    /// Private key that identifies the service to push services: 32 octets of base64url without padding. By default a key is
    /// created next to the SQLite file; with PostgreSQL, push is off without it
    #[arg(
        long,
        global = true,
        env = "ALLYNET_VAPID_PRIVATE_KEY",
        value_name = "ALLYNET_VAPID_PRIVATE_KEY",
        hide_env = true,
        hide_env_values = true
    )]
    pub(crate) vapid_private_key: Option<SecretString>,

    /// Contact of the operator for push services: an https: URL or a mailto: address. Some push services refuse messages without
    /// one. Default: the public URL, or the sender of emails
    #[arg(long, global = true, env = "ALLYNET_VAPID_SUBJECT", value_name = "ALLYNET_VAPID_SUBJECT", hide_env = true)]
    pub(crate) vapid_subject: Option<VapidSubject>,

    /// Hosts of push services in private networks, optionally with a port, separated by commas
    #[arg(
        long,
        global = true,
        env = "ALLYNET_PUSH_ALLOW",
        value_name = "ALLYNET_PUSH_ALLOW",
        hide_env = true,
        value_delimiter = ','
    )]
    pub(crate) push_allow: Vec<AllowedHost>,

    /// PEM file of certificates that are trusted besides the built-in roots, for push, email and the webhook
    #[arg(long, global = true, env = "ALLYNET_EXTRA_CA", value_name = "ALLYNET_EXTRA_CA", hide_env = true)]
    pub(crate) extra_ca: Option<PathBuf>,
}
