//! The OpenAPI document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    components::{Schemas, VERSION, remove_unused, tidy},
    examples, rates,
    route::{Access, Content, Reason, Route},
    routes, words,
};

const DESCRIPTION: &str = "\
Raise an emergency, alert verified helpers nearby, and see who comes.

An **owner** registers or logs in, and sends `accessToken` with every request. `POST /api/v1/emergencies` raises an emergency; the \
events (`/api/docs/events`) tell who comes and where they are: `emergency:alerts`, `helper:joined`, `helper:status_update`, \
`helper:location`, `emergency:message`. `resolve` or `cancel` ends it. After a start of the app `GET /api/v1/emergencies/active` has \
the live one.

A **helper** asks to be one with `PUT /api/v1/helpers/me`, and waits until an administrator has verified them. Where `helperPolicy` \
of `GET /api/v1/app/config` is `open`, nobody waits, and nobody has to ask: every account whose position is known is alerted and may \
accept, without a helper record too (`helper` is `null`, `role` stays `user`, `GET /api/v1/helpers/me` is refused with `not_a_helper`). \
An app of an owner that reports positions there makes its user a helper; `PUT /api/v1/helpers/me` with `available: false` ends that. The app connects for events, and reports where the helper is: by the event `location:update`, \
or by `PUT /api/v1/helpers/me/location`. Without a position of the last day, a helper is not alerted. `emergency:nearby` is the \
alert: acknowledge it, show it, send `alert:seen`, and answer with `POST /api/v1/emergencies/{id}/respond`. Then \
`PUT /api/v1/emergencies/{id}/helper-status` and the positions tell the owner how far the helper is. After a start of the app \
`helper-active` has the emergency that the helper responds to, `pending-for-helper` the alerts that wait for an answer. When an \
emergency ends, responses keep the status that they had; `arrived` and `completed` count as help that was given.

A helper is **on duty** while `available` is true and they may help, and **available** for an emergency while they are on duty, have a \
position of the last day, respond to no other emergency, own none, and are neither in quiet hours nor paused. A connection is not needed.

A **dispatcher** is an administrator: `dispatcher:join` follows all emergencies; after it `GET /api/v1/admin/emergencies` lists them: \
the live ones are those with `status=active` and those with `status=responding`. `GET /api/v1/emergencies/{id}/timeline` tells whom \
alerts reached, and what was said: no event tells dispatchers of messages, so read it again at each event of an emergency that is on the \
screen. Names of helpers are in `respondingHelpers` and in `GET /api/v1/helpers`; of an account without a helper record there is only the id. `PUT /api/v1/helpers/{userId}/verification` lets a helper help.

An access token is valid for a day unless the service is set up otherwise: the claim `exp` of the JWT tells. Exchange it ahead of \
that with `POST /api/v1/auth/refresh`, one request at a time, and store the new pair before it is used. An answer 401 with \
`token_expired` asks for the same; with any other reason the session is over. The package `@allynet/client` does this, and the \
connection for events.

Every answer with `success: true` has `data`; a refusal has `error.reason`, a constant that programs can rely on, and \
`error.message`, a sentence that may change. Times are RFC 3339 in UTC, distances metres, ids UUIDs. Unknown fields are \
ignored. `null` counts as missing, except in changes of something that exists, where it clears. Answers may gain fields.

For `active_emergency_exists` and `request_id_used`, `error.details` is `[{field: \"emergencyId\", message: ID}]` with the id of that \
emergency. Before accepting, a helper is shown the exact place if `placeBeforeAccept` of `GET /api/v1/app/config` is `exact`, the default \
for verified helpers, and the owner is not anonymous. Otherwise, which is the default under the policy `open`, `location.precision` is the \
size of the cell whose centre is shown (200 m for alerted helpers), and of the owner only the first name, or `null`.

Limits are far above the use of one person: an answer 429 says in `Retry-After` when to try again, each operation which limits \
count it. Operations without `x-rate-limits`, such as raising and answering an emergency, are never limited for their number.

Every answer has the header `x-request-id`, and `traceparent` if the request has one (W3C Trace Context). A request can also be \
refused before its route is known: 400 `malformed_request`, 414 `uri_too_long`, 431 `head_too_large`, 404 `route_not_found`, 405 `method_not_allowed`.

More: [events](/docs/events), [errors](/docs/errors), [limits](/docs/limits), [pushes and other ways to reach people](/docs/reach).";

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
    remove_unused(&mut document);
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
    if !route.limits().is_empty() {
        operation["x-rate-limits"] = rates::table(route.limits());
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
                "id" => "The emergency.".to_owned(),
                "token" => "The secret of the link.".to_owned(),
                // `userId` is the id of a user.
                _ => format!("The {}.", name.trim_end_matches("Id")),
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
        if entry["description"] == "" {
            let explain = |reason: &Reason| (reason.1, explanation(*reason, route));
            entry["description"] = json!(words::list(reasons.iter().map(explain)));
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

/// When a route refuses for a reason.
fn explanation((status, reason): Reason, route: &Route) -> String {
    if status != 429 {
        return words::meaning_of_reason(status, reason);
    }
    let limits = route.limits().iter().map(|&limit| rates::sentence(limit));
    let pause = Some(route.pause.to_owned()).filter(|pause| !pause.is_empty());
    limits.chain(pause).collect::<Vec<_>>().join(" ")
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
    let details = match names[0] {
        "invalid_input" => json!([examples::field_error()]),
        "active_emergency_exists" | "request_id_used" => json!([{ "field": "emergencyId", "message": examples::UUID }]),
        _ => Value::Null,
    };
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
                        "description": "Every invalid field. For `active_emergency_exists` and `request_id_used`: the id of that emergency as the `message` of `emergencyId`.",
                    },
                },
            },
        },
    })
}

fn field_error() -> Value {
    json!({
        "type": "object",
        "description": "An invalid field, or what a conflict is about.",
        "required": ["field", "message"],
        "properties": {
            "field": {
                "type": "string", "maxLength": 200, "description": "Its name, with dots for nested ones.",
                "examples": ["location.latitude"],
            },
            "message": {
                "type": "string", "maxLength": 1000, "description": "What is expected, as the rest of a sentence; of a conflict, the value of the field.",
                "examples": ["must be a number from -90 to 90"],
            },
        },
    })
}
