//! The timeline of an emergency: its events, rendered for a participant or an administrator.

use allynet_domain::{Emergency, Event, LoggedEvent, Relation, Timestamp, UserId};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    events::{Payload, payload},
    views::{Reader, knows_owner},
};

/// An entry of the timeline.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<'a> {
    event_id: i64,
    event: &'static str,
    at: Timestamp,
    actor: Option<Uuid>,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Data<'a> {
    Event(Payload<'a>),
    Alerted { wave: u16, radius: u32, alerted: usize, helpers: Vec<AlertedHelper> },
    Acknowledged { helper_id: Uuid },
    Declined { count: u32 },
}

#[derive(Serialize)]
struct AlertedHelper {
    id: Uuid,
    distance: u32,
}

/// Renders the timeline for a viewer.
///
/// Direct messages between others and the owner's receipts are left out. A decline is only counted and does not name
/// the helper, so that no helper can be blamed for it.
pub fn timeline<'a>(
    emergency: &Emergency,
    events: &'a [LoggedEvent],
    viewer: UserId,
    relation: Relation,
) -> Vec<Entry<'a>> {
    let knows_owner = knows_owner(relation, emergency.call().details.anonymous);
    let reader = Reader { user: Some(viewer), unmasks: relation == Relation::Admin };
    let mut declined = 0;
    let entries = events.iter().filter(|e| is_readable(e, viewer)).filter_map(|event| {
        let (name, data, actor) = match &event.event {
            Event::HelpersAlerted { wave, radius, recipients, .. } => {
                let helpers =
                    recipients.iter().map(|r| AlertedHelper { id: r.helper.into(), distance: r.distance.whole() });
                let helpers: Vec<_> = helpers.collect();
                let data = Data::Alerted { wave: *wave, radius: radius.whole(), alerted: helpers.len(), helpers };
                ("alerts:sent", data, None)
            }
            Event::AlertAcknowledged { helper } => {
                ("alerts:acknowledged", Data::Acknowledged { helper_id: (*helper).into() }, event.actor)
            }
            Event::AlertDeclined { .. } => {
                declined += 1;
                ("alerts:declined", Data::Declined { count: declined }, None)
            }
            _ => {
                let payload = payload(event, reader)?;
                (payload.event(), Data::Event(payload), event.actor)
            }
        };
        let actor = actor.filter(|&actor| knows_owner || actor != emergency.owner()).map(Into::into);
        Some(Entry { event_id: event.id.get(), event: name, at: event.at, actor, data })
    });
    entries.collect()
}

fn is_readable(event: &LoggedEvent, viewer: UserId) -> bool {
    match &event.event {
        Event::MessagePosted { message } => message.is_readable_by(viewer),
        Event::MessageDeleted { readers, .. } => readers.as_ref().is_none_or(|readers| readers.contains(&viewer)),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
