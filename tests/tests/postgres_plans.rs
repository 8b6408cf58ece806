//! How PostgreSQL plans every statement of the adapter when the tables are large: no statement reads a growing table from
//! one end to the other, neither with a plan for given parameters nor with a generic one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path};

use allynet_tests::{contract::Database, database::OnPostgres};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

/// The tables that grow with use.
const GROWING_TABLES: &[&str] = &[
    "access_log",
    "account",
    "alert",
    "alert_mail_stop",
    "alert_receipt",
    "contact",
    "contact_consent",
    "contact_notice",
    "contact_review",
    "contact_stop",
    "deleted_emergency",
    "delivery",
    "device",
    "emergency",
    "event",
    "login_address",
    "login_failure",
    "message",
    "message_receipt",
    "outbox",
    "password_reset",
    "position",
    "rating",
    "report",
    "reputation_gain",
    "resource",
    "resource_report",
    "response",
    "session",
];

/// Accounts 1 to 20,000, of which the even ones are helpers around 200 towns, nearly all on duty. Emergencies 1 to 40,000,
/// of which 400 are live and all others have ended; each with three alerts, two messages, one response and four events.
const FILL_TABLES: &str = "
    CREATE FUNCTION made(kind integer, n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS
        $$ SELECT format('0000000%s-0000-7000-8000-%s', kind, lpad(to_hex(n), 12, '0'))::uuid $$;
    CREATE FUNCTION helper(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS
        $$ SELECT made(1, 2 + 2 * (n % 10000)) $$;

    INSERT INTO account (id, email, password_hash, first_name, role, verification, available, created_at)
        SELECT made(1, n), n || '@example.org', '', 'Somebody', CASE WHEN n % 2 = 0 THEN 'helper' ELSE 'user' END,
            CASE WHEN n % 2 = 0 THEN CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'verified' END END,
            CASE WHEN n % 2 = 0 THEN n % 14 <> 0 END, '2024-01-01'::timestamptz + n * interval '1 minute'
        FROM generate_series(1, 20000) n;
    INSERT INTO session (id, account_id, confirmed_token, created_at, revoked_at)
        SELECT made(2, n), made(1, 1 + n % 20000), made(2, n), now(), CASE WHEN n % 3 = 0 THEN now() END
        FROM generate_series(1, 40000) n;
    INSERT INTO device (id, account_id, session_id, endpoint, p256dh, auth, push_key, created_at)
        SELECT made(9, n), made(1, 1 + n % 20000), made(2, n), 'https://push.example.org/' || n,
            decode(repeat('04', 65), 'hex'), decode(repeat('07', 16), 'hex'), decode(repeat('04', 65), 'hex'), now()
        FROM generate_series(1, 40000) n;
    INSERT INTO position (account_id, latitude, longitude, anchor, at)
        SELECT made(1, n), ST_Y(p), ST_X(p), p::geography, now() - (n % 30) * interval '1 hour'
        FROM generate_series(2, 20000, 2) n CROSS JOIN LATERAL ST_MakePoint(-170 + 15 * (n / 2 % 20) + (n % 97) * 0.001,
            -50 + 10 * (n / 40 % 10) + (n % 89) * 0.001) AS p;
    INSERT INTO emergency (id, owner_id, request_id, kind, latitude, longitude, priority, severity, silent, anonymous,
            status, alert_radius, wave, created_at, updated_at, ended_at, resolution, next_alert_at, revision)
        SELECT made(3, n), made(1, CASE WHEN n % 100 = 0 THEN 2 * n / 100 - 1 ELSE 1 + n % 20000 END),
            CASE WHEN n % 2 = 0 THEN 'request ' || n END, 'medical', -50 + 10 * (n / 20 % 10) + (n % 89) * 0.001,
            -170 + 15 * (n % 20) + (n % 97) * 0.001, 'high', 5, false, n % 10 = 0,
            CASE WHEN n % 100 = 0 THEN 'active' WHEN n % 5 = 0 THEN 'cancelled' ELSE 'resolved' END, 5000, 1,
            at, at, CASE WHEN n % 100 <> 0 THEN at END, CASE WHEN n % 5 <> 0 THEN 'user_resolved' END,
            CASE WHEN n % 100 = 0 THEN at + interval '1 minute' END, 1
        FROM generate_series(1, 40000) n, LATERAL (SELECT now() - (40000 - n) * interval '20 seconds' AS at) t;
    INSERT INTO response (emergency_id, helper_id, status, first_responded_at, responded_at, updated_at, engaged)
        SELECT made(3, n), helper(n * 7), 'completed', now(), now(), now(), false FROM generate_series(1, 40000) n;
    INSERT INTO alert (emergency_id, helper_id, wave, distance, sent_at, acknowledged_at)
        SELECT made(3, n), helper(n * 7 + k), 1, 100, now(), CASE WHEN k = 0 THEN now() END
        FROM generate_series(1, 40000) n, generate_series(0, 2) k;
    INSERT INTO message (id, emergency_id, sender_role, sender_id, recipient, body, created_at)
        SELECT made(4, 2 * n + k), made(3, n), CASE k WHEN 0 THEN 'system' ELSE 'helper' END,
            CASE k WHEN 1 THEN helper(n * 7) END, 'everyone', 'Hello', now()
        FROM generate_series(1, 40000) n, generate_series(0, 1) k;
    INSERT INTO rating (emergency_id, helper_id, score, created_at)
        SELECT made(3, n), helper(n * 7), 5, now() FROM generate_series(1, 40000) n WHERE n % 5 <> 0;
    INSERT INTO report (emergency_id, reporter_id, about_id, reason, created_at)
        SELECT made(3, n), helper(n * 7), made(1, 1 + n % 20000), 'Why', now() FROM generate_series(1, 40000) n;
    INSERT INTO reputation_gain (emergency_id, helper_id, kind, owner_id, points, gained_at)
        SELECT made(3, n), helper(n * 7), 'trust', made(1, 1 + n % 20000), 50, now() - n * interval '20 seconds'
        FROM generate_series(1, 40000) n;
    INSERT INTO deleted_emergency (id, owner_id, request_id, kind, status, latitude, longitude, created_at, ended_at,
            deleted_at)
        SELECT made(6, n), made(1, 1 + n % 20000), 'request ' || n, 'medical', 'resolved', 1, 2, at, at, at
        FROM generate_series(1, 40000) n, LATERAL (SELECT now() - n * interval '20 seconds' AS at) t;
    INSERT INTO event (at, emergency_id, kind, body)
        SELECT now() - (160000 - n) * interval '5 seconds', made(3, 1 + n / 4), 'unanswered', '{}'
        FROM generate_series(1, 159996) n;
    INSERT INTO erasure (emergency_id, deleted_at) SELECT made(3, n), now() FROM generate_series(1, 50) n;
    INSERT INTO ring (owner_id, rung_at, helper_id)
        SELECT made(1, 1 + n % 20000), now() - n * interval '5 seconds', helper(n * 7) FROM generate_series(1, 40000) n;
    UPDATE account SET alert_review_at = now() + interval '1 hour', max_alerts_per_day = 5
        WHERE get_byte(uuid_send(id), 15) < 16;
    INSERT INTO contact (id, account_id, name, email, created_at)
        SELECT made(5, n), made(1, 1 + n % 20000), 'Mum', 'mum@example.org', now() FROM generate_series(1, 40000) n;
    INSERT INTO contact_consent (id, account_id, email, planned_at, due_at, invited_at)
        SELECT made(8, n), made(1, 1 + n % 20000), n || '@example.org', at, CASE WHEN n % 1000 = 0 THEN at END, at
        FROM generate_series(1, 40000) n, LATERAL (SELECT now() - n * interval '20 seconds' AS at) t;
    INSERT INTO contact_review (emergency_id, owner_id, due_at)
        SELECT made(3, n), made(1, 1 + n % 20000), CASE WHEN n % 1000 = 0 THEN now() END FROM generate_series(1, 40000) n;
    INSERT INTO contact_notice (id, emergency_id, consent_id, contact_id, queued, mail_id, queued_at, due_at, turn_at)
        SELECT made(3, n), made(3, n), made(8, n), made(5, n), CASE WHEN n % 1000 = 0 THEN 'alert' END, made(9, n), now(),
            CASE WHEN n % 1000 = 0 THEN now() END, now()
        FROM generate_series(1, 40000) n;
    INSERT INTO alert_mail_stop (email, stopped_at) SELECT n || '@stop.example', now() FROM generate_series(1, 40000) n;
    INSERT INTO contact_stop (email, stopped_at) SELECT n || '@stop.example', now() FROM generate_series(1, 40000) n;
    INSERT INTO access_log (user_id, emergency_id, reader_id, hour, at, what)
        SELECT made(1, 1 + n % 20000), made(3, n), made(1, 1), 1, now(), 'list' FROM generate_series(1, 40000) n;
    INSERT INTO login_address (account_id, address_hash, last_login_at)
        SELECT made(1, 1 + n % 20000), made(6, n), now() - (n % 40) * interval '1 day' FROM generate_series(1, 40000) n;
    INSERT INTO login_failure (account_hash, address_hash, failed_at)
        SELECT made(7, n % 1000), made(6, n), now() - (40000 - n) * interval '1 second' FROM generate_series(1, 40000) n;
    INSERT INTO password_reset (account_id, created_at, token_hash)
        SELECT made(1, 1 + n % 20000), now() - n * interval '1 second', made(6, n) FROM generate_series(1, 40000) n;
    INSERT INTO outbox (id, kind, user_id, emergency_id, created_at, counts_since, expires_at, due_at)
        SELECT made(8, n), CASE WHEN n % 2 = 0 THEN 'alert' ELSE 'joined' END, made(1, 1 + n % 20000), made(3, n), at, at, at,
            CASE WHEN n % 400 = 0 THEN at END
        FROM generate_series(1, 40000) n, LATERAL (SELECT now() - n * interval '2 seconds' AS at) t;
    INSERT INTO alert_receipt (emergency_id, device_id, received_at)
        SELECT made(3, n), made(9, n), now() FROM generate_series(1, 40000) n;
    INSERT INTO delivery (id, outbox_id, channel, device_id, step, planned_at, due_at)
        SELECT made(8, n), made(8, n), 'webpush', made(9, n), 0, at, CASE WHEN n % 400 = 0 THEN at END
        FROM generate_series(1, 40000) n, LATERAL (SELECT now() - n * interval '2 seconds' AS at) t;
    INSERT INTO message_receipt (receipt_hash, delivery_id, planned_at) SELECT made(8, n), made(8, n), now()
        FROM generate_series(1, 40000) n;
    INSERT INTO resource (id, kind, latitude, longitude, access, status, source, created_at)
        SELECT made(4, n), 'aed', -60 + n % 100, -170 + (n / 100) % 300 + random(), 'public', 'available', 'osm', now()
        FROM generate_series(1, 40000) n;
    INSERT INTO resource_report (resource_id, reporter_id, state, is_counted, reported_at)
        SELECT made(4, n), a.id, 'missing', true, now() - n * interval '1 minute'
        FROM generate_series(1, 40000) n, LATERAL (SELECT id FROM account OFFSET n % 100 LIMIT 1) a;
    ANALYZE;
";

/// A helper in a town, an owner of emergencies, a session of the owner, and an emergency.
const HELPER: &str = "'00000001-0000-7000-8000-000000000020'";
const OWNER: &str = "'00000001-0000-7000-8000-000000000021'";
const SESSION: &str = "'00000002-0000-7000-8000-000000000020'";
const CALL: &str = "'00000003-0000-7000-8000-000000000065'";
/// Preparation and seconds per metre of each mode of transport.
const PACES: &str = "'{0,25,60}', '{0.65,0.38,0.23}'";
/// The latitude and longitude of a town.
const TOWN: &str = "-50.0, -155.0";

/// The parameters with which each statement is planned; several lists where the plan may depend on them.
#[expect(clippy::too_many_lines, reason = "a table of all statements")]
fn parameters(statement: &str) -> Vec<String> {
    let fresh = "now() - interval '1 day'";
    match statement {
        "access_log::RECORD" => {
            vec![format!("array[{OWNER}]::uuid[], array[{CALL}]::uuid[], {HELPER}, 1, now(), 'list'")]
        }
        "access_log::ENTRIES" => vec![format!("{OWNER}, 1000")],
        "accounts::FIND" | "accounts::ACTIVITY" | "contacts::LIST" | "emergencies::statements::LIVE_OF" => {
            vec![HELPER.to_owned(), OWNER.to_owned()]
        }
        "resources::AROUND" => vec![format!("{TOWN}, 5000, null, 200"), format!("{TOWN}, 5000, 'aed', 200")],
        "resources::ADD" => vec![format!(
            "{CALL}, 'aed', {TOWN}, null, 'public', null, null, null, null, null, 'available', null, 'osm', now()"
        )],
        "resources::REPORT" => vec![format!("{CALL}, {HELPER}, 'missing', null, true, now(), false, 'missing', 3, {fresh}")],
        "resources::IMPORT" => vec![
            r#"'[{"id": "00000000-0000-4000-8000-000000000001", "osm_id": "node/1", "kind": "aed", "latitude": 1, "longitude": 1, "access": "public", "checked_at": "2026-01-15T00:00:00Z"}]'::jsonb, now()"#
                .to_owned(),
        ],
        "resources::CHANGE" => vec![format!("{CALL}, 'aed', {TOWN}, null, 'public', null, null, null, null, null")],
        "positions::LAST" | "devices::LIST" | "devices::REACHABILITY" => vec![HELPER.to_owned()],
        "accounts::CREDENTIALS" => vec!["'32@example.org'".to_owned()],
        "accounts::SET_PROFILE" => vec![format!("{OWNER}, 'Ada', null, null, null, null, 'en'")],
        "accounts::HELPERS" => vec![format!("'2024-01-07', {HELPER}, 51")],
        "accounts::HELPERS_BY_VERIFICATION" => ["pending", "verified", "rejected"]
            .map(|verification| format!("'2024-01-07', {HELPER}, 51, '{verification}'"))
            .to_vec(),
        "contact_notices::CLAIM_REVIEWS" | "contact_notices::CLAIM_NOTICES" => vec!["now(), now(), 4".to_owned()],
        "contact_notices::ADDRESSES" => vec![format!("ARRAY[{CALL}]::uuid[]")],
        "contact_notices::NOTICES" => vec![format!("ARRAY[{CALL}]::uuid[], now()")],
        "contacts::SAVE" => {
            let contact = "'Mum', 'mum@example.org', null, 0, 0, 'created', false, true";
            vec![format!("{OWNER}, {CALL}, {contact}, {CALL}, now(), 10, 5, 86400")]
        }
        "contacts::CLAIM" => vec!["now(), now(), 2".to_owned()],
        "contacts::NOTE" => vec![format!("{CALL}, now(), now(), null, false")],
        "contact_notices::PAGE" | "contacts::CONFIRM" | "contacts::STOP" => vec![format!("{CALL}, now()")],
        "contacts::STOP_ALERTS" => vec![format!("{HELPER}, now()")],
        "contacts::REMOVE" => vec![format!("{OWNER}, {CALL}")],
        "lost_events::NOTE" => vec!["1, 2".to_owned()],
        "alerts::DUE" => vec!["now(), now() - interval '1 day', 100".to_owned()],
        "changes::APPLY" => vec!["'{}'".to_owned()],
        "changes::APPLY_TO_ACCOUNT" => vec!["'{}', '[]'".to_owned()],
        "helpers::COVERAGE" => vec!["now() - interval '1 day', 2::smallint, now()".to_owned()],
        "changes::CHANGE_DETAILS" => vec!["'{}', '{}'".to_owned()],
        "changes::ERASE" | "changes::ERASE_ACCOUNTS" => vec!["now() - interval '1 minute', 20".to_owned()],
        "changes::FORGET_DELETED" => vec!["now() - interval '90 days', now() - interval '90 days', 500".to_owned()],
        "emergencies::ended::FIND_FOR_RATING" => vec![format!("{CALL}, now() - interval '30 days'")],
        "emergencies::ended::AVAILABLE_AGAIN" => ["false", "true"].map(|open| format!("{CALL}, {open}")).to_vec(),
        "emergencies::ended::DELETED" => ["null", "now()"].map(|before| format!("{before}, {CALL}, 51")).to_vec(),
        "events::COMPLETE_SINCE"
        | "events::LAST"
        | "events::OWN_TRANSACTION"
        | "events::HORIZON"
        | "lost_events::LIST"
        | "lost_events::ENSURE_ID"
        | "lost_events::ID"
        | "accounts::ADMINISTRATORS"
        | "changes::PROBE"
        | "contacts::DROP"
        | "outbox::DROP_WAITING"
        | "place_grid::KEY" => {
            vec![String::new()]
        }
        "contacts::CONSENT" | "emergencies::statements::FIND" | "resources::FIND" | "resources::REMOVE" => {
            vec![CALL.to_owned()]
        }
        "emergencies::statements::READ" | "emergencies::statements::LOAD" => vec![format!("{CALL}, {HELPER}")],
        "emergencies::statements::LOAD_WITH_NEAREST" => {
            vec![format!("{CALL}, {fresh}, 15000, 50, 1.01, 200, 2, now(), {fresh}, {HELPER}")]
        }
        "emergencies::statements::LOAD_WITH_ONE" => {
            vec![format!("{CALL}, {fresh}, 15000, {HELPER}, 2, now(), {fresh}, null")]
        }
        "emergencies::statements::LOAD_WITH_CENSUS" => {
            vec![format!("{fresh}, 15000, 2, now(), {PACES}, 60, 250, 15000, {fresh}, 400, {CALL}, null, '{{medical,assault}}', '{{registered,registered}}'")]
        }
        "raise_context::READ_CENSUS" => {
            let asked = format!("{OWNER}, 'request 32'");
            let around = format!("{fresh}, 15000, 2, now(), {PACES}, 60, 250, 15000, {fresh}, 400, {asked}, {TOWN}");
            vec![format!("{around}, false, false, null"), format!("{around}, false, false, 'registered'")]
        }
        "raise_context::READ" => ["'request 32'", "null"]
            .map(|request| {
                let radii = "'{5000,10000}', '{5100,10100}', '{4900,9900}'";
                format!("{OWNER}, {request}, {TOWN}, {fresh}, {radii}, 3, 2, now(), {fresh}, false, false")
            })
            .to_vec(),
        "blocks::LIST" => vec![OWNER.to_owned()],
        "blocks::CONTEXT" => {
            vec![format!("{OWNER}, {HELPER}, null"), format!("{OWNER}, null, 'somebody@example.org'")]
        }
        "devices::WITH_OTHER_KEY" => vec!["decode(repeat('04', 65), 'hex'), 100".to_owned()],
        "devices::CONTEXT" => vec![format!("{HELPER}, 'https://push.example.org/32'")],
        "outbox::CLAIM_MESSAGES" => vec!["now(), now() + interval '10 seconds', 100".to_owned()],
        "outbox::CLAIM_DELIVERIES" => {
            vec!["now(), now() + interval '10 seconds', 100, now() + interval '45 seconds'".to_owned()]
        }
        "outbox::FIND_RECEIPT" | "password_resets::FIND" => vec![format!("{CALL}, {fresh}")],
        "outbox::DELETE" => vec!["now() - interval '2 days', 100".to_owned()],
        "contact_notices::DROP" | "outbox::BACKLOG" => vec!["now()".to_owned()],
        "blocks::ENDED" => vec!["now(), 100".to_owned()],
        "emergencies::statements::PENDING_FOR" => ["true", "false"]
            .map(|either| format!("{HELPER}, 0.01, 50, false, {either}, 0.3, 0.7, 250, 900, {either}"))
            .to_vec(),
        "emergencies::statements::NEARBY" => ["100", "10000", "50000"]
            .map(|radius| format!("{TOWN}, {radius}, 100, {HELPER}, false, true, 0.3, 0.7, 750.0"))
            .to_vec(),
        "emergencies::statements::HISTORY" => [HELPER, OWNER]
            .iter()
            .flat_map(|who| {
                ["null, null", "now() - interval '1 day', null", "null, 'resolved'"].map(|m| format!("{who}, {m}, 50"))
            })
            .collect(),
        "emergencies::statements::LIST_LIVE" => ["null, null, null", "-50.0, -155.0, 10000"]
            .iter()
            .flat_map(|near| ["null", "now()"].map(|before| format!("{before}, {CALL}, 51, {near}")))
            .collect(),
        "emergencies::statements::LIST_STATUS" => {
            vec![format!("null, {CALL}, 51, 'resolved'"), format!("now(), {CALL}, 51, 'active'")]
        }
        "emergencies::statements::LIST_STATUS_NEAR" => vec![format!("null, {CALL}, 51, 'resolved', {TOWN}, 10000")],
        "events::TIMELINE" | "events::EVENTS_OF" => vec![format!("{CALL}, 0, 501")],
        "events::ACCESS" => vec![format!("{CALL}, {OWNER}")],
        "events::AFTER" => ["0", "100000", "159990"].map(|seq| format!("{seq}, 500")).to_vec(),
        "events::RANGE" => vec!["100000, 100512, 512".to_owned()],
        "events::FORGET" => vec!["now() - interval '3 days', 500".to_owned()],
        "helpers::AROUND" => vec![format!("{CALL}, {fresh}, 5000, 2, {OWNER}, now()")],
        "helpers::DUE_FOR_REVIEW" => vec!["now(), now() - interval '10 seconds', 100".to_owned()],
        "helpers::COUNT_VERIFIED" | "helpers::COUNT_OPEN" => vec!["now() - interval '1 day'".to_owned()],
        "logins::LOAD" => vec![format!("'32@example.org', {CALL}, {CALL}, {fresh}, 9, 99")],
        "password_resets::ISSUE" => vec![format!("'32@example.org', {CALL}, now(), now(), {fresh}, 5")],
        "logins::RECORD_FAILURE" => vec![format!("{CALL}, {CALL}, now(), now() - interval '1 hour'")],
        "messages::FIND" => vec![format!("{CALL}, {OWNER}, '00000004-0000-7000-8000-000000000032'")],
        "messages::LIST" => {
            let id = "'00000004-0000-7000-8000-000000000032'";
            vec![format!("{CALL}, {OWNER}, 'infinity', 50, {id}"), format!("{CALL}, {OWNER}, now(), 50, {id}")]
        }
        "messages::POST_CONTEXT" => vec![format!("{CALL}, {OWNER}, 'tap'"), format!("{CALL}, {OWNER}, null")],
        "positions::RECORD" => {
            let places = "'{1,2}', '{3,4}', array[now(), now()], 100";
            vec![format!("array[{HELPER}, {OWNER}]::uuid[], {places}, array[{SESSION}, null]::uuid[]")]
        }
        "positions::ORDER" => vec![format!("array[{SESSION}]::uuid[], array[now()]")],
        "sessions::AUTHENTICATE" => vec![format!("{SESSION}, {OWNER}")],
        "sessions::CONFIRM" => {
            vec![format!("{SESSION}, {SESSION}, null, {CALL}, now(), now() - interval '10 seconds', 'App/1'")]
        }
        "exports::RESPONSES" | "exports::RESOURCE_REPORTS" | "exports::ALERTS" | "exports::HISTORY" => {
            vec![format!("{HELPER}, 10000")]
        }
        "exports::MESSAGES" | "exports::RATINGS" | "exports::REPORTS" => {
            vec![format!("{HELPER}, 10000"), format!("{OWNER}, 10000")]
        }
        "retention::TO_BE_THINNED" | "retention::FORGET_SESSIONS" | "retention::FORGET_READINGS" => {
            ["90 days", "1 hour"].map(|age| format!("now() - interval '{age}', 20")).to_vec()
        }
        "retention::THIN" => vec![format!("array[{CALL}]::uuid[], '{{1}}', '{{2}}', {fresh}, now(), 20")],
        "retention::FORGET_COUNTERS" => vec![format!("{fresh}, {fresh}, {fresh}, {fresh}, 20, {fresh}")],
        "retention::FORGET_FORMER_USERS" => vec!["now() - interval '90 days', 20".to_owned()],
        "sessions::LIST" => vec![format!("{OWNER}, 100, {fresh}")],
        other => panic!("{other} has no parameters here"),
    }
}

/// Statements that read a whole table on purpose. All but the last count its rows; administrators send them, seldom.
const EXPECTED_SCANS: &[(&str, &[&str])] = &[
    ("helpers::COUNT_VERIFIED", &["account", "position"]),
    ("helpers::COUNT_OPEN", &["account", "position"]),
    ("helpers::COVERAGE", &["position"]),
    // Ends at the first event that is kept: what comes before it is what this statement is there to delete.
    ("events::FORGET", &["event"]),
];

fn short(name: &str) -> &str {
    name.strip_prefix("allynet_postgres::").unwrap()
}

/// The files of a folder and of the folders in it, each as the path of its module and its text.
fn modules(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(modules(&path).into_iter().map(|(inner, source)| (format!("{module}::{inner}"), source)));
        } else {
            found.push((module, fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The tables that a plan reads from one end to the other: in the order of their rows, or in that of an index, unless a
/// LIMIT above ends it early, or the index holds only live emergencies or the responses of engaged helpers, which are few, or what
/// waits in the outbox.
///
/// A LIMIT does not end early what a node between reads whole before it gives its first row, such as a sort, nor an index
/// scan whose filter may refuse every row.
fn walked(plan: &Value, stops: bool, tables: &mut BTreeSet<String>) {
    const READ_WHOLE: [&str; 6] = ["Hash", "Sort", "Aggregate", "WindowAgg", "SetOp", "Materialize"];
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| walked(part, stops, tables)),
        Value::Object(node) => {
            let text = |key| node.get(key).and_then(Value::as_str);
            let kind = text("Node Type").unwrap_or_default();
            // Indexes of a few rows each: what is live, and administrators.
            let is_small = text("Index Name").is_some_and(|index| {
                index.starts_with("emergency_live")
                    || ["response_engaged", "account_administrators", "outbox_due", "delivery_due"].contains(&index)
            });
            let is_ended = stops && !node.contains_key("Filter");
            let is_bounded = is_ended || is_small || node.contains_key("Index Cond") || node.contains_key("Order By");
            let is_index_scan = kind.starts_with("Index") || kind == "Bitmap Index Scan";
            if kind == "Seq Scan" || (is_index_scan && !is_bounded) {
                tables.extend(text("Relation Name").or(text("Index Name")).map(ToOwned::to_owned));
            }
            let is_first_to_last =
                READ_WHOLE.contains(&kind) || matches!(text("Parent Relationship"), Some("InitPlan" | "SubPlan"));
            node.values().for_each(|part| walked(part, kind == "Limit" || (stops && !is_first_to_last), tables));
        }
        _ => {}
    }
}

async fn run(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

#[tokio::test]
async fn no_statement_reads_a_growing_table_from_end_to_end() {
    let database = OnPostgres::fresh().await;
    let mut connection = database.connection().await;
    run(&mut connection, FILL_TABLES.to_owned()).await;
    // As on the adapter's connections.
    run(&mut connection, "SET jit = off".to_owned()).await;
    let (mut bad, mut walking) = (Vec::new(), BTreeSet::new());
    for (name, sql) in allynet_postgres::statements() {
        let name = short(name);
        let allowed =
            EXPECTED_SCANS.iter().find(|(statement, _)| *statement == name).map_or(&[][..], |(_, tables)| tables);
        run(&mut connection, format!("PREPARE asked AS {sql}")).await;
        for parameters in parameters(name) {
            for mode in ["force_custom_plan", "force_generic_plan"] {
                run(&mut connection, format!("SET plan_cache_mode = {mode}")).await;
                let arguments = if parameters.is_empty() { String::new() } else { format!("({parameters})") };
                let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE asked {arguments}");
                let explained = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut connection).await;
                let plan: Value = explained.unwrap_or_else(|error| panic!("{name} ({parameters}): {error}"));
                let mut tables = BTreeSet::new();
                walked(&plan, false, &mut tables);
                tables.retain(|table| GROWING_TABLES.contains(&table.as_str()));
                walking.extend(tables.iter().filter(|_| !allowed.is_empty()).map(|table| (name, table.clone())));
                tables.retain(|table| !allowed.contains(&table.as_str()));
                if !tables.is_empty() {
                    bad.push(format!("{name} ({parameters}), {mode}, reads all of {tables:?}:\n{plan:#}"));
                }
            }
        }
        run(&mut connection, "DEALLOCATE asked".to_owned()).await;
    }
    database.remove().await;
    assert!(bad.is_empty(), "{}", bad.join("\n\n"));
    // Of which of its tables a statement reads all depends on estimates of costs.
    let walking: BTreeSet<_> = walking.into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        walking,
        EXPECTED_SCANS.iter().map(|(name, _)| *name).collect(),
        "these are expected to read whole tables"
    );
}

#[test]
fn every_statement_of_the_adapter_is_planned() {
    const NO_TABLES: &[&str] = &[
        "store::WARM_UP",
        "setup::HAS_FUNCTION",
        "setup::HAS_OWN_SETTINGS",
        "setup::HAS_VIEW",
        "setup::POSTGIS",
        "store::IS_READ_ONLY",
        "notifications::NOTIFY",
        "lost_events::NEWEST",
        // Read by operators, of tables that do not grow.
        "inspection::APPLIED",
        "inspection::SERVER",
    ];
    let listed: BTreeSet<_> = allynet_postgres::statements().iter().map(|(name, _)| short(name).to_owned()).collect();
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/postgres/src"));
    let mut written = BTreeSet::new();
    for (module, source) in modules(folder) {
        for constant in source.replace("\npub(crate) const ", "\nconst ").split("\nconst ").skip(1) {
            let Some((name, text)) = constant.split_once(": &str =") else { continue };
            let text = text.split(";\n").next().unwrap();
            let is_sql =
                ["SELECT ", "SELECT\n", "UPDATE ", "DELETE ", "INSERT "].iter().any(|word| text.contains(word));
            let name = format!("{module}::{name}");
            if is_sql && !NO_TABLES.contains(&name.as_str()) {
                written.insert(name);
            }
        }
    }
    assert_eq!(listed, written);
}
