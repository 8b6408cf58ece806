use std::sync::{Arc, Mutex};

use super::*;
use crate::{
    DetailsChange, EmergencyType, Position, Priority, ResourceAccess, ResourceDetails, ResourceSource, ResourceStatus,
    ResponseStatus, ResponseUpdate,
    dispatch::TeamRole,
    port::{self, MockResources},
    testing::{
        ALAN, Committed, GRACE_HOPPER, active_emergency, at, edited, grace_hopper, id, now, owner, position, store,
        text, updated, with_responses,
    },
    usecase::{
        details,
        emergencies::tests::{context, holding, refusal},
        resources,
        responses::{accept, update},
    },
};

const AED: u128 = 77;

fn aed() -> Resource {
    Resource {
        id: id(AED),
        details: ResourceDetails {
            kind: ResourceKind::Aed,
            position: position(52.5, 13.4),
            address: None,
            access: ResourceAccess::Public,
            opening_hours: Some(text("24/7")),
            indoor: None,
            level: None,
            description: Some(text("Beside the door")),
            phone: None,
        },
        status: ResourceStatus::Available,
        checked_at: None,
        source: ResourceSource::Osm,
        created_at: at(0),
    }
}

/// Two helpers on their way, who have roles, beside a box which the second one brings.
fn with_team() -> Emergency {
    let place = position(52.5, 13.4);
    let near = |degrees: f64| Some((Position::new(place.latitude() + degrees, 13.4).unwrap(), now()));
    let mut emergency =
        edited(with_responses(&[(ALAN, ResponseStatus::OnWay), (GRACE_HOPPER, ResponseStatus::OnWay)]), |e| {
            e.responses[0].last_fix = near(0.000_1);
            e.responses[1].last_fix = near(0.000_5);
        });
    emergency.assign_team(&crate::dispatch::TravelModel::default(), &[aed()], at(1));
    assert_eq!(emergency.response(id(GRACE_HOPPER)).unwrap().assignment().unwrap().resource, Some(id(AED)));
    emergency
}

/// Use cases on this emergency, with these resources.
fn service_with(emergency: &Emergency, resources: MockResources) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(vec![]);
    let mut emergencies = holding(emergency, &[]);
    let live = emergency.clone();
    emergencies
        .expect_live_of()
        .returning(move |_| Ok(crate::port::Live { emergencies: vec![live.clone()], as_of: crate::EventId::new(1) }));
    (EmergencyPorts { resources: Arc::new(resources), ..context(emergencies, changes) }, committed)
}

/// Use cases on this emergency, with the box beside it. What is reported of it is recorded.
fn service(emergency: &Emergency) -> (EmergencyPorts, Committed, Arc<Mutex<Vec<ResourceReport>>>) {
    let (mut found, reports) = (MockResources::new(), Arc::new(Mutex::new(Vec::new())));
    let stored = reports.clone();
    found.expect_around().withf(|search| search.kind == Some(ResourceKind::Aed)).returning(|_| Ok(vec![aed()]));
    found.expect_find().returning(|_| Ok(Some(aed())));
    found.expect_report().returning(move |report| {
        stored.lock().unwrap().push(report.clone());
        Ok(Some(aed()))
    });
    let (cx, committed) = service_with(emergency, found);
    (cx, committed, reports)
}

/// What [`GRACE_HOPPER`] reports on the way.
fn on_the_way(resource_state: Option<ResourceState>) -> ResponseUpdate {
    ResponseUpdate {
        status: ResponseStatus::OnWay,
        notes: Some(text("So far")),
        estimated_arrival: None,
        resource_state,
    }
}

fn assigned(change: &Change) -> Vec<(UserId, TeamRole, Option<ResourceId>)> {
    let roles = change.events.iter().filter_map(|new| match &new.event {
        Event::RoleAssigned { helper, role, resource, .. } => {
            Some((*helper, *role, resource.as_ref().map(|resource| resource.id)))
        }
        _ => None,
    });
    roles.collect()
}

#[tokio::test]
async fn an_acceptance_gives_a_role_in_the_same_commit() {
    let (cx, committed, _) = service(&active_emergency());
    let after = accept(&cx, &grace_hopper(), active_emergency().id(), None).await.unwrap();
    let change = committed.only();
    // Without a position it is not known whether a box lies on the way.
    assert_eq!(assigned(&change), [(id(GRACE_HOPPER), TeamRole::Patient, None)]);
    let (stored, responses) = updated(&change);
    assert_eq!((stored, &responses[..]), (after.clone(), after.responses()));
    let disclosed = change.events.last().map(|new| new.event.clone());
    let Some(Event::DetailsDisclosed { emergency, .. }) = disclosed else { panic!("the details come last") };
    assert_eq!(emergency.emergency().responses()[0].assignment(), after.responses()[0].assignment());
}

#[tokio::test]
async fn another_type_gives_other_roles_in_the_same_commit() {
    let assault =
        edited(with_responses(&[(ALAN, ResponseStatus::OnWay), (GRACE_HOPPER, ResponseStatus::OnWay)]), |e| {
            e.call.details.kind = EmergencyType::Assault;
            e.responses[0].last_fix = with_team().responses()[0].last_fix;
            e.responses[1].last_fix = with_team().responses()[1].last_fix;
        });
    let mut emergency = assault;
    emergency.assign_team(&crate::dispatch::TravelModel::default(), &[aed()], at(1));
    let medical = DetailsChange { kind: Some(EmergencyType::Medical), ..DetailsChange::default() };
    let (cx, committed, _) = service(&emergency);
    let after = details::change(&cx, &owner(), emergency.id(), medical).await.unwrap();
    let change = committed.only();
    let expected = [(id(ALAN), TeamRole::Patient, None), (id(GRACE_HOPPER), TeamRole::Aed, Some(id(AED)))];
    assert_eq!(assigned(&change), expected);
    assert!(matches!(change.events[0].event, Event::EmergencyUpdated { .. }), "the type comes first");
    let (stored, responses) = updated(&change);
    assert_eq!((stored, &responses[..]), (after.clone(), after.responses()));
    // Nothing else that changes gives roles.
    let critical = DetailsChange { priority: Some(Priority::Critical), ..DetailsChange::default() };
    let (cx, committed, _) = service(&emergency);
    details::change(&cx, &owner(), emergency.id(), critical).await.unwrap();
    assert_eq!((assigned(&committed.only()), updated(&committed.only()).1), (vec![], vec![]));
}

#[tokio::test]
async fn a_box_that_is_missing_is_reported_and_no_helper_is_sent_to_it() {
    let missing = ResponseUpdate {
        status: ResponseStatus::OnWay,
        notes: None,
        estimated_arrival: None,
        resource_state: Some(ResourceState::Missing),
    };
    let (cx, committed, reports) = service(&with_team());
    let (after, _) = update(&cx, &grace_hopper(), with_team().id(), missing).await.unwrap();
    let change = committed.only();
    assert_eq!(assigned(&change), [(id(GRACE_HOPPER), TeamRole::Patient, None)]);
    assert_eq!(after.assigned_boxes().count(), 0);
    let report = reports.lock().unwrap().pop().unwrap();
    assert_eq!((report.state, report.reporter), (ReportedState::Missing, id(GRACE_HOPPER)));
    assert_eq!(report.weight, ReportWeight::Decisive, "55 m away, as of now");
}

#[tokio::test]
async fn what_a_helper_answers_is_stored_although_no_box_can_be_looked_up() {
    let unavailable = || port::Error::unavailable("no connection");
    let broken = || {
        let mut resources = MockResources::new();
        resources.expect_around().returning(move |_| Err(unavailable()));
        resources.expect_find().returning(move |_| Err(unavailable()));
        resources
    };
    let (cx, committed) = service_with(&active_emergency(), broken());
    let after = accept(&cx, &grace_hopper(), active_emergency().id(), None).await.unwrap();
    assert_eq!((assigned(&committed.only()), updated(&committed.only()).0), (vec![], after));

    // The box that a helper is to bring is not among those around. They keep it, and what they report of it is stored.
    let mut only_around = MockResources::new();
    only_around.expect_around().returning(|_| Ok(vec![]));
    only_around.expect_find().times(1..).returning(move |_| Err(unavailable()));
    for (resources, state) in [
        (broken(), None),
        (only_around, None),
        (broken(), Some(ResourceState::Collected)),
        (broken(), Some(ResourceState::Delivered)),
    ] {
        let (cx, committed) = service_with(&with_team(), resources);
        update(&cx, &grace_hopper(), with_team().id(), on_the_way(state)).await.unwrap();
        let (_, responses) = updated(&committed.only());
        let [response] = &responses[..] else { panic!("{responses:?}") };
        let held = response.assignment().unwrap();
        assert_eq!((held.resource, held.has_collected), (Some(id(AED)), state.is_some()));
        assert_eq!(assigned(&committed.only()), []);
    }
}

#[tokio::test]
async fn the_role_of_who_comes_after_all_is_stored_although_the_box_in_hand_cannot_be_looked_up() {
    let mut emergency = with_team();
    emergency.note_box(id(GRACE_HOPPER), ResourceState::Collected, at(2)).unwrap();
    let mut emergency = edited(emergency, |e| e.responses[1].record.dispatch.stalled_at = Some(at(3)));
    emergency.assign_team(&crate::dispatch::TravelModel::default(), &[], at(3));
    let mut resources = MockResources::new();
    resources.expect_around().returning(|_| Ok(vec![]));
    resources.expect_find().times(1..).returning(|_| Err(port::Error::unavailable("no connection")));
    let (cx, committed) = service_with(&emergency, resources);
    update(&cx, &grace_hopper(), emergency.id(), on_the_way(None)).await.unwrap();
    let change = committed.only();
    assert_eq!(assigned(&change), [(id(GRACE_HOPPER), TeamRole::Aed, None)], "the event does not say where it was");
    let (stored, _) = updated(&change);
    assert_eq!(stored.assigned_boxes().collect::<Vec<_>>(), [id(AED)]);
}

#[tokio::test]
async fn who_is_seen_elsewhere_is_not_believed_to_have_the_box() {
    let away = position(52.52, 13.4);
    let emergency = edited(with_team(), |e| e.responses[1].last_fix = Some((away, now())));
    for (box_place, is_believed) in [(Some(position(52.5, 13.4)), false), (Some(away), true), (None, true)] {
        let mut resources = MockResources::new();
        resources.expect_around().returning(|_| Ok(vec![aed()]));
        // It was there when it was assigned.
        resources.expect_find().returning(move |_| {
            let at = box_place.ok_or_else(|| port::Error::unavailable("no connection"))?;
            Ok(Some(Resource { details: ResourceDetails { position: at, ..aed().details }, ..aed() }))
        });
        let (cx, committed) = service_with(&emergency, resources);
        let told = update(&cx, &grace_hopper(), emergency.id(), on_the_way(Some(ResourceState::Collected))).await;
        if is_believed {
            let (stored, _) = updated(&committed.only());
            assert_eq!(told.unwrap().0, stored);
            assert!(stored.response(id(GRACE_HOPPER)).unwrap().assignment().unwrap().has_collected);
        } else {
            assert_eq!(refusal(told), Refusal::SeenElsewhere { state: ResourceState::Collected });
            assert!(committed.is_empty());
        }
    }
    let (cx, committed, _) = service(&emergency);
    let delivered = on_the_way(Some(ResourceState::Delivered));
    let told = update(&cx, &grace_hopper(), emergency.id(), delivered).await;
    assert_eq!(refusal(told), Refusal::SeenElsewhere { state: ResourceState::Delivered });
    assert!(committed.is_empty());
}

#[tokio::test]
async fn who_reports_the_box_that_they_are_to_bring_has_another_task() {
    for (state, changes) in [(ReportedState::Moved, 1), (ReportedState::Ok, 0)] {
        let (cx, committed, reports) = service(&with_team());
        resources::report(&cx, &grace_hopper(), id(AED), state, None).await.unwrap();
        assert_eq!(reports.lock().unwrap().len(), 1);
        let changed = committed.attempts();
        assert_eq!(changed.len(), changes, "{state}");
        for change in changed {
            assert_eq!(assigned(&change), [(id(GRACE_HOPPER), TeamRole::Patient, None)]);
        }
    }
}
