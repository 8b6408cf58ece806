//! Examples: one of each field by its name, from which those of objects and messages are composed.

use serde_json::{Map, Value, json};

pub(super) const UUID: &str = "0197f3a0-5c1e-7c3a-9b1d-2f4e6a8c0b1d";
const TIME: &str = "2026-01-15T10:00:00Z";
/// Nesting beyond which a composed example ends, which no schema reaches.
const MAX_DEPTH: usize = 32;

/// Examples of fields that neither their type nor their format explains.
fn of_field(name: &str) -> Option<Value> {
    Some(match name {
        "accessToken" | "refreshToken" => json!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTk3In0.c2lnbmF0dXJl"),
        "token" => json!("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"),
        "email" => json!("ada@example.org"),
        "password" | "currentPassword" | "newPassword" => json!("correct horse battery staple"),
        "firstName" => json!("Ada"),
        "lastName" => json!("Lovelace"),
        "name" | "displayName" => json!("Ada Lovelace"),
        "displayInitials" => json!("AL"),
        "phone" => json!("+49 30 1234567"),
        "avatar" => json!("https://example.org/ada.png"),
        "bio" => json!("I live on the second floor."),
        "skills" => json!(["first aid"]),
        "latitude" => json!(52.5),
        "longitude" => json!(13.4),
        "address" => json!("Am Ufer 1"),
        "category" => json!("fall"),
        "description" => json!("Fell down the stairs"),
        "notes" => json!("By bike"),
        "resolutionNotes" => json!("All well"),
        "comment" => json!("Came quickly and stayed calm"),
        "reason" => json!("By mistake"),
        "message" => json!("The door is open"),
        "requestId" => json!("5f0c6c1e-7a2b-4d11"),
        "recipientId" | "emergencyId" | "before" => json!(UUID),
        "cursor" | "nextCursor" => json!("MjAyNi0wMS0xNVQxMDowMDowMFp8MDE5N2YzYTA"),
        "publicKey" | "applicationServerKey" | "p256dh" => {
            json!("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
        }
        "auth" => json!("BTBZMqHH6r4Tts7J_aSIgg"),
        "endpoint" => json!("https://push.example.org/v1/3f2a"),
        "reader" => json!("administrator"),
        "room" => json!(format!("emergency:{UUID}")),
        "rooms" => json!([format!("user:{UUID}"), "helpers"]),
        "status" | "database" | "redis" => json!("ok"),
        "event" => json!("emergency:join"),
        "eventId" | "latestEventId" | "lastEventId" | "after" => json!(4711),
        "severity" | "score" => json!(5),
        "average" => json!(4.5),
        "count" | "alerted" | "alertedHelpers" | "sent" | "nearbyHelperCount" | "onDuty" | "helped" => json!(4),
        "radius" | "alertRadius" => json!(5000),
        "distance" | "trustScore" | "movedBy" => json!(150),
        "limit" => json!(50),
        "afterSeconds" => json!(60),
        "maxAlertsPerDay" => json!(10),
        "retryAfterMs" => json!(1500),
        "from" => json!("22:00"),
        "to" => json!("07:00"),
        "wave" => json!(1),
        "alertHold" => json!(3),
        "silentMode" | "anonymousMode" | "livesWithOwner" | "keyChanged" | "blocked" | "arrived" | "fixedPlace" => {
            json!(false)
        }
        _ => return None,
    })
}

/// An invalid field.
pub(super) fn field_error() -> Value {
    json!({ "field": "location.latitude", "message": "must be a number from -90 to 90" })
}

/// Adds an example to each field, and composes those of the named schemas.
pub(super) fn add(components: &mut Map<String, Value>) {
    for schema in components.values_mut() {
        add_to_fields(schema);
    }
}

fn add_to_fields(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for (name, field) in object.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
                if is_leaf(field) {
                    field["examples"] = json!([value_of(name, field)]);
                }
            }
            object.iter_mut().filter(|(key, _)| *key != "examples").for_each(|(_, inner)| add_to_fields(inner));
        }
        Value::Array(items) => items.iter_mut().for_each(add_to_fields),
        _ => {}
    }
}

/// Whether the schema is of a value that only an example explains.
fn is_leaf(schema: &Value) -> bool {
    let is_explained = ["$ref", "anyOf", "oneOf", "enum", "const", "examples", "properties"];
    let is_simple = ["string", "integer", "number", "boolean"].iter().any(|name| has_type(schema, name));
    let is_list =
        has_type(schema, "array") && schema["items"].get("$ref").is_none() && schema["items"].get("anyOf").is_none();
    (is_simple || is_list) && !is_explained.iter().any(|key| schema.get(key).is_some())
}

fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(only) => only == name,
        Value::Array(types) => types.iter().any(|given| given == name),
        _ => false,
    }
}

/// The example of a field without one of its own.
fn value_of(name: &str, schema: &Value) -> Value {
    match schema["format"].as_str() {
        Some("date-time") => return json!(TIME),
        Some("uuid") => return json!(UUID),
        _ => {}
    }
    let named = of_field(name).filter(|example| matches_type(schema, example));
    named.unwrap_or_else(|| {
        if has_type(schema, "array") {
            json!([value_of("", &schema["items"])])
        } else if has_type(schema, "string") {
            json!("text")
        } else if has_type(schema, "boolean") {
            json!(true)
        } else {
            schema.get("minimum").cloned().unwrap_or(json!(1))
        }
    })
}

fn matches_type(schema: &Value, example: &Value) -> bool {
    match example {
        Value::String(_) => has_type(schema, "string"),
        Value::Array(_) => has_type(schema, "array"),
        Value::Bool(_) => has_type(schema, "boolean"),
        Value::Number(number) => has_type(schema, "number") || (has_type(schema, "integer") && number.is_u64()),
        _ => false,
    }
}

/// The schema of a query parameter, with an example.
pub(super) fn for_query(name: &str, schema: &Value) -> Value {
    let mut schema = schema.clone();
    // A parameter is missing or has a value: there is no null in a query.
    if let Some(types) = schema["type"].as_array() {
        let given = types.iter().find(|given| *given != "null").cloned();
        schema["type"] = given.unwrap_or(Value::Null);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let given = choices.iter().find(|choice| choice["type"] != "null").cloned();
        schema = given.unwrap_or(Value::Null);
    }
    if is_leaf(&schema) {
        schema["examples"] = json!([value_of(name, &schema)]);
    }
    schema
}

/// The example of the payload of an event: ids have no alias there, but in messages.
pub(super) fn of_event(schema: &Value, components: &Map<String, Value>) -> Value {
    fn without_aliases(value: &mut Value) {
        let Some(object) = value.as_object_mut() else { return };
        object.remove("_id");
        object.iter_mut().filter(|(key, _)| *key != "message").for_each(|(_, inner)| without_aliases(inner));
    }
    let mut example = compose(schema, components, 0);
    without_aliases(&mut example);
    example
}

/// Adds a composed example to every body and answer of an OpenAPI document.
pub(super) fn add_to_media(document: &mut Value) {
    let components = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    for path in document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        for operation in path.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let Some(operation) = operation.as_object_mut() else { continue };
            for (key, part) in operation.iter_mut() {
                match key.as_str() {
                    "requestBody" => add_to_content(part, &components),
                    "responses" => {
                        for response in part.as_object_mut().into_iter().flat_map(Map::values_mut) {
                            add_to_content(response, &components);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Adds an example to the JSON of a body or an answer, unless it has one.
fn add_to_content(part: &mut Value, components: &Map<String, Value>) {
    let Some(media) = part.pointer_mut("/content/application~1json") else { return };
    if media.get("example").is_none() {
        media["example"] = compose(&media["schema"], components, 0);
    }
}

/// The example of a schema, composed from those of its fields.
pub(super) fn compose(schema: &Value, components: &Map<String, Value>, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    let next = |schema: &Value| compose(schema, components, depth + 1);
    if let Some(example) = schema["examples"].get(0).or_else(|| schema.get("const")).or_else(|| schema["enum"].get(0)) {
        return example.clone();
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return components.get(name).map_or(Value::Null, next);
    }
    if let Some(properties) = schema["properties"].as_object() {
        return properties.iter().map(|(name, field)| (name.clone(), next(field))).collect::<Map<_, _>>().into();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().map(next).filter_map(|part| part.as_object().cloned());
        return parts.flatten().collect::<Map<_, _>>().into();
    }
    if let Some(first) = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].get(0)) {
        return next(first);
    }
    match schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str)) {
        Some("array") => json!([next(&schema["items"])]),
        Some("string") => value_of("", schema),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("object") => json!({}),
        _ => Value::Null,
    }
}
