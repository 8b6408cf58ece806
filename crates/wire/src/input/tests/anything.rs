//! Property tests: parsing any JSON succeeds or lists the invalid fields; it never panics.

use allynet_domain::{
    port::Before,
    testing::{OWNER, account},
};
use proptest::{collection, prelude::*};
use serde_json::Map;

use super::*;
use crate::{
    input::{accounts, emergencies, socket},
    testing::filled,
};

type Reader<Input> = fn(&Input) -> Result<(), Problem>;

const BODIES: &[Reader<Value>] = &[
    |v| accounts::register(v).map(drop),
    |v| accounts::login(v).map(drop),
    |v| accounts::forgot_password(v).map(drop),
    |v| accounts::reset_password(v).map(drop),
    |v| accounts::refresh(v).map(drop),
    |v| accounts::logout(v).map(drop),
    |v| accounts::update_password(v).map(drop),
    |v| crate::input::contacts::add(v).map(drop),
    |v| accounts::duty(v).map(drop),
    |v| accounts::verification(v).map(drop),
    |v| accounts::block(v).map(drop),
    |v| emergencies::raise(v).map(drop),
    |v| emergencies::respond(v).map(drop),
    |v| emergencies::helper_status(v).map(drop),
    |v| emergencies::resolve(v).map(drop),
    |v| emergencies::cancel(v).map(drop),
    |v| emergencies::rating(v).map(drop),
    |v| emergencies::report(v).map(drop),
    |v| emergencies::message(v).map(drop),
    |v| emergencies::location(v).map(drop),
];

/// Bodies in which a missing field keeps a value, and `null` clears it.
const PATCHES: &[Reader<Value>] = &[
    |v| accounts::profile(v, &filled(account(OWNER)).profile).map(drop),
    |v| crate::input::contacts::change(v, &super::contacts::stored()).map(drop),
];

const QUERIES: &[Reader<Map<String, Value>>] = &[
    |q| accounts::helper_page(q).map(drop),
    |q| emergencies::nearby(q).map(drop),
    |q| emergencies::history(q).map(drop),
    |q| emergencies::messages(q).map(drop),
    |q| emergencies::timeline(q).map(drop),
    |q| emergencies::admin_page(q).map(drop),
];

const FIELDS: &[&str] = &[
    "email",
    "password",
    "name",
    "firstName",
    "lastName",
    "phone",
    "bio",
    "locale",
    "order",
    "afterSeconds",
    "on",
    "livesWithOwner",
    "token",
    "avatar",
    "refreshToken",
    "currentPassword",
    "newPassword",
    "available",
    "skills",
    "transport",
    "status",
    "blocked",
    "reason",
    "location",
    "latitude",
    "longitude",
    "address",
    "at",
    "description",
    "type",
    "category",
    "priority",
    "severity",
    "silentMode",
    "anonymousMode",
    "requestId",
    "action",
    "estimatedArrival",
    "notes",
    "resolutionType",
    "helperId",
    "score",
    "comment",
    "userId",
    "recipientId",
    "message",
    "emergencyId",
    "lastEventId",
    "radius",
    "limit",
    "before",
    "after",
    "cursor",
    "verification",
];

/// Strings, among them nearly valid ones.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,60}",
        ".{0,12}",
        "[0-9.eE+-]{0,12}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})",
        "[+-]?[0-9]{1,19}\\.[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        prop::sample::select(vec![
            "accept", "decline", "medical", "resolved", "on_way", "verified", "current", "creator"
        ])
        .prop_map(str::to_owned),
    ]
}

fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-200_i32..200).prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 48, 12, |inner| {
        let key = prop_oneof![9 => prop::sample::select(FIELDS).prop_map(str::to_owned), 1 => ".{0,8}"];
        prop_oneof![
            1 => collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            3 => collection::btree_map(key, inner, 0..12).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn queries() -> impl Strategy<Value = Map<String, Value>> {
    let pairs = collection::btree_map(prop::sample::select(FIELDS), texts(), 0..10);
    pairs.prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
}

/// Success, or a list of invalid fields without duplicates.
fn is_valid_outcome(read: Result<(), Problem>) -> Result<(), TestCaseError> {
    let Err(problem) = read else { return Ok(()) };
    prop_assert_eq!((problem.status, problem.reason), (400, "invalid_input"));
    let mut fields: Vec<_> = problem.details.unwrap_or_default().into_iter().map(|d| d.field).collect();
    prop_assert!(!fields.is_empty(), "nothing is named");
    let all = fields.len();
    fields.sort();
    fields.dedup();
    prop_assert_eq!(all, fields.len(), "a field is named twice");
    Ok(())
}

proptest! {
    #[test]
    fn any_body_is_parsed_or_refused(body in json_values()) {
        for read in BODIES.iter().chain(PATCHES) {
            is_valid_outcome(read(&body))?;
        }
    }

    #[test]
    fn any_query_is_parsed_or_refused(query in queries()) {
        for read in QUERIES {
            is_valid_outcome(read(&query))?;
        }
    }

    #[test]
    fn any_socket_payload_is_parsed_or_refused(payload in json_values()) {
        for failure in [socket::room(&payload).err(), socket::location(&payload).err()].into_iter().flatten() {
            prop_assert_eq!(failure.code, "invalid_payload");
            prop_assert!(!failure.message.is_empty());
        }
    }

    #[test]
    fn null_and_missing_are_the_same_except_in_patches(mut body in json_values(), field in prop::sample::select(FIELDS)) {
        let Some(object) = body.as_object_mut() else { return Ok(()) };
        object.remove(field);
        let missing: Vec<_> = BODIES.iter().map(|read| read(&Value::Object(object.clone()))).collect();
        object.insert(field.to_owned(), Value::Null);
        for (read, missing) in BODIES.iter().zip(missing) {
            prop_assert_eq!(read(&Value::Object(object.clone())), missing);
        }
    }

    #[test]
    fn a_parsed_time_can_be_rendered(time in texts()) {
        let query = query(&[("before", &time)]);
        if let Ok((Some(Before::Time(before)), _)) = emergencies::messages(&query) {
            prop_assert!(serde_json::to_value(before).is_ok());
            prop_assert_eq!(before.timestamp_subsec_nanos() % 1000, 0);
        }
    }
}
