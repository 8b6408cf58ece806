//! The documents of the interface: OpenAPI for REST, AsyncAPI for Socket.IO.
//!
//! Both are made from the types that render answers and events, so that they have the same fields. What is parsed by hand
//! ([`crate::input`]) is described by types of its own, which the tests compare with the parsers.

mod asyncapi;
mod components;
pub(crate) mod events;
mod examples;
mod openapi;
mod rates;
mod requests;
mod route;
mod routes;
pub(crate) mod schema;
mod words;

use serde_json::Value;

/// The paths of the documents and of the pages that show them.
pub const DOCUMENT_ROUTES: [&str; 4] = ["/api/openapi.json", "/api/asyncapi.json", "/api/docs", "/api/docs/events"];

/// The OpenAPI 3.1 document: every route, with its fields, bounds, statuses and reasons.
pub fn openapi() -> Value {
    openapi::document()
}

/// The AsyncAPI 3 document: every event, both ways.
pub fn asyncapi() -> Value {
    asyncapi::document()
}

#[cfg(test)]
mod tests;
