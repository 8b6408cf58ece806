//! Property test: the id and the names of an anonymous owner occur in no payload that is rendered for another viewer.

use allynet_domain::{
    EmergencyOverview, Event, LoggedEvent, Message, Person, Sender, Stage, To, UserId, Viewer,
    testing::{ADMIN, ALAN, GRACE_HOPPER, OWNER, edited, id, message, person, text},
};
use proptest::prelude::*;

use crate::{
    events::outgoing,
    testing::{every_logged_event, exact_places, filled_emergency, filled_resolved, logged},
    timeline::timeline,
    views::{EmergencyView, MessageView, Reader},
};

/// Viewers other than the owner, with their stage in the emergency.
const OTHER_VIEWERS: [(u128, Stage); 3] =
    [(GRACE_HOPPER, Stage::Responder), (ALAN, Stage::Alerted), (ALAN, Stage::LookerOn)];

fn messages(owner: &Person, anonymous: bool) -> Vec<Message> {
    let senders = [Sender::Owner(owner.clone()), Sender::Helper(person(GRACE_HOPPER)), Sender::System];
    let tos = [To::Everyone, To::Creator, To::Helper(id(GRACE_HOPPER))];
    let pairs = senders.iter().flat_map(|from| tos.map(|to| (from.clone(), to)));
    pairs.map(|(from, to)| Message { owner: owner.id, anonymous, ..message(from, to) }).collect()
}

/// Every kind of event, with `owner` as the owner of the emergency.
fn events_of(owner: &Person, anonymous: bool) -> Vec<LoggedEvent> {
    let with_owner = |mut event: LoggedEvent| {
        match &mut event.event {
            Event::EmergencyCreated { call, .. }
            | Event::EmergencyAnnounced { call, .. }
            | Event::HelpersAlerted { call, .. } => call.owner = owner.clone(),
            Event::DetailsDisclosed { emergency, .. } => {
                let of_owner = edited(emergency.emergency().clone(), |e| e.call.owner = owner.clone());
                *emergency = EmergencyOverview::from(&of_owner);
            }
            Event::EmergencyResolved { by, .. } => *by = by.map(|_| owner.id),
            _ => {}
        }
        event.actor = event.actor.map(|actor| if actor == id(OWNER) { owner.id } else { actor });
        event
    };
    let posted = |message| LoggedEvent { actor: Some(owner.id), ..logged(None, Event::MessagePosted { message }) };
    let without_message = |event: &LoggedEvent| !matches!(event.event, Event::MessagePosted { .. });
    let events = every_logged_event(anonymous).into_iter().filter(without_message).map(with_owner);
    events.chain(messages(owner, anonymous).into_iter().map(posted)).collect()
}

/// Everything that is rendered for viewers other than the owner, as one text.
fn rendered_for_others(owner: &Person, anonymous: bool) -> String {
    let mut rendered = Vec::new();
    let events = events_of(owner, anonymous);
    let viewers = [Viewer::Anyone, Viewer::User(id(GRACE_HOPPER)), Viewer::User(id(ALAN))];
    for (event, viewer) in events.iter().flat_map(|event| viewers.map(|viewer| (event, viewer))) {
        for (_, stage) in OTHER_VIEWERS {
            let outgoing = outgoing(event, event.view(viewer, stage), &exact_places()).unwrap();
            rendered.extend(outgoing.map(|outgoing| outgoing.payload.get().to_owned()));
        }
    }
    for emergency in [filled_emergency(anonymous), filled_resolved(anonymous)] {
        let emergency = edited(emergency, |e| {
            e.call.owner = owner.clone();
            if let Some(ending) = &mut e.ending {
                ending.by = Some(owner.id);
            }
        });
        for (viewer, stage) in OTHER_VIEWERS {
            rendered
                .push(serde_json::to_string(&EmergencyView::new(&emergency, stage, &exact_places(), None)).unwrap());
            let timeline = timeline(&emergency, &events, id(viewer), stage, &exact_places());
            rendered.push(serde_json::to_string(&timeline).unwrap());
        }
    }
    let readers = [Some(id(GRACE_HOPPER)), Some(id(ALAN)), Some(id(ADMIN)), None];
    for (message, user) in messages(owner, anonymous).iter().flat_map(|m| readers.map(|user| (m, user))) {
        rendered.push(serde_json::to_string(&MessageView::new(message, Reader { user, unmasks: false })).unwrap());
    }
    rendered.join("\n")
}

fn owners() -> impl Strategy<Value = Person> {
    let id = any::<u128>().prop_filter("ids of others", |id| *id > u128::from(u64::MAX));
    // Letters that occur in no key and no other text of a payload, so that a match can only be the name.
    (id, "[ÀÈÌÒÙ]{2,9}", proptest::option::of("[àèìòù]{2,9}")).prop_map(|(id, first, last)| Person {
        id: UserId::from(uuid::Uuid::from_u128(id)),
        first_name: text(&first),
        last_name: last.map(|last| text(&last)),
    })
}

/// The fixtures with every user as a former one: of the rest nothing is different.
fn of_former_users(json: String) -> String {
    [OWNER, GRACE_HOPPER, ALAN, ADMIN].into_iter().fold(json, |json, user| {
        let former = UserId::of_former(uuid::Uuid::from_u128(user));
        json.replace(&id::<UserId>(user).to_string(), &former.to_string())
    })
}

#[test]
fn former_users_are_rendered_under_one_id() {
    let former = |user| UserId::of_former(uuid::Uuid::from_u128(user));
    let events = every_logged_event(false).into_iter().map(|event| {
        let event_json = of_former_users(serde_json::to_string(&event.event).unwrap());
        LoggedEvent {
            actor: event.actor.map(|actor| if actor.is_former() { actor } else { former(OWNER) }),
            event: serde_json::from_str(&event_json).unwrap(),
            ..event
        }
    });
    let events: Vec<_> = events.collect();
    let mut rendered = Vec::new();
    for event in &events {
        for (viewer, stage) in
            [(Viewer::Anyone, Stage::Responder), (Viewer::User(former(GRACE_HOPPER)), Stage::Alerted)]
        {
            let outgoing = outgoing(event, event.view(viewer, stage), &exact_places()).unwrap();
            rendered.extend(outgoing.map(|outgoing| outgoing.payload.get().to_owned()));
        }
    }
    for emergency in [filled_emergency(false), filled_resolved(false)] {
        let emergency = edited(emergency, |e| {
            e.call.owner.id = former(OWNER);
            for response in &mut e.responses {
                response.helper.person.id = former(GRACE_HOPPER);
            }
            if let Some(ending) = &mut e.ending {
                ending.by = Some(former(GRACE_HOPPER));
            }
        });
        let view = EmergencyView::new(&emergency, Stage::Administrator, &exact_places(), None);
        rendered.push(serde_json::to_string(&view).unwrap());
        let entries = timeline(&emergency, &events, id(ADMIN), Stage::Administrator, &exact_places());
        rendered.push(serde_json::to_string(&entries).unwrap());
    }
    let person = |user| Person { id: former(user), ..person(user) };
    let from = [Sender::Owner(person(OWNER)), Sender::Helper(person(ALAN))];
    for (from, to) in
        from.iter().flat_map(|from| [To::Owner, To::Creator, To::Helper(former(ALAN))].map(|to| (from, to)))
    {
        let message = Message { owner: former(OWNER), ..message(from.clone(), to) };
        for user in [former(OWNER), former(ALAN), id(ADMIN)] {
            let reader = Reader { user: Some(user), unmasks: true };
            rendered.push(serde_json::to_string(&MessageView::new(&message, reader)).unwrap());
        }
    }
    let shown = UserId::FORMER.to_string();
    for rendered in rendered {
        let others = rendered.replace(&shown, "");
        assert!(!others.contains("00000000-0000-7000-"), "{rendered}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_anonymous_owner_is_never_rendered_for_others(owner in owners()) {
        let traces = [Some(owner.id.to_string()), Some(owner.first_name.as_str().to_owned()),
            owner.last_name.as_ref().map(|name| name.as_str().to_owned())];
        let (hidden, known) = (rendered_for_others(&owner, true), rendered_for_others(&owner, false));
        for trace in traces.into_iter().flatten() {
            prop_assert!(!hidden.contains(&trace), "{} is in {}", trace, hidden);
            prop_assert!(known.contains(&trace), "the fixture does not render {} at all", trace);
        }
    }
}
