//! The timeline of an emergency: its events, rendered for a participant or an administrator.

use allynet_domain::{Emergency, Event, LoggedEvent, Metres, PlacePolicy, SendChannel, Stage, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    documents::schema::Word,
    events::{Payload, payload},
    views::Reader,
};

/// An entry of the timeline.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<'a> {
    /// The number of the event.
    event_id: i64,
    /// The name of a server event, or of one that only the timeline has.
    event: &'static str,
    /// When it happened.
    at: Timestamp,
    /// The user that caused it; `null` where the viewer may not know, or if the service did.
    actor: Option<Uuid>,
    /// The payload of the event.
    data: Data<'a>,
}

/// The payload of an entry, which its `event` explains.
#[derive(Serialize, JsonSchema)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Data<'a> {
    /// The payload of a server event, without its `eventId`.
    #[schemars(skip)]
    Event(Payload<'a>),
    /// Helpers were alerted.
    Alerted {
        /// The number of the search, from 1.
        wave: u16,
        /// The radius that was searched, in metres.
        radius: u32,
        /// How many were alerted.
        alerted: usize,
        /// Those of them who respond; for administrators all.
        #[schemars(length(max = 1000))]
        helpers: Vec<AlertedHelper>,
    },
    /// An alert was confirmed, or seen.
    Acknowledged {
        /// The helper; `null` for one that does not respond.
        helper_id: Option<Uuid>,
    },
    /// A helper declined.
    Declined {
        /// How many have declined so far.
        count: u32,
    },
    /// Alerts were sent by another way than sockets. For administrators.
    Pushed {
        /// The way.
        #[schemars(with = "Word<SendChannel>")]
        channel: SendChannel,
        /// The step of the escalation, from 0.
        step: u8,
        /// Helpers whose alert a push service or gateway took.
        #[schemars(length(max = 1000))]
        sent: Vec<Uuid>,
        /// Helpers whose alert none took.
        #[schemars(length(max = 1000))]
        failed: Vec<Uuid>,
    },
    /// The owner asked for more help.
    Renewed {},
}

#[derive(Serialize, JsonSchema)]
struct AlertedHelper {
    /// The helper.
    id: Uuid,
    /// Metres from the emergency, for helpers that respond.
    distance: Option<u32>,
}

/// Renders the timeline for a viewer in this stage.
///
/// Direct messages between others and the owner's receipts are left out. A decline is only counted and does not name
/// the helper, so that no helper can be blamed for it. Of helpers that do not respond the timeline shows numbers only:
/// several emergencies of one owner would locate them. Administrators are shown who they are, but not where.
pub fn timeline<'a>(
    emergency: &Emergency,
    events: &'a [LoggedEvent],
    viewer: UserId,
    stage: Stage,
    places: &PlacePolicy,
) -> Vec<Entry<'a>> {
    let knows_owner = places.disclosure(stage, emergency.call().details.anonymous).identifies_owner();
    let administers = stage == Stage::Administrator;
    let reader = Reader { user: Some(viewer), unmasks: administers };
    let responds = |helper: UserId| emergency.is_responding(helper);
    // Administrators are shown no less than others.
    let separated = if administers { Vec::new() } else { emergency.separated_helpers(viewer) };
    let shows_distance = |helper: UserId| responds(helper) && !separated.contains(&helper);
    let may_name = |helper: UserId| administers || responds(helper);
    let mut declined = 0;
    let entries = events.iter().filter(|e| is_readable(e, viewer)).filter_map(|event| {
        let (name, data, actor) = match &event.event {
            Event::HelpersAlerted { wave, radius, recipients, .. } => {
                let named = recipients.iter().filter(|recipient| may_name(recipient.helper));
                let helpers = named.map(|recipient| AlertedHelper {
                    id: recipient.helper.shown().into(),
                    distance: shows_distance(recipient.helper).then(|| recipient.shown_distance()).map(Metres::whole),
                });
                let (helpers, alerted) = (helpers.collect(), recipients.len());
                ("alerts:sent", Data::Alerted { wave: *wave, radius: radius.whole(), alerted, helpers }, None)
            }
            Event::AlertAcknowledged { helper } => {
                let named = Some(*helper).filter(|&helper| may_name(helper));
                let helper_id = named.map(|helper| helper.shown().into());
                ("alerts:acknowledged", Data::Acknowledged { helper_id }, event.actor.filter(|_| named.is_some()))
            }
            Event::AlertSeen { helper } => {
                let named = Some(*helper).filter(|&helper| may_name(helper));
                let helper_id = named.map(|helper| helper.shown().into());
                ("alerts:seen", Data::Acknowledged { helper_id }, event.actor.filter(|_| named.is_some()))
            }
            Event::AlertsSent { channel, step, sent, failed } if administers => {
                let ids = |helpers: &[UserId]| helpers.iter().map(|helper| helper.shown().into()).collect();
                let (sent, failed) = (ids(sent), ids(failed));
                ("alerts:pushed", Data::Pushed { channel: *channel, step: *step, sent, failed }, None)
            }
            Event::AlertDeclined { .. } => {
                declined += 1;
                ("alerts:declined", Data::Declined { count: declined }, None)
            }
            Event::AlertsRenewed => ("alerts:renewed", Data::Renewed {}, event.actor),
            _ => {
                let payload = payload(event, reader, stage, places)?;
                (payload.event(), Data::Event(payload), event.actor)
            }
        };
        let actor = actor.filter(|&actor| knows_owner || actor != emergency.owner());
        let actor = actor.map(|actor| actor.shown().into());
        Some(Entry { event_id: event.id.get(), event: name, at: event.at, actor, data })
    });
    entries.collect()
}

fn is_readable(event: &LoggedEvent, viewer: UserId) -> bool {
    match &event.event {
        Event::MessagePosted { message } => message.is_readable_by(viewer),
        // Contacts are shown to no other user, administrators included.
        Event::ContactNotified { owner, .. } => *owner == viewer,
        // The timeline omits the effects of blocks, what other entries say already, and what belongs to no emergency.
        Event::EmergencyHidden { .. }
        | Event::EmergencyAnnounced { .. }
        | Event::DetailsDisclosed { .. }
        | Event::DeviceLost(_) => false,
        Event::MessageDeleted { readers, .. } => readers.as_ref().is_none_or(|readers| readers.contains(&viewer)),
        _ => true,
    }
}

mod schema;

#[cfg(test)]
mod tests;
