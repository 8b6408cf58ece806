//! stub
mod account;
mod alert;
mod audience;
mod change;
mod emergency;
mod event;
mod ids;
mod message;
pub mod port;
mod position;
mod refusal;
mod secret;
mod text;
pub mod usecase;
mod words;

pub use account::*;
pub use alert::*;
pub use audience::*;
pub use change::*;
pub use emergency::*;
pub use event::*;
pub use ids::*;
pub use message::*;
pub use port::PasswordHash;
pub use position::*;
pub use refusal::{Error, Refusal};
pub use secret::Secret;
pub use text::{Text, TextError};
pub use words::UnknownWord;

/// A moment in UTC, in whole microseconds.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
