//! The manual under `/docs`: the repository's documentation as pages.

use std::sync::{Arc, OnceLock};

use allynet_wire::problem::faults;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::pages::Pages;

/// Nothing from another host, no script.
const POLICY: &str =
    "default-src 'self'; script-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const INDEX: &str = "index.html";
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>AllyNet</title>\n\
<h1>The manual is not part of this build</h1>\n\
<p>It is in the folder <code>docs</code> of the source. To have it here, install Node.js, run <code>make pages</code>, and \
build the service again.</p>\n</html>\n";

type Manual = Arc<OnceLock<Pages>>;

/// The routes of the manual, which need no token.
pub fn router() -> Router {
    Router::new()
        .route("/docs", get(index))
        .route("/docs/", get(index))
        .route("/docs/{*path}", get(file))
        .with_state(Manual::default())
}

async fn index(State(manual): State<Manual>, request: HeaderMap) -> Response {
    pages(&manual).page(INDEX, &request)
}

/// A page, whose address has no suffix, or a file that pages show.
async fn file(State(manual): State<Manual>, Path(path): Path<String>, request: HeaderMap) -> Response {
    let pages = pages(&manual);
    let page = format!("{}.html", path.trim_end_matches('/'));
    let found = pages.file(&path, &request).or_else(|| pages.existing_page(&page, &request));
    found.unwrap_or_else(|| (StatusCode::NOT_FOUND, Json(faults::route_not_found())).into_response())
}

fn pages(manual: &Manual) -> &Pages {
    manual.get_or_init(|| Pages::embedded("manual/", |_| HeaderValue::from_static(POLICY), NOT_BUILT))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;

    use super::*;

    async fn get(path: &str) -> Response {
        router().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn the_first_page_is_there_whether_or_not_it_was_built() {
        for path in ["/docs", "/docs/"] {
            let answer = get(path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{path}");
            assert_eq!(answer.headers()["content-security-policy"], POLICY, "{path}");
        }
    }

    #[tokio::test]
    async fn an_unknown_page_is_an_unknown_route() {
        for path in ["/docs/nothing", "/docs/files/nothing.png", "/docs/..%2fapp%2findex", "/docs/index.html.gz"] {
            assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
