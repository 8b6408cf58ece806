//! What is read from clients: each bound, each wrong field by its name, and nothing that makes a reader panic.

mod accounts;
mod anything;
mod contacts;
mod emergencies;
mod fields;
mod sockets;

use std::fmt::Debug;

use serde_json::{Map, Value, json};

use crate::{FieldError, Problem};

/// `(field, message)` of everything that is wrong.
#[track_caller]
fn wrong<T: Debug>(read: Result<T, Problem>) -> Vec<(String, String)> {
    let problem = read.expect_err("was read");
    assert_eq!((problem.status, problem.reason), (400, "invalid_input"));
    let pair = |FieldError { field, message }| (String::from(field), String::from(message));
    problem.details.unwrap().into_iter().map(pair).collect()
}

/// The names of the wrong fields.
#[track_caller]
fn wrong_fields<T: Debug>(read: Result<T, Problem>) -> Vec<String> {
    wrong(read).into_iter().map(|(field, _)| field).collect()
}

/// A body with one field set to another value, or removed with `None`.
fn with(mut body: Value, field: &str, value: Option<Value>) -> Value {
    let pointer = format!("/{}", field.replace('.', "/"));
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(key.to_owned(), value),
        None => parent.remove(key),
    };
    body
}

/// A query, of which every value is a text.
fn query(pairs: &[(&str, &str)]) -> Map<String, Value> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), json!(value))).collect()
}

fn repeated(n: usize) -> Value {
    json!("ä".repeat(n))
}
