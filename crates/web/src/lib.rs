//! The documents of the interface, and the pages that show them.
//!
//! Everything here is the same for every reader: it is made once, and served with an `ETag` and compressed. The crate knows
//! no domain and no database.

mod documents;
mod file;
mod pages;

pub use documents::router;
