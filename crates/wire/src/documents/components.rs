//! The named schemas of a document, to which its other parts refer.

use std::collections::BTreeMap;

use schemars::{SchemaGenerator, generate::SchemaSettings, transform::transform_subschemas};
use serde_json::{Map, Value};

use super::examples;

/// The version of the interface.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Makes schemas with names, of what is sent and of what is received.
pub(super) struct Schemas {
    /// Of what the service sends: a field is there unless it is skipped.
    pub(super) sent: SchemaGenerator,
    /// Of what clients send: a field that may be null may be missing.
    pub(super) received: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
        Self {
            sent: settings().for_serialize().into_generator(),
            received: settings().for_deserialize().into_generator(),
        }
    }

    /// The schemas to which others refer, by name, with examples.
    pub(super) fn into_components(mut self) -> Map<String, Value> {
        let mut all: BTreeMap<String, Value> = self.received.take_definitions(false).into_iter().collect();
        all.extend(self.sent.take_definitions(false));
        let mut components = all.into_iter().map(|(name, schema)| (name, tidy(schema))).collect();
        examples::add(&mut components);
        components
    }
}

/// Removes the named schemas of a document to which nothing refers: of alternatives that are left out.
pub(super) fn remove_unused(document: &mut Value) {
    loop {
        let text = document.to_string();
        let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
        let before = schemas.len();
        schemas.retain(|name, _| text.contains(&format!("\"#/components/schemas/{name}\"")));
        // Others may have been referred to by those that are gone.
        if schemas.len() == before {
            return;
        }
    }
}

/// Removes what a derive adds and no reader needs: formats of integers that JSON Schema does not know, and defaults that are
/// null.
pub(super) fn tidy(schema: Value) -> Value {
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
