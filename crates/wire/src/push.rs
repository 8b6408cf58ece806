//! What a push tells the device that decrypts it.

use allynet_domain::{
    EmergencyId, EventId, Locale, Metres, OutboxKind, Timestamp,
    port::{PushPayload, ReceiptToken},
    usecase::outbox::Prepared,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

/// The version of the shape.
const VERSION: u8 = 1;
/// Says that a browser may show the notification itself (the W3C's declarative Web Push).
const DECLARATIVE: u16 = 8030;
/// Distances are told in steps of this many metres.
const DISTANCE_STEP: f64 = 100.0;
/// The least distance that a text tells: no alert says that its recipient is at the place.
const MIN_TOLD_METRES: u32 = 100;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Push<'a> {
    v: u8,
    kind: OutboxKind,
    emergency_id: Option<EmergencyId>,
    event_id: Option<EventId>,
    #[serde(rename = "type")]
    emergency_kind: Option<allynet_domain::EmergencyType>,
    distance: Option<u32>,
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
pub fn render(push: &Prepared, base: &str) -> Option<PushPayload> {
    let message = &push.due.message;
    let tells_distance = matches!(message.kind, OutboxKind::Alert | OutboxKind::Check);
    let distance = message.distance.filter(|_| tells_distance).map(in_steps);
    let (title, body) = match message.addresses.locale {
        Locale::English => english(message.kind, distance),
        Locale::German => german(message.kind, distance),
    };
    let navigate = message.emergency.map_or_else(|| format!("{base}/app"), |emergency| emergency_link(base, emergency));
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

/// The link that opens an emergency. `base` is as in [`render`].
pub fn emergency_link(base: &str, emergency: EmergencyId) -> String {
    format!("{base}/app/emergencies/{emergency}")
}

fn in_steps(distance: Metres) -> u32 {
    Metres::new((distance.get() / DISTANCE_STEP).round() * DISTANCE_STEP).whole()
}

fn english(kind: OutboxKind, distance: Option<u32>) -> (&'static str, String) {
    let text = match kind {
        OutboxKind::Alert => {
            let near = distance.map_or_else(
                || "near you".to_owned(),
                |metres| format!("about {} m away", metres.max(MIN_TOLD_METRES)),
            );
            return ("Emergency call", format!("Somebody {near} needs help."));
        }
        OutboxKind::Check => ("Are you still coming?", "Answer in the app, or others are called."),
        OutboxKind::StandDown => ("You need not come", "Enough helpers are there or closer. You may still go."),
        OutboxKind::Ended => ("Emergency over", "The emergency call has ended."),
        OutboxKind::Joined => ("Help is coming", "A helper has accepted the emergency call."),
        OutboxKind::Arrived => ("Helper arrived", "A helper has arrived."),
        OutboxKind::Unanswered => ("No helper has answered yet", "The search goes on. Call the emergency number, too."),
        OutboxKind::Message => ("New message", "There is a new message about an emergency call."),
        OutboxKind::Test => ("Test", "This device receives emergency calls."),
    };
    (text.0, text.1.to_owned())
}

fn german(kind: OutboxKind, distance: Option<u32>) -> (&'static str, String) {
    let text = match kind {
        OutboxKind::Alert => {
            let near = distance.map_or_else(
                || "in Ihrer Nähe".to_owned(),
                |metres| format!("etwa {} m entfernt", metres.max(MIN_TOLD_METRES)),
            );
            return ("Notruf", format!("Jemand {near} braucht Hilfe."));
        }
        OutboxKind::Check => ("Kommen Sie noch?", "Antworten Sie in der App, sonst werden andere gerufen."),
        OutboxKind::StandDown => {
            ("Sie müssen nicht kommen", "Genug andere sind da oder näher. Sie dürfen trotzdem kommen.")
        }
        OutboxKind::Ended => ("Notruf beendet", "Der Notruf ist beendet."),
        OutboxKind::Joined => ("Hilfe kommt", "Jemand hat den Notruf angenommen."),
        OutboxKind::Arrived => ("Hilfe ist da", "Eine helfende Person ist angekommen."),
        OutboxKind::Unanswered => ("Noch keine Antwort", "Die Suche geht weiter. Wählen Sie auch die Notrufnummer."),
        OutboxKind::Message => ("Neue Nachricht", "Es gibt eine neue Nachricht zu einem Notruf."),
        OutboxKind::Test => ("Test", "Dieses Gerät empfängt Notrufe."),
    };
    (text.0, text.1.to_owned())
}

/// A receipt as devices send it back: base64url without padding.
pub fn receipt(token: &ReceiptToken) -> String {
    URL_SAFE_NO_PAD.encode(token.expose())
}

#[cfg(test)]
mod tests {
    use allynet_domain::{
        EmergencyType,
        outbox::{DeliveryState, DueDelivery, MessageDevice, StoredMessage, Target},
        port::KeyedHash,
        testing::{EMERGENCY, at, device, id, stored_message},
    };
    use serde_json::{Value, json};

    use super::*;

    fn push(kind: OutboxKind, emergency: Option<EmergencyId>) -> Prepared {
        let message = StoredMessage {
            emergency,
            emergency_kind: emergency.map(|_| EmergencyType::Medical),
            event: emergency.map(|_| EventId::new(4712)),
            distance: emergency.map(|_| Metres::new(270.0)),
            ..stored_message(kind)
        };
        let delivery = DeliveryState { id: id(2), step: 0, planned_at: at(0), is_pending: true, attempts: 0 };
        let device = MessageDevice {
            device: device(1),
            received_at: None,
            was_alerted: false,
            is_alert_pending: false,
            delivery: Some(delivery),
        };
        let due = DueDelivery { message, target: Target::Device(Box::new(device)), delivery, lease_until: at(10) };
        Prepared { due, receipt: ReceiptToken::new([7; 32]), topic: Some(KeyedHash::new([7; 16])) }
    }

    fn rendered(push: &Prepared, base: &str) -> Value {
        serde_json::from_slice(render(push, base).unwrap().as_bytes()).unwrap()
    }

    #[test]
    fn an_alert_tells_the_kind_and_the_distance_in_steps_and_nothing_else_of_the_call() {
        let emergency = id::<EmergencyId>(EMERGENCY);
        let expected = json!({
            "v": 1, "kind": "alert", "emergencyId": emergency, "eventId": 4712, "type": "medical", "distance": 300,
            "expiresAt": "2026-01-15T10:15:00Z", "receipt": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", "web_push": 8030,
            "notification": {
                "title": "Emergency call", "body": "Somebody about 300 m away needs help.",
                "navigate": format!("https://ally.example/app/emergencies/{emergency}"), "tag": emergency, "silent": false
            }
        });
        assert_eq!(rendered(&push(OutboxKind::Alert, Some(emergency)), "https://ally.example"), expected);
    }

    #[test]
    fn the_text_is_in_the_language_of_the_recipient() {
        let mut alert = push(OutboxKind::Alert, Some(id(EMERGENCY)));
        alert.due.message.addresses.locale = Locale::German;
        let notification = &rendered(&alert, "")["notification"];
        assert_eq!(notification["title"], "Notruf");
        assert_eq!(notification["body"], "Jemand etwa 300 m entfernt braucht Hilfe.");
    }

    #[test]
    fn every_push_fits_into_a_body_of_1024_octets() {
        // What is left beside the encryption.
        const MAX_BYTES: usize = 921;
        // A host has 253 octets at most.
        let longest = format!("https://{}:65535", [["a"; 63].concat().as_str(); 4].join(".").split_at(253).0);
        assert!(longest.parse::<crate::links::PublicUrl>().is_ok(), "{longest}");
        for kind in OutboxKind::ALL {
            for locale in Locale::ALL {
                let mut push = push(*kind, Some(id(EMERGENCY)));
                push.due.message.addresses.locale = *locale;
                push.due.message.event = Some(EventId::new(i64::MAX));
                push.due.message.distance = Some(Metres::new(20_037_508.0));
                push.due.message.emergency_kind = EmergencyType::ALL.iter().copied().max_by_key(|of| of.as_str().len());
                push.due.message.expires_at = at(0) + chrono::TimeDelta::nanoseconds(123_456_789);
                let bytes = render(&push, &longest).unwrap().as_bytes().len();
                assert!(bytes <= MAX_BYTES, "{kind} in {locale}: {bytes} bytes");
            }
        }
    }

    #[test]
    fn what_there_is_not_is_null() {
        let test = rendered(&push(OutboxKind::Test, None), "");
        for field in ["emergencyId", "eventId", "type", "distance"] {
            assert_eq!(test.get(field), Some(&Value::Null), "{field}");
        }
        assert_eq!(test["notification"]["navigate"], "/app");
        let ended = rendered(&push(OutboxKind::Ended, Some(id(EMERGENCY))), "");
        assert_eq!((&ended["distance"], &ended["kind"]), (&Value::Null, &json!("ended")));
        let check = rendered(&push(OutboxKind::Check, Some(id(EMERGENCY))), "");
        assert_eq!((&check["distance"], &check["kind"]), (&json!(300), &json!("check")));
        let unneeded = rendered(&push(OutboxKind::StandDown, Some(id(EMERGENCY))), "");
        assert_eq!((&unneeded["distance"], &unneeded["kind"]), (&Value::Null, &json!("stand_down")));
    }
}
