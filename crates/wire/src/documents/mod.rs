//! The documents of the interface: OpenAPI for REST, AsyncAPI for Socket.IO.
//!
//! Both are made from the types that render answers and events, so that they have the same fields. What is parsed by hand
//! ([`crate::input`]) is described by types of its own, which the tests compare with the parsers.

mod asyncapi;
mod events;
mod examples;
mod openapi;
mod requests;
mod routes;
pub(crate) mod schema;

use std::collections::BTreeMap;

use schemars::{SchemaGenerator, generate::SchemaSettings, transform::transform_subschemas};
use serde_json::{Map, Value};

/// The version of the interface.
const VERSION: &str = env!("CARGO_PKG_VERSION");

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

/// Makes schemas with names, of what is sent and of what is received.
struct Schemas {
    /// Of what the service sends: a field is there unless it is skipped.
    sent: SchemaGenerator,
    /// Of what clients send: a field that may be null may be missing.
    received: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
        Self {
            sent: settings().for_serialize().into_generator(),
            received: settings().for_deserialize().into_generator(),
        }
    }

    /// The schemas to which others refer, by name, with examples.
    fn into_components(mut self) -> Map<String, Value> {
        let mut all: BTreeMap<String, Value> = self.received.take_definitions(false).into_iter().collect();
        all.extend(self.sent.take_definitions(false));
        let mut components = all.into_iter().map(|(name, schema)| (name, tidy(schema))).collect();
        examples::add(&mut components);
        components
    }
}

/// Removes what a derive adds and no reader needs: formats of integers that JSON Schema does not know, and defaults that are
/// null.
fn tidy(schema: Value) -> Value {
    fn visit(schema: &mut schemars::Schema) {
        if let Some(object) = schema.as_object_mut() {
            object.retain(|key, value| key != "default" || !value.is_null());
            let is_of_rust = |format: &Value| {
                format.as_str().is_some_and(|format| format.starts_with("uint") || format.starts_with("int"))
            };
            object.retain(|key, value| key != "format" || !is_of_rust(value));
        }
        transform_subschemas(&mut visit, schema);
    }
    match schemars::Schema::try_from(schema) {
        Ok(mut schema) => {
            visit(&mut schema);
            schema.to_value()
        }
        // Neither an object nor a boolean: the generator makes no such schema.
        Err(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests;
