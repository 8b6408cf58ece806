//! Extractor of the JSON that a client sends with an event or in the handshake.

use std::{convert::Infallible, sync::Arc};

use allynet_wire::json::replace_lone_surrogates;
use serde_json::Value as Json;
use socketioxide::{
    adapter::LocalAdapter,
    extract::TryData,
    handler::{FromConnectParts, FromMessageParts, Value},
    socket::Socket,
};

/// The payload, in which lone surrogates are replaced as in the body of a request. Null if there is none, or if it is not
/// JSON.
pub(crate) struct Payload(pub(crate) Json);

impl FromMessageParts<LocalAdapter> for Payload {
    type Error = Infallible;

    fn from_message_parts(socket: &Arc<Socket>, value: &mut Value, number: &Option<i64>) -> Result<Self, Infallible> {
        let TryData(payload) = TryData::<Json>::from_message_parts(socket, value, number)?;
        let payload = match (payload, with_valid_text(value)) {
            (Err(_), Some(mut valid)) => TryData::from_message_parts(socket, &mut valid, number)?.0,
            (payload, _) => payload,
        };
        Ok(Self(payload.unwrap_or_default()))
    }
}

impl FromConnectParts<LocalAdapter> for Payload {
    type Error = Infallible;

    fn from_connect_parts(socket: &Arc<Socket>, auth: &Option<Value>) -> Result<Self, Infallible> {
        let TryData(payload) = TryData::<Json>::from_connect_parts(socket, auth)?;
        let payload = match (payload, auth.as_ref().and_then(with_valid_text)) {
            (Err(_), Some(valid)) => TryData::from_connect_parts(socket, &Some(valid))?.0,
            (payload, _) => payload,
        };
        Ok(Self(payload.unwrap_or_default()))
    }
}

/// The same value without lone surrogates; `None` if it has none.
fn with_valid_text(value: &Value) -> Option<Value> {
    let Value::Str(json, attachments) = value else { return None };
    let valid = String::from_utf8(replace_lone_surrogates(json.as_bytes())?).ok()?;
    Some(Value::Str(valid.into(), attachments.clone()))
}
