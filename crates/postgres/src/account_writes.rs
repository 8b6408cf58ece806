//! The part of a change that `apply_account_change_v3` reads beside it: writes to accounts that `apply_change_v3` does not know.
//!
//! Almost no change has one. They are applied in their order, after all other writes and the events.

use allynet_domain::{Change, Session, Write};
use serde_json::{Value, json};

/// The writes of this part.
pub(crate) fn account_writes(change: &Change) -> Vec<Value> {
    change.writes.iter().filter_map(encode).collect()
}

fn encode(write: &Write) -> Option<Value> {
    match write {
        Write::OpenSession(Session { id, user_agent: Some(agent), .. }) => {
            Some(json!({ "op": "describe_session", "id": id, "user_agent": agent }))
        }
        Write::RegisterAccount { account, .. } => {
            Some(json!({ "op": "succeed_account", "id": account.id, "email": account.email.as_str() }))
        }
        Write::DeleteAccount { user, former } => {
            Some(json!({ "op": "delete_account", "id": user, "former_id": former }))
        }
        _ => None,
    }
}
