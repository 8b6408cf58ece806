//! The documents of the interface with the pages that show them, the manual, and the web app.
//!
//! Everything here is the same for every reader: it is made once, and served with an `ETag` and compressed. The crate knows
//! no domain and no database.

mod app;
mod documents;
mod file;
mod manual;
mod pages;

pub use app::router as app_router;
pub use documents::router;
pub use manual::router as manual_router;
