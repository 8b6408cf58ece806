//! Every event for the AsyncAPI document.

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{
    components::Schemas,
    requests::{AlertSeen, JoinDispatchers, JoinRoom, LeaveDispatchers, LeaveRoom, PositionReport},
    route::{SchemaOf, of},
};
use crate::{
    events::{NAMES, Payload},
    signals::{AlertsSignal, LocationSignal, OwnerSignal, PresenceSignal},
    socket::{DispatcherJoined, DispatcherLeft, ErrorEvent, Joined, Left, Located, SessionReady, SessionResync},
};

/// An event, and what its payload is.
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) summary: String,
    pub(super) payload: Value,
    pub(super) acknowledgement: Option<Value>,
    /// The event that confirms it.
    pub(super) response: Option<&'static str>,
    /// Whether it is from the event log, and has an `eventId`.
    pub(super) is_logged: bool,
}

impl Event {
    /// Who gets it; `None` for what answers a client alone.
    pub(super) fn recipients(&self) -> Option<&'static str> {
        Some(match self.name {
            "emergency:created" => {
                "helpers on duty, except the owner; held back for owners who raise many. To dispatchers at once"
            }
            "emergency:nearby" => "each alerted helper, on all devices",
            "helper:joined" | "helper:status_update" | "emergency:status_changed" | "emergency:resolved" => {
                "everybody in the room of the emergency: owner, responding helpers, and who has joined it; and dispatchers"
            }
            "emergency:details" | "response:check" | "helper:stand_down" => "the helper, on all devices",
            "emergency:cancelled" => "everybody in the room of the emergency, all alerted helpers, and dispatchers",
            "emergency:ended" | "emergency:reopened" => {
                "everybody in the room of the emergency, helpers on duty, all alerted helpers, and dispatchers"
            }
            "emergency:updated" => {
                "everybody in the room of the emergency, all alerted helpers that have neither declined nor cancelled, and dispatchers"
            }
            "emergency:moved" => "owner and responding helpers, and dispatchers",
            "helper:role_assigned" => {
                "owner and responding helpers, but for those whom a block separates from the helper, and dispatchers"
            }
            "emergency:location" => {
                "owner and responding helpers, at most once a second while the place follows the owner"
            }
            "contact:notified" => "the owner",
            "emergency:unanswered" | "emergency:alerts" => "the owner, and dispatchers",
            "device:lost" => "the user that had the device",
            "emergency:message" => {
                "owner and responding helpers, or sender and recipient of a direct message; not to dispatchers"
            }
            "emergency:message:deleted" => "everybody who could read the message",
            "helper:location" => {
                "owner, responding helpers and dispatchers, at most once a second, while the status of the helper is `responding` or \
                 `on_way`: from accepting until `arrived`, `completed` or `cancelled`, or the end"
            }
            "presence:update" => {
                "owner and responding helpers, except the user concerned; 15 seconds late when offline"
            }
            _ => return None,
        })
    }

    /// What else is to be known of an event; empty if its summary and its fields say all.
    pub(super) fn explanation(&self) -> &'static str {
        match self.name {
            "emergency:nearby" => {
                "Acknowledge it when the app has taken it, and send `alert:seen` when a person can see it: the owner sees both \
                 counted, as `delivered` and `seen`. Without an acknowledgement, anything that comes from the device after it, the answer to a ping \
                 too, shows that it has arrived (`sent`). While nobody responds, an alert that has not arrived is sent again every \
                 minute, five times, and then every ten minutes, and its helper frees a place for another after 30 seconds; pushes, email and \
                 telephone follow where they are set up. Each minute the search reaches the next radius. When none is \
                 left, a minute after the last alert, `emergency:unanswered` tells the owner; from then on every helper who has not answered is \
                 alerted again every ten minutes, acknowledged or not. A repetition has an `eventId` of its own. The times are \
                 defaults."
            }
            "emergency:alerts" => {
                "Sent when a number has changed, at most once a second, and not at a connection: `alerts` of the emergency has the same \
                 numbers. A device that does not acknowledge is counted in `sent` when it answers the next ping, up to 25 seconds later."
            }
            "emergency:message" => {
                "The service writes to the owner, too (`senderRole: system`, in English): that the call is stored and how many helpers are \
                 alerted, and whether more help is needed when a helper has completed. These are direct messages, which no timeline has, and \
                 no answer of a person."
            }
            _ => "",
        }
    }
}

/// The events that clients send.
pub(super) fn received(schemas: &mut Schemas) -> Vec<Event> {
    let mut event = |name, summary: &str, payload: SchemaOf, answer: Option<SchemaOf>, response| {
        let payload = payload(&mut schemas.received).to_value();
        let answer = answer.map(|of| of(&mut schemas.sent).to_value());
        let acknowledgement =
            Some(acknowledgement(answer, &of::<crate::socket::Failure>(&mut schemas.sent).to_value()));
        Event { name, summary: summary.to_owned(), payload, acknowledgement, response, is_logged: false }
    };
    vec![
        event(
            "emergency:join",
            "Enter the room of an emergency.",
            of::<JoinRoom>,
            Some(of::<Joined>),
            Some("emergency:joined"),
        ),
        event(
            "emergency:leave",
            "Leave the room of an emergency.",
            of::<LeaveRoom>,
            Some(of::<Left>),
            Some("emergency:left"),
        ),
        event(
            "location:update",
            "Report where the caller is.",
            of::<PositionReport>,
            Some(of::<Located>),
            Some("location:updated"),
        ),
        event("alert:seen", "The alert was shown to a person.", of::<AlertSeen>, None, None),
        event(
            "dispatcher:join",
            "Follow all emergencies. For administrators.",
            of::<JoinDispatchers>,
            Some(of::<DispatcherJoined>),
            Some("dispatcher:joined"),
        ),
        event(
            "dispatcher:leave",
            "Follow all emergencies no more.",
            of::<LeaveDispatchers>,
            Some(of::<DispatcherLeft>),
            Some("dispatcher:left"),
        ),
    ]
}

/// `{ok: true, …}` or `{ok: false, error}`.
fn acknowledgement(answer: Option<Value>, failure: &Value) -> Value {
    let ok = json!({ "type": "object", "required": ["ok"], "properties": { "ok": { "const": true } } });
    let done = match answer {
        Some(answer) => json!({ "allOf": [ok, answer] }),
        None => ok,
    };
    let failed = json!({
        "type": "object", "required": ["ok", "error"], "properties": { "ok": { "const": false }, "error": failure },
    });
    json!({ "oneOf": [done, failed] })
}

/// The events that the service sends.
pub(super) fn sent(schemas: &mut Schemas) -> Vec<Event> {
    let mut all = logged(schemas);
    let mut event = |name, summary: &str, payload: SchemaOf| Event {
        name,
        summary: summary.to_owned(),
        payload: payload(&mut schemas.sent).to_value(),
        acknowledgement: None,
        response: None,
        is_logged: false,
    };
    all.extend([
        event(AlertsSignal::EVENT, "The alert counts of the owner's emergency changed.", of::<AlertsSignal>),
        event(LocationSignal::EVENT, "A helper on their way moved.", of::<LocationSignal>),
        event(OwnerSignal::EVENT, "The owner of an emergency whose place follows them moved.", of::<OwnerSignal>),
        event(PresenceSignal::EVENT, "A participant came online or went offline.", of::<PresenceSignal>),
        event("session:ready", "The first event of a connection.", of::<SessionReady>),
        event("session:resync", "Missed events cannot be replayed: read the state over REST.", of::<SessionResync>),
        event("emergency:joined", "Confirms `emergency:join`.", of::<Joined>),
        event("emergency:left", "Confirms `emergency:leave`.", of::<Left>),
        event("dispatcher:joined", "Confirms `dispatcher:join`.", of::<DispatcherJoined>),
        event("dispatcher:left", "Confirms `dispatcher:leave`.", of::<DispatcherLeft>),
        event("location:updated", "Confirms `location:update`.", of::<Located>),
        event("error", "A client event was refused, or the connection is about to be closed.", of::<ErrorEvent<'_>>),
    ]);
    all
}

/// The events of the log. Their payloads are the variants of one type, in the order of [`NAMES`].
fn logged(schemas: &mut Schemas) -> Vec<Event> {
    let payloads = Payload::json_schema(&mut schemas.sent).to_value();
    let variants = payloads["anyOf"].as_array().cloned().unwrap_or_default();
    let events = NAMES.into_iter().zip(variants).map(|(name, mut payload)| {
        let summary = payload.as_object_mut().and_then(|payload| payload.remove("description"));
        payload["properties"]["eventId"] = json!({
            "type": "integer", "minimum": 1, "description": "Grows over time across the whole service.", "examples": [4712],
        });
        if let Some(required) = payload["required"].as_array_mut() {
            required.push(json!("eventId"));
        }
        let is_alert = name == "emergency:nearby";
        Event {
            name,
            summary: summary.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            payload,
            // Any value, or none.
            acknowledgement: is_alert.then(|| json!({ "description": "Any value: call the callback at once." })),
            response: None,
            is_logged: true,
        }
    });
    events.collect()
}

/// The name of a schema for the payload of an event: `emergency:message:deleted` becomes `EmergencyMessageDeleted`.
pub(crate) fn type_name(event: &str) -> String {
    let words = event.split([':', '_']);
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
