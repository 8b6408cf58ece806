//! The timeline of an emergency: its events, rendered for a participant or an administrator.

use allynet_domain::{
    Emergency, Event, LoggedEvent, Metres, PlacePolicy, SendChannel, Stage, Timestamp, UserId,
    dispatch::{Reason, Why},
};
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
        /// Those of them who respond; for administrators all. An account without a helper record, which the policy `open` alerts, is in no
        /// list of helpers.
        #[schemars(length(max = 1000))]
        helpers: Vec<AlertedHelper>,
        /// The best helper who was not alerted, for administrators; `null` if none is left, or if helpers are not chosen by what an
        /// alert is worth.
        passed: Option<PassedHelper>,
    },
    /// A device of a helper has confirmed the alert.
    Acknowledged {
        /// The helper; `null` for one that does not respond. For administrators always the helper.
        helper_id: Option<Uuid>,
    },
    /// A helper has seen the alert.
    Seen {
        /// The helper; `null` for one that does not respond. For administrators always the helper.
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
    /// Metres from the emergency, for helpers that respond; for administrators of all that were chosen by what an alert is worth. Reckoned
    /// between cells of 250 m, and of 200 m around an approximate place, unless the place is shown exactly before accepting: helpers in one
    /// cell have the same distance.
    distance: Option<u32>,
    /// Why the helper was chosen, for administrators; `null` for one that was rung again, or was not chosen by what an alert is
    /// worth.
    why: Option<WhyView>,
}

/// A helper who was not alerted.
#[derive(Serialize, JsonSchema)]
struct PassedHelper {
    /// The helper.
    id: Uuid,
    /// Metres from the emergency.
    distance: u32,
    /// What an alert to them would be worth.
    why: WhyView,
}

/// What is expected of a helper.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Why")]
struct WhyView {
    /// Seconds until the arrival.
    #[schemars(range(min = 0.0, max = 1.0e9))]
    arrival: f64,
    /// Probability that the helper comes.
    #[schemars(range(min = 0.0, max = 1.0))]
    probability: f64,
    /// Seconds by which the alert shortens the expected time without help.
    #[schemars(range(min = 0.0, max = 1.0e9))]
    gain: f64,
    /// `gain` if the alert is worth its price, `minimum` if too few helpers were asked; `null` for one who was not alerted.
    #[schemars(with = "Option<Word<Reason>>")]
    reason: Option<Reason>,
}

impl WhyView {
    fn new(why: Why, reason: Option<Reason>) -> Self {
        let Why { arrival, probability, gain } = why;
        Self {
            arrival: tenths(arrival),
            probability: (probability * 1_000.0).round() / 1_000.0,
            gain: tenths(gain),
            reason,
        }
    }
}

fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
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
    let entries = events.iter().filter(|e| is_readable(e, viewer, administers)).filter_map(|event| {
        let (name, data, actor) = match &event.event {
            Event::HelpersAlerted { wave, radius, recipients, decision, .. } => {
                let decision = decision.as_deref().filter(|_| administers);
                let choice_of = |helper| {
                    decision.and_then(|decision| decision.chosen.iter().find(|chosen| chosen.helper == helper))
                };
                let named = recipients.iter().filter(|recipient| may_name(recipient.helper));
                let helpers = named.map(|recipient| {
                    let choice = choice_of(recipient.helper);
                    let shown = shows_distance(recipient.helper) || choice.is_some();
                    AlertedHelper {
                        id: recipient.helper.shown().into(),
                        distance: shown.then(|| recipient.shown_distance()).map(Metres::whole),
                        why: choice.map(|choice| WhyView::new(choice.why, choice.reason)),
                    }
                });
                let passed = decision.and_then(|decision| decision.passed).map(|passed| PassedHelper {
                    id: passed.helper.shown().into(),
                    distance: passed.distance.whole(),
                    why: WhyView::new(passed.why, None),
                });
                let (helpers, alerted) = (helpers.collect(), recipients.len());
                ("alerts:sent", Data::Alerted { wave: *wave, radius: radius.whole(), alerted, helpers, passed }, None)
            }
            Event::AlertAcknowledged { helper } => {
                let named = Some(*helper).filter(|&helper| may_name(helper));
                let helper_id = named.map(|helper| helper.shown().into());
                ("alerts:acknowledged", Data::Acknowledged { helper_id }, event.actor.filter(|_| named.is_some()))
            }
            Event::AlertSeen { helper } => {
                let named = Some(*helper).filter(|&helper| may_name(helper));
                let helper_id = named.map(|helper| helper.shown().into());
                ("alerts:seen", Data::Seen { helper_id }, event.actor.filter(|_| named.is_some()))
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

fn is_readable(event: &LoggedEvent, viewer: UserId, administers: bool) -> bool {
    match &event.event {
        Event::MessagePosted { message } => message.is_readable_by(viewer),
        Event::ResponseChecked { helper, .. } => *helper == viewer || administers,
        // Contacts are shown to no other user, administrators included.
        Event::ContactNotified { owner, .. } => *owner == viewer,
        // It is no fault of theirs, and looks like one.
        Event::HelperStoodDown { helper, .. } => *helper == viewer,
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
