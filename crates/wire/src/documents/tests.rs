//! The documents name every route, event and failure that there is, explain every field, and describe what the parsers accept.

use std::collections::{BTreeMap, BTreeSet};

use allynet_domain::{
    ContactDetails,
    testing::{OWNER, account, text},
};

use serde_json::Map;

use super::*;
use crate::{
    FieldError, Problem, events, input,
    limits::{self, ROUTES},
    problem::faults,
    testing::filled,
};

/// Every object schema with properties, with a path that names it.
fn objects(document: &Value) -> Vec<(String, &Map<String, Value>)> {
    fn visit<'a>(path: &str, value: &'a Value, found: &mut Vec<(String, &'a Map<String, Value>)>) {
        match value {
            Value::Object(object) => {
                if let Some(properties) = object.get("properties").and_then(Value::as_object) {
                    found.push((path.to_owned(), properties));
                }
                for (key, inner) in object.iter().filter(|(key, _)| !["example", "examples"].contains(&key.as_str())) {
                    visit(&format!("{path}/{key}"), inner, found);
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| visit(&format!("{path}/{index}"), item, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    visit("", &document["components"]["schemas"], &mut found);
    found
}

#[test]
fn every_route_is_documented_and_no_other() {
    let documented: BTreeSet<_> = routes::all().iter().map(|route| (route.method, route.path)).collect();
    let mounted = ROUTES.iter().map(|row| (row.0, row.1)).chain(DOCUMENT_ROUTES.map(|path| ("GET", path)));
    assert_eq!(documented, mounted.collect());
    assert_eq!(documented.len(), routes::all().len());
    let ids: BTreeSet<_> = routes::all().iter().map(|route| route.id).collect();
    assert_eq!(ids.len(), documented.len());
}

#[test]
fn every_failure_is_documented_and_no_other() {
    let of_connections =
        ["malformed_request", "uri_too_long", "head_too_large", "route_not_found", "method_not_allowed"];
    let refusals = crate::problem::tests::every_refusal().map(|refusal| Problem::from(&refusal));
    let known: BTreeSet<_> = refusals
        .chain(faults::ALL.iter().map(|fault| fault()))
        .map(|problem| (problem.status, problem.reason))
        .filter(|(_, reason)| !of_connections.contains(reason))
        .collect();
    let documented: BTreeSet<_> = routes::all().iter().flat_map(route::Route::reasons).collect();
    assert_eq!(documented, known);
    let text = openapi()["info"]["description"].as_str().unwrap().to_owned();
    assert!(of_connections.iter().all(|reason| text.contains(reason)));
}

#[test]
fn every_event_is_documented_and_no_other() {
    let document = asyncapi();
    let names = |action: &str| -> BTreeSet<String> {
        let operations = document["operations"].as_object().unwrap().values();
        let of_action = operations.filter(|operation| operation["action"] == action);
        let messages = of_action.map(|operation| operation["messages"][0]["$ref"].as_str().unwrap());
        let keys = messages.map(|reference| reference.rsplit('/').next().unwrap());
        keys.map(|key| document["components"]["messages"][key]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("receive"), limits::EVENTS.iter().map(|rule| rule.event.to_owned()).collect());
    let rows = include_str!("../../../../docs/events.md").lines().filter_map(|line| line.strip_prefix("### `"));
    let mut sent: BTreeSet<_> = rows.map(|row| row.trim_end_matches('`').to_owned()).collect();
    for name in [
        "session:ready",
        "session:resync",
        "error",
        "emergency:joined",
        "emergency:left",
        "location:updated",
        "dispatcher:joined",
        "dispatcher:left",
    ] {
        sent.insert(name.to_owned());
    }
    assert_eq!(names("send"), sent);
}

#[test]
fn the_payloads_of_logged_events_stand_beside_their_names() {
    let document = asyncapi();
    for (name, field) in events::NAMES.iter().zip([
        "nearbyHelperCount",
        "distance",
        "helper",
        "emergency",
        "helperId",
        "deadline",
        "role",
        "reason",
        "emergency",
        "resolutionType",
        "reason",
        "status",
        "status",
        "emergency",
        "location",
        "alertedHelpers",
        "message",
        "messageId",
        "contactId",
        "deviceId",
    ]) {
        let payload =
            &document["components"]["schemas"][format!("{}Payload", super::events::type_name(name))]["properties"];
        assert!(payload.get(field).is_some() && payload.get("eventId").is_some(), "{name}: {payload}");
    }
}

#[test]
fn every_field_has_a_description_and_an_example_and_every_text_a_bound() {
    for document in [openapi(), asyncapi()] {
        for (path, properties) in objects(&document) {
            for (name, field) in properties {
                let at = format!("{path}.{name}: {field}");
                let is_narrowed = field.get("const").is_some() || path.contains("/allOf/") || path.contains("/oneOf/");
                assert!(field.get("description").is_some() || is_narrowed, "no description: {at}");
                let is_explained = ["examples", "$ref", "anyOf", "enum", "const", "items", "properties"];
                assert!(is_explained.iter().any(|key| field.get(key).is_some()), "no example: {at}");
                let is_text = field["type"] == "string" || field["type"].get(0).is_some_and(|first| first == "string");
                let bounds = ["maxLength", "enum", "format", "pattern"];
                assert!(!is_text || bounds.iter().any(|key| field.get(key).is_some()), "no bound: {at}");
                let is_list = field["type"] == "array";
                assert!(!is_list || field.get("maxItems").is_some(), "no bound: {at}");
            }
        }
    }
}

#[test]
fn references_lead_to_schemas_and_no_schema_is_unused() {
    for document in [openapi(), asyncapi()] {
        let text = document.to_string();
        let used: BTreeSet<_> = text
            .split("\"#/components/schemas/")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        let named: BTreeSet<_> = document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(used, named);
    }
}

#[test]
fn every_value_of_an_enumeration_has_a_meaning() {
    let mut explained = 0;
    for document in [openapi(), asyncapi()] {
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let text = schema["description"].as_str().unwrap_or_default();
            for value in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert!(text.contains(&format!("`{value}`: ")), "{name} does not explain {value}: {text}");
                explained += 1;
            }
        }
    }
    assert!(explained > 100, "only {explained} values are named");
}

#[test]
fn every_reason_has_the_meaning_that_the_manual_gives() {
    for route in routes::all() {
        for (status, reason) in route.reasons().into_iter().filter(|(status, _)| *status != 429) {
            assert_ne!(words::meaning_of_reason(status, reason), "", "{status} {reason}");
        }
    }
    assert_eq!(words::meaning_of_reason(409, "already_rated"), "The helper was already rated for this emergency");
    assert_eq!(words::meaning_of_reason(404, "already_rated"), "");
    let unavailable = words::meaning_of_reason(503, "unavailable");
    assert!(unavailable.contains("(/docs/limits#full-disks)"), "{unavailable}");
    assert_eq!(words::meaning_of_code("internal"), Some("A fault of the service"));
}

#[test]
fn every_limit_is_told_where_it_counts() {
    let document = openapi();
    for (method, path, limits) in ROUTES {
        let operation = &document["paths"][path][method.to_ascii_lowercase()];
        let names: Vec<_> =
            operation["x-rate-limits"].as_array().into_iter().flatten().map(|row| row["name"].clone()).collect();
        assert_eq!(names, limits.iter().map(|limit| format!("{limit:?}")).collect::<Vec<_>>(), "{method} {path}");
        let refusing = limits.iter().filter(|limit| limit.excess() == limits::Excess::Refused);
        let answer = &operation["responses"]["429"];
        for limit in refusing {
            let text = answer["description"].as_str().unwrap_or_else(|| panic!("{method} {path} has no 429"));
            assert!(text.contains(&rates::sentence(*limit)), "{method} {path}: {text}");
            assert!(answer["headers"].get("Retry-After").is_some());
        }
        // A 429 without a limit is explained by a pause.
        if let Some(text) = answer["description"].as_str() {
            assert!(text.len() > "`rate_limited`: ".len(), "{method} {path}: {text}");
        }
    }
    let (exports, reads) = (rates::sentence(limits::Limit::Exports), rates::sentence(limits::Limit::Reads));
    assert_eq!(exports, "Exports of an account: 5 at once, then 1 in 20 seconds, for each user.");
    assert_eq!(reads, "Reads over REST, except of emergencies: 300 at once, then 30 a second, for each user.");
    let events = asyncapi();
    for rule in limits::EVENTS {
        let operation = &events["operations"][format!("receive{}", super::events::type_name(rule.event))];
        let text = operation["description"].as_str().unwrap();
        assert!(rule.limits.iter().all(|&limit| text.contains(&rates::sentence(limit))), "{}: {text}", rule.event);
    }
}

#[test]
fn alternatives_are_told_apart_by_a_field() {
    let document = openapi();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["TimelineEntry", "EmergencyOrRecord"] {
        let schema = &schemas[name];
        let field = schema["discriminator"]["propertyName"].as_str().unwrap();
        let choices = ["oneOf", "anyOf"].iter().find_map(|key| schema[*key].as_array()).unwrap();
        let choices: BTreeSet<_> = choices.iter().map(|choice| choice["$ref"].as_str().unwrap()).collect();
        let mapping = schema["discriminator"]["mapping"].as_object().unwrap();
        assert_eq!(choices, mapping.values().map(|target| target.as_str().unwrap()).collect());
        for (value, target) in mapping {
            let mut of_field = &schemas[target.as_str().unwrap().rsplit('/').next().unwrap()]["properties"][field];
            if let Some(reference) = of_field["$ref"].as_str() {
                of_field = &schemas[reference.rsplit('/').next().unwrap()];
            }
            let allowed = of_field["enum"].as_array().cloned().unwrap_or_else(|| vec![of_field["const"].clone()]);
            assert!(allowed.contains(&value.as_str().into()), "{name}: {value} is not one of {allowed:?}");
        }
    }
}

type Parser = fn(&Value) -> Result<(), Vec<FieldError>>;

fn of<T>(read: Result<T, Problem>) -> Result<(), Vec<FieldError>> {
    read.map(|_| ()).map_err(|problem| problem.details.unwrap_or_default())
}

fn contact() -> ContactDetails {
    ContactDetails::new(text("Grace Hopper"), "grace@example.org".parse().unwrap())
}

fn resource() -> allynet_domain::Resource {
    crate::testing::resource()
}

/// The parser of each body.
fn parsers() -> BTreeMap<&'static str, Parser> {
    use input::{accounts, contacts, devices, emergencies, resources};
    let parsers: [(&str, Parser); 26] = [
        ("Register", |body| of(accounts::register(body))),
        ("Login", |body| of(accounts::login(body))),
        ("ForgotPassword", |body| of(accounts::forgot_password(body))),
        ("ResetPassword", |body| of(accounts::reset_password(body))),
        ("Refresh", |body| of(accounts::refresh(body))),
        ("Logout", |body| of(accounts::logout(body))),
        ("ProfileChange", |body| of(accounts::profile(body, &filled(account(OWNER)).profile))),
        ("PasswordChange", |body| of(accounts::update_password(body))),
        ("AccountDeletion", |body| of(accounts::confirmation(body))),
        ("BlockByEmail", |body| of(accounts::block_by_email(body))),
        ("HelperChange", |body| of(accounts::duty(body))),
        ("VerificationChange", |body| of(accounts::verification(body))),
        ("AccountBlock", |body| of(accounts::block(body))),
        ("NewContact", |body| of(contacts::add(body))),
        ("ContactChange", |body| of(contacts::change(body, &contact()))),
        ("NewDevice", |body| of(devices::register(body))),
        ("PushReceipt", |body| of(devices::receipt(body))),
        ("Raise", |body| of(emergencies::raise(body))),
        ("EmergencyChange", |body| of(emergencies::change(body))),
        ("Respond", |body| of(emergencies::respond(body))),
        ("HelperStatus", |body| of(emergencies::helper_status(body))),
        ("Resolve", |body| of(emergencies::resolve(body))),
        ("Cancel", |body| of(emergencies::cancel(body))),
        ("NewRating", |body| of(emergencies::rating(body))),
        ("NewReport", |body| of(emergencies::report(body))),
        ("NewMessage", |body| of(emergencies::message(body))),
    ];
    let mut all = BTreeMap::from(parsers);
    all.insert("PositionReport", |body| of(emergencies::location(body)));
    all.insert("NewResource", |body| of(resources::add(body)));
    all.insert("NewResourceReport", |body| of(resources::report(body)));
    all.insert("ResourceChange", |body| of(resources::change(body, &resource().details)));
    all
}

/// A body, the schema of its type, and its parser.
struct Body {
    name: String,
    schema: Value,
    example: Value,
    parser: Parser,
}

fn bodies() -> Vec<Body> {
    let document = openapi();
    let parsers = parsers();
    let mut found = Vec::new();
    for operation in document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
    {
        let media = &operation["requestBody"]["content"]["application/json"];
        let Some(reference) = media["schema"]["$ref"].as_str() else { continue };
        let name = reference.rsplit('/').next().unwrap();
        let parser = *parsers.get(name).unwrap_or_else(|| panic!("{name} has no parser here"));
        let schema = document["components"]["schemas"][name].clone();
        found.push(Body { name: name.to_owned(), schema, example: media["example"].clone(), parser });
    }
    let named: BTreeSet<_> = found.iter().map(|body| body.name.as_str()).collect();
    assert_eq!(named, parsers.keys().copied().collect());
    found
}

#[test]
fn the_parsers_accept_the_examples() {
    for Body { name, example, parser, .. } in bodies() {
        parser(&example).unwrap_or_else(|errors| panic!("{name}: {errors:?} in {example}"));
    }
}

#[test]
fn the_parsers_require_the_fields_that_are_documented_as_required() {
    for Body { name, schema, example, parser } in bodies() {
        for field in schema["properties"].as_object().unwrap().keys() {
            let mut without = example.clone();
            without.as_object_mut().unwrap().remove(field);
            let is_required = schema["required"].as_array().is_some_and(|all| all.contains(&field.as_str().into()));
            match parser(&without) {
                Ok(()) => assert!(!is_required, "{name}.{field} is not required"),
                Err(errors) => {
                    assert!(is_required, "{name}.{field} is required: {errors:?}");
                    assert!(
                        errors.iter().all(|error| error.field.starts_with(field.as_str())),
                        "{name}.{field}: {errors:?}"
                    );
                }
            }
        }
    }
}

/// Values of a field that its schema forbids.
fn forbidden(schema: &Value) -> Vec<Value> {
    let mut values = Vec::new();
    if let Some(max) = schema["maxLength"].as_u64() {
        let text = "a".repeat(usize::try_from(max).unwrap() + 1);
        values.push(Value::String(text));
    }
    if let Some(max) = schema["maximum"].as_f64() {
        values.push((max + 1.0).into());
    }
    if let Some(min) = schema["minimum"].as_f64() {
        values.push((min - 1.0).into());
    }
    if schema["type"] == "string" || schema["type"].get(0).is_some_and(|first| first == "string") {
        values.extend([true.into(), 7.into(), serde_json::json!([]), serde_json::json!({})]);
    }
    if schema.get("format").is_some() {
        values.push("nonsense".into());
    }
    values
}

/// Fields whose value is not judged, on purpose: an unknown one is answered like a wrong one.
const NOT_JUDGED: [&str; 9] = [
    "Login.email",
    "Login.password",
    "ForgotPassword.email",
    "ResetPassword.token",
    "Refresh.refreshToken",
    "Logout.refreshToken",
    "PasswordChange.currentPassword",
    "AccountDeletion.password",
    "NewMessage.recipientId",
];

#[test]
fn the_parsers_refuse_what_is_documented_as_forbidden() {
    let mut refused = 0;
    for Body { name, schema, example, parser } in bodies() {
        for (field, of_field) in schema["properties"].as_object().unwrap() {
            for value in forbidden(of_field) {
                let mut wrong = example.clone();
                wrong[field] = value.clone();
                let is_text = value.is_string();
                if is_text && NOT_JUDGED.contains(&format!("{name}.{field}").as_str()) {
                    continue;
                }
                // An id that is none is an unknown one; an endpoint and its keys are judged by the use case.
                if is_text && (of_field["format"] == "uuid" || name == "NewDevice" && field == "endpoint") {
                    continue;
                }
                let errors = parser(&wrong).expect_err(&format!("{name}.{field} accepts {value}"));
                assert!(
                    errors.iter().all(|error| error.field.starts_with(field.as_str())),
                    "{name}.{field}: {errors:?}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 200, "only {refused} values were tried");
}
