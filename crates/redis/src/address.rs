//! Which Redis, and which channel of it.

use std::{fmt, str::FromStr};

use fred::types::config::Config;

/// A Redis by its URL, which may hold a password and is never shown.
#[derive(Clone)]
pub struct Address {
    pub(crate) config: Config,
    pub(crate) channel: String,
}

/// A text that does not name a Redis. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]")]
pub struct WrongAddress;

impl FromStr for Address {
    type Err = WrongAddress;

    /// Channels of Redis know no databases. So that two services can share one Redis, the number of the database is part
    /// of the channel's name.
    fn from_str(url: &str) -> Result<Self, WrongAddress> {
        if !url.starts_with("redis://") || url.contains(['?', '#']) {
            return Err(WrongAddress);
        }
        let mut config = Config::from_url_centralized(url).map_err(|_| WrongAddress)?;
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
        ] {
            assert_eq!(url.parse::<Address>().unwrap().channel, channel, "{url}");
        }
    }

    #[test]
    fn what_names_no_server_is_refused_and_never_shown() {
        for url in [
            "",
            "localhost:6379",
            "http://localhost",
            "rediss://localhost",
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
