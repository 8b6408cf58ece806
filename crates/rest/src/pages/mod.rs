//! Pages for browsers, to which the links in emails lead. Small and self-contained: they load nothing from elsewhere.
//!
//! They are not stored, not indexed, shown in no frame, and send no referrer: their addresses contain secrets.

mod contacts;
mod emergency;
mod html;
mod reset_password;

use allynet_domain::usecase::{contact_notices::ContactPagePorts, contacts::ContactPorts};
use axum::response::Response;

use crate::routes::{Resource, Routes};

/// The pages that need no state, and the files that they load.
pub(crate) fn routes() -> Routes {
    Resource::new()
        .get("/reset-password", reset_password::page)
        .get("/pages/reset-password.js", reset_password::script)
        .get("/pages/style.css", style)
        .with_state(())
}

/// The pages on which emergency contacts agree to messages, and stop them.
pub(crate) fn contacts(cx: ContactPorts) -> Routes {
    Resource::new()
        .get("/c/confirm/{token}", contacts::ask_to_confirm)
        .post("/c/confirm/{token}", contacts::confirm)
        .get("/c/stop/{token}", contacts::ask_to_stop)
        .post("/c/stop/{token}", contacts::stop)
        .with_state(cx)
}

/// The page of an emergency for contacts of its owner.
pub(crate) fn emergency(cx: ContactPagePorts) -> Routes {
    Resource::new().get("/c/{token}", emergency::show).post("/c/{token}", emergency::act).with_state(cx)
}

async fn style() -> Response {
    html::file("text/css; charset=utf-8", include_str!("style.css"))
}
