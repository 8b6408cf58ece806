//! Bodies, queries and path parameters as far as the wire crate's parsers need them: JSON values and typed ids.
//! What the fields mean is not looked at here.

use std::time::Duration;

use allynet_domain::{ContactId, EmergencyId, MessageId, Refusal, UserId};
use allynet_wire::{Problem, problem::faults};
use axum::{
    body::{Body, HttpBody},
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, header::CONTENT_TYPE, request::Parts},
};
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use crate::{answer::Failure, deadline::Deadline};

/// The largest body that is read, in bytes.
const BODY_LIMIT: u64 = 64 * 1024;
/// A body up to this size is received to its end before it is refused. Closing a connection on which the client still
/// sends resets it, and the client would never see the answer.
const DRAINED: u64 = 4 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The body as JSON. None at all counts as `{}`, so that routes without required fields need none.
#[derive(Debug)]
pub(crate) struct JsonBody(pub(crate) Value);

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        if body.is_end_stream() {
            return Ok(Self(Value::Object(Map::new())));
        }
        if !is_json(&parts.headers) {
            return Err(faults::unsupported_media_type().into());
        }
        // A slow network is the client's, and has its own timeout.
        let pause = parts.extensions.get::<Deadline>().map(Deadline::pause);
        let read = tokio::time::timeout(BODY_TIMEOUT, read(body)).await;
        drop(pause);
        let bytes = read.map_err(|_| faults::request_timeout())??;
        if bytes.is_empty() {
            return Ok(Self(Value::Object(Map::new())));
        }
        // Nesting is bounded by serde_json, at 128.
        Ok(Self(serde_json::from_slice(&bytes).map_err(|_| faults::invalid_json())?))
    }
}

/// `application/json` or `application/…+json`, whatever the parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

async fn read(mut body: Body) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut received = body.size_hint().lower();
    if received > DRAINED {
        return Err(faults::body_too_large());
    }
    received = 0;
    while let Some(frame) = body.frame().await {
        // Whoever breaks off is gone, and reads no answer.
        let Ok(data) = frame.map_err(|_| faults::invalid_json())?.into_data() else { continue };
        received += data.len() as u64;
        if received <= BODY_LIMIT {
            bytes.extend_from_slice(&data);
        } else if received > DRAINED {
            break;
        }
    }
    if received > BODY_LIMIT { Err(faults::body_too_large()) } else { Ok(bytes) }
}

/// The query, every value a text. Of a name given twice the last counts.
#[derive(Debug)]
pub(crate) struct Query(pub(crate) Map<String, Value>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let pairs = pairs.map_err(|_| faults::invalid_input())?.0;
        Ok(Self(pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect()))
    }
}

macro_rules! path_ids {
    ($($(#[$doc:meta])* $name:ident($id:ty) = $parameter:literal, else $refusal:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name(pub(crate) $id);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Failure;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
                let params = RawPathParams::from_request_parts(parts, state).await.ok();
                let mut params = params.iter().flatten();
                let id = params.find(|(name, _)| *name == $parameter).and_then(|(_, value)| value.parse().ok());
                Ok(Self(id.ok_or(Refusal::$refusal)?))
            }
        }
    )+};
}

// A text that is no id is the id of nothing: 404, like any other that is unknown.
path_ids! {
    /// The emergency in the path.
    OfEmergency(EmergencyId) = "id", else EmergencyNotFound;
    /// The user in the path.
    OfUser(UserId) = "userId", else UserNotFound;
    /// The contact in the path.
    OfContact(ContactId) = "contactId", else ContactNotFound;
    /// The message in the path.
    OfMessage(MessageId) = "messageId", else MessageNotFound;
}
