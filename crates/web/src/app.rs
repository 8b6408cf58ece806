//! The web app under `/app/`: its pages and their files, as the npm project in `app/` builds them.
//!
//! Every address of the app is the same page, which shows what its address asks for.

use std::sync::{Arc, OnceLock};

use allynet_wire::problem::faults;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};

use crate::pages::Pages;

/// Nothing inline, and nothing from another host.
const POLICY: &str =
    "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const INDEX: &str = "index.html";
/// Where the files with hashes in their names are.
const ASSETS: &str = "assets/";
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>AllyNet</title>\n\
<meta name=\"viewport\" content=\"width=device-width\">\n\
<h1>The app is not part of this build</h1>\n\
<p>The service runs, and its <a href=\"/api/openapi.json\">interface</a> is there. To build the app, install Node.js, run \
<code>make pages</code>, and build the service again.</p>\n</html>\n";

struct App {
    pages: OnceLock<Pages>,
    policy: HeaderValue,
}

/// The routes of the app, which need no token. `tiles` is the origin that its maps load images from, if there is one, such as
/// `https://tiles.example.org`.
pub fn router(tiles: Option<&str>) -> Router {
    let policy =
        tiles.and_then(|origin| HeaderValue::try_from(format!("{POLICY}; img-src 'self' data: {origin}")).ok());
    let policy = policy.unwrap_or(HeaderValue::from_static(POLICY));
    Router::new()
        .route("/", get(start))
        .route("/app", get(start))
        .route("/app/", get(index))
        .route("/app/{*path}", get(file))
        .with_state(Arc::new(App { pages: OnceLock::new(), policy }))
}

async fn start() -> Redirect {
    Redirect::temporary("/app/")
}

async fn index(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    app.pages().page(INDEX, &request)
}

/// A file of the app. An address that is none is one of its screens.
async fn file(State(app): State<Arc<App>>, Path(path): Path<String>, request: HeaderMap) -> Response {
    if let Some(found) = app.pages().file(&path, &request) {
        return found;
    }
    if path.starts_with(ASSETS) {
        return (StatusCode::NOT_FOUND, Json(faults::route_not_found())).into_response();
    }
    app.pages().page(INDEX, &request)
}

impl App {
    fn pages(&self) -> &Pages {
        self.pages.get_or_init(|| Pages::embedded("app/", |_| self.policy.clone(), NOT_BUILT).with_hashed_names(ASSETS))
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;

    use super::*;

    async fn get(path: &str, tiles: Option<&str>) -> Response {
        router(tiles).oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn every_screen_is_the_page_of_the_app_whether_or_not_it_was_built() {
        for path in ["/app/", "/app/dispatch", "/app/emergencies/one", "/app/index.html"] {
            let answer = get(path, None).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{path}");
            assert_eq!(answer.headers()["cache-control"], "no-cache", "{path}");
            assert_eq!(answer.headers()["content-security-policy"], POLICY, "{path}");
            assert_eq!(answer.headers()["referrer-policy"], "no-referrer", "{path}");
        }
    }

    #[tokio::test]
    async fn the_start_page_leads_to_the_app() {
        for path in ["/", "/app"] {
            let answer = get(path, None).await;
            assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT, "{path}");
            assert_eq!(answer.headers()["location"], "/app/", "{path}");
        }
    }

    #[tokio::test]
    async fn an_unknown_asset_is_an_unknown_route() {
        for path in ["/app/assets/nothing.js", "/app/assets/", "/app/assets/..%2findex.html"] {
            assert_eq!(get(path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn images_come_from_the_tile_server_too() {
        let answer = get("/app/", Some("https://tiles.example.org")).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with(POLICY), "{policy}");
        assert!(policy.ends_with("; img-src 'self' data: https://tiles.example.org"), "{policy}");
    }
}
