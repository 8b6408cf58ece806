//! The setting of the database.

use std::{fmt, str::FromStr};

use secrecy::SecretString;

/// The configured database.
#[derive(Clone)]
pub(crate) enum Database {
    /// The URL of a SQLite file.
    Sqlite(String),
    /// The URL of a PostgreSQL database, which may hold a password.
    Postgres(SecretString),
}

impl FromStr for Database {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite(url.to_owned())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(url.into())),
            _ => Err("must begin with sqlite: or postgres:"),
        }
    }
}

impl fmt::Debug for Database {
    /// Omits the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "Sqlite",
            Self::Postgres(_) => "Postgres",
        })
    }
}
