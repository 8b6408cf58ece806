//! Extractor of the JSON that a client sends with an event or in the handshake.

use std::{convert::Infallible, sync::Arc};

use allynet_wire::json;
use serde_json::Value as Json;
use socketioxide::{
    adapter::LocalAdapter,
    handler::{FromConnectParts, FromMessageParts, Value},
    socket::Socket,
};

/// The payload, parsed like the body of a request. Null if there is none, or if it is not JSON.
///
/// Not by the extractors of the library, which refuse an object whose first key contains an escape, and text and numbers that
/// [`json::parse`] accepts.
pub(crate) struct Payload(pub(crate) Json);

impl FromMessageParts<LocalAdapter> for Payload {
    type Error = Infallible;

    fn from_message_parts(_: &Arc<Socket>, value: &mut Value, _: &Option<i64>) -> Result<Self, Infallible> {
        // The first element is the name of the event. Binary attachments stay placeholders, which no field accepts.
        let arguments = parsed(value);
        let payload = arguments.and_then(|mut arguments| arguments.get_mut(1).map(Json::take));
        Ok(Self(payload.unwrap_or_default()))
    }
}

impl FromConnectParts<LocalAdapter> for Payload {
    type Error = Infallible;

    fn from_connect_parts(_: &Arc<Socket>, auth: &Option<Value>) -> Result<Self, Infallible> {
        Ok(Self(auth.as_ref().and_then(parsed).unwrap_or_default()))
    }
}

fn parsed(value: &Value) -> Option<Json> {
    match value {
        Value::Str(json, _) => json::parse(json.as_bytes()).ok(),
        Value::Bytes(_) => None,
    }
}
