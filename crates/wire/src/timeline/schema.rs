//! The schema of an entry of the timeline: one for each `event`, whose `data` follows from it.

use std::borrow::Cow;

use allynet_domain::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Data, Entry};
use crate::{
    documents::events::type_name,
    events::{NAMES, Payload},
};

/// Server events that no timeline has.
const LEFT_OUT: [&str; 3] = ["emergency:nearby", "emergency:details", "device:lost"];
/// The entries that are no server events, each with the place of its variant in [`Data`].
pub(super) const OWN: [(&str, usize); 6] = [
    ("alerts:sent", 0),
    ("alerts:acknowledged", 1),
    ("alerts:seen", 2),
    ("alerts:declined", 3),
    ("alerts:pushed", 4),
    ("alerts:renewed", 5),
];

/// What every entry has.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes entries")]
struct Head {
    /// The number of the event.
    event_id: i64,
    /// When it happened.
    at: Timestamp,
    /// The user that caused it; `null` where the viewer may not know, or if the service did.
    actor: Option<Uuid>,
}

impl JsonSchema for Entry<'_> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("TimelineEntry")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let payloads = variants(&Payload::json_schema(generator));
        let own = variants(&Data::json_schema(generator));
        let head = Head::json_schema(generator).to_value();
        let of_events = NAMES.into_iter().zip(payloads).filter(|(name, _)| !LEFT_OUT.contains(name));
        let all: Vec<_> = of_events
            .chain(OWN.into_iter().filter_map(|(name, variant)| Some((name, own.get(variant)?.clone()))))
            .collect();
        let (mut choices, mut mapping) = (Vec::new(), Map::new());
        for (name, data) in all {
            let title = format!("Timeline{}", type_name(name));
            let reference = format!("#/components/schemas/{title}");
            generator.definitions_mut().insert(title, entry(&head, name, data));
            choices.push(json!({ "$ref": reference }));
            mapping.insert(name.to_owned(), json!(reference));
        }
        json_schema!({
            "description": "An entry of the timeline. `event` tells what `data` has.",
            "oneOf": choices,
            "discriminator": { "propertyName": "event", "mapping": mapping },
        })
    }
}

/// The alternatives of an untagged enumeration.
fn variants(schema: &Schema) -> Vec<Value> {
    schema.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The schema of the entries with this `event`.
fn entry(head: &Value, name: &str, data: Value) -> Value {
    let mut schema = head.clone();
    let description = data["description"].clone();
    schema["properties"]["event"] = json!({ "const": name, "description": "The name of the event." });
    schema["properties"]["data"] = data;
    // Of an entry whose name says all.
    if schema["properties"]["data"].get("properties").is_none() {
        schema["properties"]["data"]["properties"] = json!({});
    }
    for field in ["event", "data"] {
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(json!(field));
        }
    }
    schema["description"] = description;
    schema
}
