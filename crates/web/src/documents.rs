//! The routes of the documents: `/api/openapi.json`, `/api/asyncapi.json`, and the pages that show them.

use std::sync::{Arc, OnceLock};

use allynet_wire::{documents, problem::faults};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::{file::File, pages::Pages};

const JSON: &str = "application/json";
/// Nothing from another host, no inline script.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Swagger UI sets styles of elements, and has icons in its style sheet.
const SWAGGER_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>AllyNet</title>\n\
<h1>The pages are not part of this build</h1>\n\
<p>The documents are: <a href=\"/api/openapi.json\">OpenAPI</a> and <a href=\"/api/asyncapi.json\">AsyncAPI</a>. \
To build the pages that show them, install Node.js, run <code>make pages</code>, and build the service again.</p>\n</html>\n";

/// The documents, each made when it is first asked for.
struct Documents {
    openapi: OnceLock<File>,
    asyncapi: OnceLock<File>,
    pages: OnceLock<Pages>,
}

/// The routes of the documents. They need no token.
pub fn router() -> Router {
    let documents = Documents { openapi: OnceLock::new(), asyncapi: OnceLock::new(), pages: OnceLock::new() };
    Router::new()
        .route("/api/openapi.json", get(openapi))
        .route("/api/asyncapi.json", get(asyncapi))
        .route("/api/docs", get(openapi_page))
        .route("/api/docs/", get(openapi_page))
        .route("/api/docs/events", get(asyncapi_page))
        .route("/api/docs/events/", get(asyncapi_page))
        .route("/api/docs/assets/{file}", get(asset))
        .with_state(Arc::new(documents))
}

async fn openapi(State(documents): State<Arc<Documents>>, request: HeaderMap) -> Response {
    answer(documents, |documents| &documents.openapi, documents::openapi, &request).await
}

async fn asyncapi(State(documents): State<Arc<Documents>>, request: HeaderMap) -> Response {
    answer(documents, |documents| &documents.asyncapi, documents::asyncapi, &request).await
}

/// Answers with a document. The first request makes it, which takes milliseconds, on a thread that may block.
async fn answer(
    documents: Arc<Documents>,
    cell: fn(&Documents) -> &OnceLock<File>,
    make: fn() -> Value,
    request: &HeaderMap,
) -> Response {
    if cell(&documents).get().is_none() {
        let documents = documents.clone();
        let making = spawn_blocking(move || {
            cell(&documents).get_or_init(|| file(&make()));
        });
        if making.await.is_err() {
            // The reason is logged where the thread panicked.
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(faults::internal())).into_response();
        }
    }
    cell(&documents).get_or_init(|| file(&make())).answer(request)
}

fn file(document: &Value) -> File {
    File::new(JSON, None, document.to_string().into_bytes())
}

async fn openapi_page(State(documents): State<Arc<Documents>>, request: HeaderMap) -> Response {
    documents.pages().page("index.html", &request)
}

async fn asyncapi_page(State(documents): State<Arc<Documents>>, request: HeaderMap) -> Response {
    documents.pages().page("events.html", &request)
}

async fn asset(State(documents): State<Arc<Documents>>, Path(name): Path<String>, request: HeaderMap) -> Response {
    let found = documents.pages().file(&format!("assets/{name}"), &request);
    found.unwrap_or_else(|| (StatusCode::NOT_FOUND, Json(faults::route_not_found())).into_response())
}

impl Documents {
    fn pages(&self) -> &Pages {
        self.pages.get_or_init(|| Pages::embedded("docs/", policy, NOT_BUILT))
    }
}

fn policy(page: &str) -> HeaderValue {
    HeaderValue::from_static(if page == "index.html" { SWAGGER_POLICY } else { POLICY })
}

#[cfg(test)]
mod tests;
