//! The adapters of the ports [`Tokens`](allynet_domain::port::Tokens) (JSON Web Tokens),
//! [`Passwords`](allynet_domain::port::Passwords) (Argon2id), [`KeyedHasher`](allynet_domain::port::KeyedHasher),
//! [`ResetTokens`](allynet_domain::port::ResetTokens), [`LinkTokens`](allynet_domain::port::LinkTokens) and [`PushIdentity`](allynet_domain::port::PushIdentity) (VAPID).
//!
//! Knows no database and no transport, and stores nothing.

mod crypto;
mod keyed_hash;
mod link_tokens;
mod passwords;
mod reset_tokens;
mod secrets;
mod tokens;
mod vapid;

pub use keyed_hash::HmacHasher;
pub use passwords::Argon2Passwords;
pub use secrets::{InvalidSecrets, ServiceSecrets};
pub use tokens::{JwtTokens, TokenSettingsError};
pub use vapid::{InvalidVapidKey, InvalidVapidSubject, VapidIdentity, VapidKey, VapidSubject};
