//! Reading what surrounds an emergency: its helpers and its timeline.

use std::collections::HashMap;

use crate::{
    AccessKind, Actor, AvailableHelpers, Emergency, EmergencyId, Error, Event, EventId, Metres, Refusal, Relation,
    Stage, UserId,
    port::{self, HelpersAround, Timeline, Vicinity},
    usecase::emergencies::EmergencyPorts,
};

/// The helpers of an emergency as one reader may see them.
#[derive(Debug, Clone, PartialEq)]
pub struct EmergencyHelpers {
    /// The emergency, with the responses.
    pub emergency: Emergency,
    /// The reader's stage.
    pub stage: Stage,
    /// Helpers whose presence the reader is not shown, because of blocks.
    pub separated: Vec<UserId>,
    /// How far away the responding helpers are that have reported a position. Empty unless the reader takes part, and without
    /// the `separated` ones.
    pub distances: HashMap<UserId, Metres>,
    /// Numbers of helpers on duty.
    pub available: AvailableHelpers,
}

/// The helpers that respond to an emergency, and how many others are available around it.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`].
pub async fn helpers_of(
    cx: &EmergencyPorts,
    presence: &dyn port::Presence,
    actor: &Actor,
    id: EmergencyId,
) -> Result<EmergencyHelpers, Error> {
    let on_duty = cx.rules.on_duty(cx.clock.now());
    let (radius, places) = (AvailableHelpers::MAX_RADIUS, cx.rules.places);
    let vicinity = Vicinity { emergency: id, reader: actor.id(), on_duty, radius, places };
    let HelpersAround { emergency, hidden, responding, available } =
        cx.helpers.around(&vicinity).await?.ok_or(Refusal::EmergencyNotFound)?;
    emergency.admit(&actor.account, cx.rules.helpers, hidden)?;
    let stage = emergency.stage(&actor.account, cx.rules.helpers, false, cx.clock.now());
    let details = &emergency.call().details;
    let is_online = |helper| presence.is_online(helper);
    let judged = places.alert_place(details);
    let available = AvailableHelpers::count(judged, emergency.alert_radius(), &available, is_online);
    let place = details.location.position;
    let separated = emergency.separated_from(&actor.account);
    let shown = responding.into_iter().filter(|(helper, _)| stage.is_participant() && !separated.contains(helper));
    let distances: HashMap<_, _> = shown.map(|(helper, position)| (helper, position.distance_to(place))).collect();
    cx.record_helpers(actor, (&emergency, stage), distances.keys().copied()).await?;
    Ok(EmergencyHelpers { emergency, stage, separated, distances, available })
}

/// The timeline of an emergency, and the stage in which its reader is shown it. Lookers-on may read the emergency, but not its
/// timeline; a helper whose completed response counts no more as help may, and is shown it as one.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`].
pub async fn timeline(
    cx: &EmergencyPorts,
    log: &dyn port::EventLog,
    actor: &Actor,
    id: EmergencyId,
    after: EventId,
    limit: u32,
) -> Result<(Timeline, Stage), Error> {
    let mut timeline = log.timeline(id, after, limit).await?.ok_or(Refusal::EmergencyNotFound)?;
    // They are erased a little later.
    if timeline.emergency.is_thinned() {
        timeline.events.clear();
    }
    match timeline.emergency.relation(&actor.account, cx.rules.helpers) {
        Relation::Owner | Relation::RespondingHelper | Relation::Admin => {
            let stage = timeline.emergency.stage(&actor.account, cx.rules.helpers, false, cx.clock.now());
            cx.record_reading(actor, AccessKind::Timeline, [(&timeline.emergency, stage)]).await?;
            if stage != Stage::Administrator {
                timeline.events.retain(|logged| !is_role_hidden_from(actor.id(), &logged.event));
            }
            Ok((timeline, stage))
        }
        Relation::Helper | Relation::Stranger => Err(Refusal::NotAuthorized.into()),
    }
}

fn is_role_hidden_from(reader: UserId, event: &Event) -> bool {
    matches!(event, Event::RoleAssigned { hidden_from, .. } if hidden_from.contains(&reader))
}
