//! The address of a Redis: its URL, parsed, and the channel to use.

use std::{fmt, str::FromStr};

use fred::{error::ErrorKind, types::config::Config};

/// A parsed Redis URL. `Debug` omits it, as it may hold a password.
#[derive(Clone)]
pub struct Address {
    pub(crate) config: Config,
    pub(crate) channel: String,
}

/// The error of a Redis URL. Does not quote the URL, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not a Redis URL.
    #[error("must be redis[s]://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]")]
    NotAUrl,
    /// The system's CA certificates could not be loaded, so no server could be verified.
    #[error("is rediss://, and the system's CA certificates could not be loaded")]
    NoCaCertificates,
}

impl FromStr for Address {
    type Err = InvalidAddress;

    /// With `rediss://` the connection is encrypted, and the server's certificate is verified against the system's CA
    /// certificates. Channels are not separated by database, so the number of the database is part of the channel name:
    /// two services can share one Redis.
    fn from_str(url: &str) -> Result<Self, InvalidAddress> {
        let known = ["redis://", "rediss://"].iter().any(|scheme| url.starts_with(scheme));
        if !known || url.contains(['?', '#']) {
            return Err(InvalidAddress::NotAUrl);
        }
        let mut config = Config::from_url_centralized(url).map_err(|error| match error.kind() {
            ErrorKind::Tls => InvalidAddress::NoCaCertificates,
            _ => InvalidAddress::NotAUrl,
        })?;
        // Reconnect after a failed first attempt as after any other.
        config.fail_fast = false;
        let channel = format!("allynet:{}:signals", config.database.unwrap_or(0));
        Ok(Self { config, channel })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_number_selects_the_channel() {
        for (url, channel) in [
            ("redis://localhost", "allynet:0:signals"),
            ("redis://127.0.0.1:6380/0", "allynet:0:signals"),
            ("redis://:hush@cache.internal:6379/7", "allynet:7:signals"),
            ("redis://me:hush@[::1]:6379/7", "allynet:7:signals"),
            ("rediss://:hush@cache.internal/7", "allynet:7:signals"),
        ] {
            let address = url.parse::<Address>().unwrap();
            assert_eq!(address.channel, channel, "{url}");
            assert_eq!(address.config.uses_tls(), url.starts_with("rediss:"), "{url}");
        }
    }

    #[test]
    fn an_invalid_url_is_refused_and_never_shown() {
        for url in [
            "",
            "localhost:6379",
            "http://localhost",
            "rediss-cluster://localhost",
            "redis-cluster://localhost",
            "redis://",
            "redis://:hush@localhost:port",
            "redis://localhost/first",
            "redis://localhost?node=other",
        ] {
            let error = url.parse::<Address>().unwrap_err();
            assert!(!error.to_string().contains("hush"), "{url}");
        }
        let shown = format!("{:?}", "redis://me:hush@localhost".parse::<Address>().unwrap());
        assert_eq!(shown, "Address(…)");
    }
}
