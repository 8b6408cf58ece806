//! The OpenAPI document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    components::{Schemas, VERSION, tidy},
    examples,
    route::{Access, Content, Reason, Route},
    routes,
};

const DESCRIPTION: &str = "\
Raise an emergency, alert verified helpers nearby, and see who comes.

Every answer with `success: true` has `data`; a refusal has `error.reason`, a constant that programs can rely on, and \
`error.message`, a sentence that may change. Times are RFC 3339 in UTC, distances metres, ids UUIDs. Unknown fields are \
ignored. `null` counts as missing, except in changes of something that exists, where it clears. Answers may gain fields.

For `active_emergency_exists` and `request_id_used`, `error.details` has the id of that emergency as `emergencyId`. A helper is \
shown the exact place before accepting, unless the owner is anonymous or the service is set up so; then `location.precision` is \
the size of the cell whose centre is shown.

Every answer has the header `x-request-id`, and `traceparent` if the request has one (W3C Trace Context). A request can also be \
refused before its route is known: 400 `malformed_request`, 414 `uri_too_long`, 431 `head_too_large`, 404 `route_not_found`, 405 `method_not_allowed`.";

/// Descriptions of the groups.
const TAGS: [(&str, &str); 11] = [
    ("Emergencies", "Raising, answering and ending calls for help."),
    ("Messages", "Messages between the owner of an emergency and its helpers."),
    ("Accounts", "Accounts, sessions and passwords."),
    ("Contacts", "People who are told of an emergency by email."),
    ("Blocks", "Users that shall not know of each other's emergencies."),
    ("Helpers", "Being a helper."),
    ("Devices", "Pushes to phones and browsers."),
    ("Resources", "Defibrillators and other things that help."),
    ("Administration", "For administrators."),
    ("Pages", "Pages to which emails link."),
    ("Service", "Health of the service."),
];

pub(super) fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes::all() {
        let operation = operation(&route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation;
    }
    let mut components = schemas.into_components();
    components.insert("Refusal".into(), any_refusal());
    components.insert("FieldError".into(), field_error());
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "AllyNet",
            "version": VERSION,
            "summary": "The service behind a button that calls for help",
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This service" }],
        "tags": TAGS.iter().map(|(name, text)| json!({ "name": name, "description": text })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "accessToken": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "`accessToken` of the answer to a login, a registration or a refresh.",
                },
            },
        },
    });
    examples::add_to_media(&mut document);
    document
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag],
        "summary": route.summary,
        "responses": responses(route, schemas),
        "security": match route.access {
            Access::Open => json!([]),
            Access::Token => json!([{ "accessToken": [] }]),
        },
    });
    if !route.description.is_empty() {
        operation["description"] = json!(route.description);
    }
    let parameters = parameters(route, schemas);
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(of) = route.body {
        let schema = of(&mut schemas.received);
        // A route all of whose fields are optional takes no body, too.
        let is_required = schemas
            .received
            .definitions()
            .get(name_of(schema.as_value()))
            .is_some_and(|body| body.get("required").is_some() || body.get("anyOf").is_some());
        operation["requestBody"] =
            json!({ "required": is_required, "content": { "application/json": { "schema": schema } } });
    }
    if route.form {
        let fields = json!({
            "type": "object",
            "properties": { "action": { "type": "string", "maxLength": 20, "description": "The button that was pressed." } },
        });
        operation["requestBody"] = json!({ "content": { "application/x-www-form-urlencoded": { "schema": fields } } });
    }
    operation
}

/// The name to which a schema refers; empty if it is no reference.
fn name_of(schema: &Value) -> &str {
    schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default()
}

fn parameters(route: &Route, schemas: &mut Schemas) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<Value> = in_path
        .map(|name| {
            let schema = match name {
                "token" => json!({ "type": "string", "maxLength": 100, "examples": ["BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"] }),
                _ => json!({ "type": "string", "format": "uuid", "examples": [examples::UUID] }),
            };
            let description = match name {
                "id" => "The emergency.",
                "userId" => "The user.",
                "contactId" => "The contact.",
                "deviceId" => "The device.",
                "messageId" => "The message.",
                "sessionId" => "The session.",
                _ => "The secret of the link.",
            };
            json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
        })
        .collect();
    let Some(of) = route.query else { return all };
    let reference = of(&mut schemas.received);
    let Some(query) = schemas.received.definitions_mut().remove(name_of(reference.as_value())) else { return all };
    let query = tidy(query);
    let required = query["required"].as_array().cloned().unwrap_or_default();
    for (name, schema) in query["properties"].as_object().into_iter().flatten() {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        all.push(json!({
            "name": name, "in": "query", "required": required.contains(&json!(name)), "description": description,
            "schema": examples::for_query(name, &schema),
        }));
    }
    all
}

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let mut all: BTreeMap<u16, Value> = BTreeMap::new();
    for (status, meaning, content) in &route.answers {
        let (media_type, schema) = match content {
            // A document of the interface is an object, any other file is text.
            Content::File(json @ "application/json") => (*json, json!({ "type": "object" })),
            Content::File(media_type) => (*media_type, json!({ "type": "string" })),
            Content::Json(of) => ("application/json", of(&mut schemas.sent).to_value()),
            Content::Data(of) => {
                let data = of.map_or_else(|| json!({ "type": "null" }), |of| of(&mut schemas.sent).to_value());
                ("application/json", success(&data))
            }
            Content::DataOrNull(of) => {
                let data = json!({ "anyOf": [of(&mut schemas.sent), { "type": "null" }] });
                ("application/json", success(&data))
            }
        };
        all.insert(*status, json!({ "description": meaning, "content": { media_type: { "schema": schema } } }));
    }
    let mut refusals: BTreeMap<u16, Vec<Reason>> = BTreeMap::new();
    for reason in route.reasons() {
        refusals.entry(reason.0).or_default().push(reason);
    }
    for (status, reasons) in refusals {
        let refusal = refusal(status, &reasons);
        // A page has an answer of its own for an unknown token.
        let entry = all.entry(status).or_insert_with(|| json!({ "description": "", "content": {} }));
        let names: Vec<_> = reasons.iter().map(|reason| format!("`{}`", reason.1)).collect();
        if entry["description"] == "" {
            entry["description"] = json!(names.join(", "));
        }
        entry["content"]["application/json"] = refusal;
        if status == 429 {
            entry["headers"] = json!({ "Retry-After": {
                "description": "Seconds after which a retry can succeed.",
                "schema": { "type": "integer", "minimum": 1, "examples": [3] },
            } });
        }
        if status == 401 {
            entry["headers"] = json!({ "WWW-Authenticate": {
                "description": "The scheme to authenticate with.", "schema": { "const": "Bearer" },
            } });
        }
    }
    all.into_iter().map(|(status, response)| (status.to_string(), response)).collect::<Map<_, _>>().into()
}

fn success(data: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["success", "data"],
        "properties": {
            "success": { "const": true },
            "message": { "type": "string", "maxLength": 200, "description": "A sentence for people.", "examples": ["Welcome"] },
            "data": data,
        },
    })
}

/// The content of a refusal with one of these reasons.
fn refusal(status: u16, reasons: &[Reason]) -> Value {
    let names: Vec<_> = reasons.iter().map(|reason| reason.1).collect();
    let details = if names[0] == "invalid_input" { json!([examples::field_error()]) } else { Value::Null };
    let of_route = json!({
        "properties": { "error": { "properties": { "code": { "const": status }, "reason": { "enum": names } } } },
    });
    json!({
        "schema": { "allOf": [{ "$ref": "#/components/schemas/Refusal" }, of_route] },
        "example": {
            "success": false,
            "error": { "code": status, "reason": names[0], "message": "A sentence for people.", "details": details },
        },
    })
}

/// The body of every refusal.
fn any_refusal() -> Value {
    json!({
        "type": "object",
        "description": "A refused request.",
        "required": ["success", "error"],
        "properties": {
            "success": { "const": false, "description": "Always false." },
            "error": {
                "type": "object",
                "description": "Why.",
                "required": ["code", "reason", "message", "details"],
                "properties": {
                    "code": { "type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status.", "examples": [404] },
                    "reason": {
                        "type": "string", "maxLength": 50, "description": "A constant that programs can rely on.",
                        "examples": ["emergency_not_found"],
                    },
                    "message": {
                        "type": "string", "maxLength": 1000, "description": "A sentence for people, which may change.",
                        "examples": ["Emergency not found"],
                    },
                    "details": {
                        "type": ["array", "null"], "maxItems": 1000, "items": { "$ref": "#/components/schemas/FieldError" },
                        "description": "Every invalid field.",
                    },
                },
            },
        },
    })
}

fn field_error() -> Value {
    json!({
        "type": "object",
        "description": "An invalid field.",
        "required": ["field", "message"],
        "properties": {
            "field": {
                "type": "string", "maxLength": 200, "description": "Its name, with dots for nested ones.",
                "examples": ["location.latitude"],
            },
            "message": {
                "type": "string", "maxLength": 1000, "description": "What is expected, as the rest of a sentence.",
                "examples": ["must be a number from -90 to 90"],
            },
        },
    })
}
