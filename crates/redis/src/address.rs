//! Which Redis, and which channel of it.

use std::{fmt, str::FromStr};

use fred::{error::ErrorKind, types::config::Config};

/// A Redis by its URL, which may hold a password and is never shown.
#[derive(Clone)]
pub struct Address {
    pub(crate) config: Config,
    pub(crate) channel: String,
}

/// A text that does not name a Redis that can be used. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongAddress {
    /// It is no address at all.
    #[error("must be redis[s]://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]")]
    NoRedis,
    /// Nobody could be believed to be the one whom the address names.
    #[error("is rediss://, and the certificates of this machine's authorities cannot be read")]
    NoAuthorities,
}

impl FromStr for Address {
    type Err = WrongAddress;

    /// With `rediss://` the connection is encrypted, and the server has to show a certificate of an authority that this
    /// machine trusts. Channels of Redis know no databases. So that two services can share one Redis, the number of the database is part
    /// of the channel's name.
    fn from_str(url: &str) -> Result<Self, WrongAddress> {
        let known = ["redis://", "rediss://"].iter().any(|scheme| url.starts_with(scheme));
        if !known || url.contains(['?', '#']) {
            return Err(WrongAddress::NoRedis);
        }
        let mut config = Config::from_url_centralized(url).map_err(|error| match error.kind() {
            ErrorKind::Tls => WrongAddress::NoAuthorities,
            _ => WrongAddress::NoRedis,
        })?;
        // The first attempt to connect may fail like any other.
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
    fn a_url_names_a_server_and_the_number_of_its_database_a_channel() {
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
    fn what_names_no_server_is_refused_and_never_shown() {
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
