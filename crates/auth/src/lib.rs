//! Tokens and passwords: the adapters of the ports [`Tokens`](allynet_domain::port::Tokens) and
//! [`Passwords`](allynet_domain::port::Passwords).
//!
//! Owns how tokens are signed and passwords hashed. Knows neither sessions nor accounts beyond what the ports hand
//! it, no database and no transport.

mod passwords;
mod tokens;

pub use passwords::Argon2Passwords;
pub use tokens::{JwtTokens, TokenSettingsError};
