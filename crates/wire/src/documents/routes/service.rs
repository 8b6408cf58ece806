//! Routes of pages for browsers, health, and the documents themselves.

use crate::{
    app_config::AppConfig,
    data,
    documents::route::{Content, OF_THE_SERVICE, Route},
};

const UNKNOWN_PAGE: &str = "There is no such page, or not any more.";

pub(super) fn pages() -> Vec<Route> {
    let mut all = vec![
        Route::new("GET", "/reset-password", "resetPasswordPage")
            .says("The page on which a forgotten password is replaced", "")
            .open()
            .file("text/html", "The page."),
        Route::new("GET", "/pages/reset-password.js", "resetPasswordScript")
            .says("The script of the page", "")
            .open()
            .file("text/javascript", "The script."),
        Route::new("GET", "/pages/style.css", "pageStyle")
            .says("The style of the pages", "")
            .open()
            .file("text/css", "The style sheet."),
    ];
    for (path, read, write, about) in [
        ("/c/{token}", "contactPage", "contactActs", "An emergency, for a contact of its owner"),
        ("/c/confirm/{token}", "confirmPage", "confirmContact", "Agreeing to be an emergency contact"),
        ("/c/stop/{token}", "stopPage", "stopContact", "Asking for no more emails"),
    ] {
        all.push(
            Route::new("GET", path, read)
                .says(about, "The page; reading it changes nothing.")
                .open()
                .file("text/html", "The page.")
                .with(404, UNKNOWN_PAGE, Content::File("text/html"))
                .refuses(&OF_THE_SERVICE),
        );
        all.push(
            Route::new("POST", path, write)
                .says(about, "What the form of the page sends.")
                .open()
                .form()
                .file("text/html", "The page after the change.")
                .with(404, UNKNOWN_PAGE, Content::File("text/html"))
                .refuses(&OF_THE_SERVICE),
        );
    }
    all
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/v1/app/config", "appConfig")
            .says("Read the settings of an app", "A token is ignored.")
            .open()
            .answers::<AppConfig>(200, "The settings."),
        Route::new("GET", "/api/health", "health")
            .says("Whether the process answers, and its version", "")
            .open()
            .json::<data::Health>("It does."),
        Route::new("GET", "/healthz", "liveness")
            .says("Whether the process answers, for probes", "")
            .open()
            .json::<data::Liveness>("It does."),
        Route::new("GET", "/readyz", "nodeReadiness")
            .says("Whether this node can serve requests", "")
            .open()
            .json::<data::Readiness>("It can."),
        Route::new("GET", "/api/openapi.json", "openapi")
            .says("This document", "404 `route_not_found` if `ALLYNET_DOCS` is off, as are the next three.")
            .open()
            .file("application/json", "An OpenAPI 3.1 document."),
        Route::new("GET", "/api/asyncapi.json", "asyncapi")
            .says("The document of the events over Socket.IO", "")
            .open()
            .file("application/json", "An AsyncAPI 3 document."),
        Route::new("GET", "/api/docs", "docs")
            .says("This document as a page", "")
            .open()
            .file("text/html", "The page."),
        Route::new("GET", "/api/docs/events", "eventDocs")
            .says("The document of the events as a page", "")
            .open()
            .file("text/html", "The page."),
    ]
}
