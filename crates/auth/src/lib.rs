//! The adapters of the ports [`Tokens`](allynet_domain::port::Tokens) (JSON Web Tokens) and
//! [`Passwords`](allynet_domain::port::Passwords) (Argon2id).
//!
//! Knows no database and no transport, and stores nothing.

mod crypto;
mod passwords;
mod tokens;

pub use passwords::Argon2Passwords;
pub use tokens::{JwtTokens, TokenSettingsError};
