//! What a push tells the device that decrypts it.

use allynet_domain::{
    EmergencyId, EventId, Metres, OutboxKind, Timestamp,
    port::{PushPayload, ReceiptToken},
    usecase::outbox::PreparedPush,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

/// The version of the shape.
const VERSION: u8 = 1;
/// Says that a browser may show the notification itself (the W3C's declarative Web Push).
const DECLARATIVE: u16 = 8030;
/// Distances are told in steps of this many metres.
const DISTANCE_STEP: f64 = 100.0;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Push<'a> {
    v: u8,
    kind: OutboxKind,
    emergency_id: Option<EmergencyId>,
    event_id: Option<EventId>,
    #[serde(rename = "type")]
    emergency_kind: Option<allynet_domain::EmergencyType>,
    distance: Option<f64>,
    expires_at: Timestamp,
    receipt: String,
    #[serde(rename = "web_push")]
    declarative: u16,
    notification: Notification<'a>,
}

#[derive(Debug, Serialize)]
struct Notification<'a> {
    title: &'static str,
    body: String,
    navigate: &'a str,
    tag: String,
    silent: bool,
}

/// Renders a push. `base` is the URL of the service without a slash at its end, or empty: then links are relative.
///
/// No name, no place and no text of a user: others read lock screens.
pub fn render(push: &PreparedPush, base: &str) -> Option<PushPayload> {
    let message = &push.due.message;
    let distance = message.distance.filter(|_| message.kind == OutboxKind::Alert).map(in_steps);
    let (title, body) = texts(message.kind, distance);
    let navigate = match message.emergency {
        Some(emergency) => format!("{base}/app/emergencies/{emergency}"),
        None => format!("{base}/app"),
    };
    let rendered = Push {
        v: VERSION,
        kind: message.kind,
        emergency_id: message.emergency,
        event_id: message.event,
        emergency_kind: message.emergency_kind,
        distance,
        expires_at: message.expires_at,
        receipt: receipt(&push.receipt),
        declarative: DECLARATIVE,
        notification: Notification {
            title,
            body,
            navigate: &navigate,
            tag: message.emergency.map_or_else(|| "test".to_owned(), |emergency| emergency.to_string()),
            silent: false,
        },
    };
    PushPayload::new(serde_json::to_vec(&rendered).ok()?).ok()
}

fn in_steps(distance: Metres) -> f64 {
    (distance.get() / DISTANCE_STEP).round() * DISTANCE_STEP
}

fn texts(kind: OutboxKind, distance: Option<f64>) -> (&'static str, String) {
    let text = match kind {
        OutboxKind::Alert => {
            let near = distance.map_or_else(|| "near you".to_owned(), |metres| format!("about {metres} m away"));
            return ("Emergency call", format!("Somebody {near} needs help."));
        }
        OutboxKind::Ended => ("Emergency over", "The emergency call has ended."),
        OutboxKind::Joined => ("Help is coming", "A helper has accepted the emergency call."),
        OutboxKind::Arrived => ("Helper arrived", "A helper has arrived."),
        OutboxKind::Unanswered => ("No helper has answered yet", "The search goes on. Call the emergency number, too."),
        OutboxKind::Message => ("New message", "There is a new message about an emergency call."),
        OutboxKind::Test => ("Test", "This device receives emergency calls."),
    };
    (text.0, text.1.to_owned())
}

/// A receipt as devices send it back: base64url without padding.
pub fn receipt(token: &ReceiptToken) -> String {
    URL_SAFE_NO_PAD.encode(token.expose())
}
