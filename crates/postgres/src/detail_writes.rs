//! The part of a change that `change_details_v2` (`migrations/postgres/0036_apply_change_v3.sql`) reads beside it: new details of an
//! emergency. `apply_change_v3` does not know them.

use allynet_domain::{Change, Details, Write};
use serde_json::{Value, json};

/// The new details. A change has those of one emergency at most.
pub(crate) fn detail_write(change: &Change) -> Option<Value> {
    change.writes.iter().find_map(|write| {
        let Write::ChangeDetails { emergency, details } = write else { return None };
        let Details { kind, category, description, location: _, priority, severity, silent: _, anonymous: _ } =
            &**details;
        Some(json!({
            "emergency_id": emergency, "kind": kind, "category": category, "description": description,
            "priority": priority, "severity": severity,
        }))
    })
}
