//! Extractors of bodies, queries and path parameters: JSON values and typed ids for the parsers of the wire crate.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use allynet_domain::{ContactId, DeviceId, EmergencyId, MessageId, Refusal, ResourceId, SessionId, UserId};
use allynet_wire::{Problem, json, problem::faults};
use axum::{
    body::{Body, HttpBody},
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, header::CONTENT_TYPE, request::Parts},
};
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use crate::{answer::Failure, deadline::Deadline, work_permit::RequestPermit};

/// The largest body that is accepted, in bytes.
const MAX_BODY_BYTES: u64 = 64 * 1024;
/// A body up to this size is received to its end before it is refused: closing a connection on which the client still
/// sends resets it, and the client would never see the answer.
const MAX_DRAINED_BYTES: u64 = 4 * 1024 * 1024;
/// The time in which a body has to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The body as JSON. An empty body is `{}`: routes without required fields need none.
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
        let bytes = receive(&parts, body).await?;
        if bytes.is_empty() {
            return Ok(Self(Value::Object(Map::new())));
        }
        Ok(Self(json::parse(&bytes).map_err(|_| faults::invalid_json())?))
    }
}

/// The body of a form as a browser sends it, whatever its type: pages are answered to mail programs, too.
#[derive(Debug)]
pub(crate) struct FormBody(Vec<u8>);

impl FormBody {
    /// The first value of a field, if it is a text without characters that forms encode.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.split(|octet| *octet == b'&').filter_map(|field| std::str::from_utf8(field).ok());
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    }
}

impl<S: Sync> FromRequest<S> for FormBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        receive(&parts, body).await.map(Self)
    }
}

/// Receives a body to its end.
async fn receive(parts: &Parts, body: Body) -> Result<Vec<u8>, Failure> {
    // The deadline of the request is for the service; a slow client has this timeout instead.
    let pause = parts.extensions.get::<Deadline>().map(Deadline::pause);
    let mut reading = pin!(tokio::time::timeout(BODY_TIMEOUT, read(body)));
    let read = match poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
        Poll::Ready(read) => {
            drop(pause);
            read
        }
        // The body is still on its way: others go ahead meanwhile.
        Poll::Pending => {
            let permit = parts.extensions.get::<RequestPermit>();
            permit.inspect(|permit| permit.release());
            let read = reading.await;
            drop(pause);
            if let Some(permit) = permit {
                permit.acquire().await?;
            }
            read
        }
    };
    Ok(read.map_err(|_| faults::request_timeout())??)
}

/// Whether the type is `application/json` or `application/…+json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

async fn read(mut body: Body) -> Result<Vec<u8>, Problem> {
    if body.size_hint().lower() > MAX_DRAINED_BYTES {
        return Err(faults::body_too_large());
    }
    let mut bytes = Vec::new();
    let mut received = 0_u64;
    while let Some(frame) = body.frame().await {
        // A client that broke off reads no answer, so any error will do.
        let Ok(data) = frame.map_err(|_| faults::invalid_json())?.into_data() else { continue };
        received += data.len() as u64;
        if received <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&data);
        } else if received > MAX_DRAINED_BYTES {
            break;
        }
    }
    if received > MAX_BODY_BYTES { Err(faults::body_too_large()) } else { Ok(bytes) }
}

/// The query as a map of strings. The last value of a repeated name counts.
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

// A text that does not parse as an id is an unknown id: 404.
path_ids! {
    /// The emergency id in the path.
    PathEmergency(EmergencyId) = "id", else EmergencyNotFound;
    /// The user id in the path.
    PathUser(UserId) = "userId", else UserNotFound;
    /// The contact id in the path.
    PathContact(ContactId) = "contactId", else ContactNotFound;
    /// The device id in the path.
    PathDevice(DeviceId) = "deviceId", else DeviceNotFound;
    /// The resource id in the path.
    PathResource(ResourceId) = "resourceId", else ResourceNotFound;
    /// The session id in the path.
    PathSession(SessionId) = "sessionId", else SessionNotFound;
    /// The message id in the path.
    PathMessage(MessageId) = "messageId", else MessageNotFound;
}
