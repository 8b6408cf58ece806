//! Resources.

use allynet_domain::{
    ENOUGH_REPORTS, ImportCounts, ImportedResource, Position, REPORTS_COUNTED_FOR, ReportWeight, ReportedState,
    Resource, ResourceAccess, ResourceDetails, ResourceId, ResourceKind, ResourceReport, ResourceSearch,
    ResourceSource, ResourceStatus, Timestamp, UserId,
};
use chrono::TimeDelta;
use futures_util::future::join_all;

use super::*;

fn at_place(latitude: f64, longitude: f64, kind: ResourceKind) -> Resource {
    Resource {
        id: id(),
        details: ResourceDetails {
            kind,
            position: Position::new(latitude, longitude).unwrap(),
            address: None,
            access: ResourceAccess::Unknown,
            opening_hours: None,
            indoor: None,
            level: None,
            description: None,
            phone: None,
        },
        status: ResourceStatus::Available,
        checked_at: None,
        source: ResourceSource::Osm,
        created_at: at(0),
    }
}

fn filled(resource: &Resource) -> Resource {
    Resource {
        details: ResourceDetails {
            address: Some(text("Am Ufer 1")),
            access: ResourceAccess::Customers,
            opening_hours: Some(text("Mo-Fr 08:00-20:00")),
            indoor: Some(true),
            level: Some(text("-1")),
            description: Some(text("Beside \"the\" door")),
            phone: Some(text("+49 30 1")),
            ..resource.details.clone()
        },
        checked_at: Some(at(3)),
        source: ResourceSource::Manual,
        status: ResourceStatus::Unusable,
        ..resource.clone()
    }
}

async fn found(store: &Store, search: ResourceSearch) -> Vec<ResourceId> {
    let around = store.resources.around(&search).await.unwrap();
    assert!(around.len() <= usize::try_from(search.limit).unwrap() * 2);
    search.nearest(around).into_iter().map(|(resource, _)| resource.id).collect()
}

pub async fn a_resource_is_read_back_changed_and_removed(store: Store) {
    let (one, other) = (filled(&at_place(1.0, 2.0, ResourceKind::Aed)), at_place(1.0, 2.0, ResourceKind::Other));
    for resource in [&one, &other] {
        store.resources.add(resource).await.unwrap();
        assert_eq!(store.resources.find(resource.id).await.unwrap().as_ref(), Some(resource));
    }
    let moved = at_place(-89.5, 179.5, ResourceKind::Naloxone).details;
    assert!(store.resources.change(one.id, &moved).await.unwrap());
    let after = Resource { details: moved.clone(), source: ResourceSource::Manual, ..one.clone() };
    assert_eq!(store.resources.find(one.id).await.unwrap(), Some(after));
    assert_eq!(store.resources.find(other.id).await.unwrap(), Some(other.clone()));

    assert!(store.resources.remove(one.id).await.unwrap());
    assert!(!store.resources.remove(one.id).await.unwrap());
    assert!(!store.resources.change(one.id, &moved).await.unwrap());
    assert_eq!(store.resources.find(one.id).await.unwrap(), None);
    assert_eq!(store.resources.find(other.id).await.unwrap(), Some(other));
}

pub async fn the_nearest_resources_within_the_radius_are_found_everywhere_on_earth(store: Store) {
    // Beside the antimeridian, a pole, and where degrees of longitude are short.
    for (latitude, longitude) in [(0.0, 179.999), (0.0, -179.999), (89.999, 10.0), (-60.0, -155.0), (52.5, 13.4)] {
        let centre = Position::new(latitude, longitude).unwrap();
        let mut all = Vec::new();
        for step in 0..40_u32 {
            let (north, east) = (f64::from(step % 7) * 0.004, f64::from(step) * 0.003);
            let longitude = (longitude + east + 540.0).rem_euclid(360.0) - 180.0;
            let kind = if step % 3 == 0 { ResourceKind::Aed } else { ResourceKind::Extinguisher };
            let resource = at_place((latitude - north).clamp(-90.0, 90.0), longitude, kind);
            store.resources.add(&resource).await.unwrap();
            all.push(resource);
        }
        for (radius, kind, limit) in
            [(1.0, None, 500), (900.0, None, 500), (5_000.0, Some(ResourceKind::Aed), 500), (50_000.0, None, 5)]
        {
            let search = ResourceSearch { centre, radius: metres(radius), kind, limit };
            let wanted = all.iter().filter(|resource| kind.is_none_or(|kind| kind == resource.details.kind));
            let expected: Vec<_> = search.nearest(wanted.cloned().collect()).into_iter().map(|(r, _)| r.id).collect();
            assert!(!expected.is_empty());
            assert_eq!(found(&store, search).await, expected, "{centre:?} {radius} {kind:?}");
        }
        for resource in all {
            store.resources.remove(resource.id).await.unwrap();
        }
    }
}

fn report(resource: ResourceId, reporter: UserId, state: ReportedState, at: Timestamp) -> ResourceReport {
    ResourceReport { resource, reporter, state, note: Some(text("not there")), weight: ReportWeight::Counted, at }
}

/// A resource that a user reports as missing.
pub(super) async fn reported_by(store: &Store, user: UserId) -> ResourceId {
    let aed = at_place(1.0, 2.0, ResourceKind::Aed);
    store.resources.add(&aed).await.unwrap();
    store.resources.report(&report(aed.id, user, ReportedState::Missing, at(0))).await.unwrap();
    aed.id
}

async fn status_after(store: &Store, report: ResourceReport) -> ResourceStatus {
    store.resources.report(&report).await.unwrap().unwrap().status
}

pub async fn enough_helpers_together_make_a_resource_missing_and_one_who_was_there_alone(store: Store) {
    use ReportedState::{Missing, Ok, Unusable};
    use ResourceStatus::{Available, Missing as IsMissing, Unusable as IsUnusable};
    let aed = at_place(1.0, 2.0, ResourceKind::Aed);
    store.resources.add(&aed).await.unwrap();
    let mut users = Vec::new();
    for _ in 0..5 {
        users.push(store.register().await.id);
    }
    let (now, counted) = (at(0), |n: usize, state, at| report(aed.id, users[n], state, at));
    assert_eq!(
        status_after(&store, counted(0, Missing, now - REPORTS_COUNTED_FOR - TimeDelta::seconds(1))).await,
        Available
    );
    assert_eq!(status_after(&store, counted(1, Missing, now - REPORTS_COUNTED_FOR)).await, Available);
    let noted = ResourceReport { weight: ReportWeight::Noted, ..counted(2, Missing, now) };
    assert_eq!(status_after(&store, noted).await, Available);
    assert_eq!(status_after(&store, counted(3, Unusable, now)).await, Available);
    // The same helper twice is one.
    for _ in 0..2 {
        assert_eq!(status_after(&store, counted(4, Missing, now)).await, Available, "two helpers within the time");
    }
    assert_eq!(status_after(&store, counted(2, Missing, now)).await, IsMissing, "the third one");
    assert_eq!(status_after(&store, counted(3, Ok, now)).await, IsMissing, "a helper who was not there");

    let was_there = |n: usize, state| ResourceReport { weight: ReportWeight::Decisive, ..counted(n, state, at(5)) };
    let settled = store.resources.report(&was_there(3, Ok)).await.unwrap().unwrap();
    assert_eq!((settled.status, settled.checked_at), (Available, Some(at(5))));
    assert_eq!(status_after(&store, counted(0, Missing, at(6))).await, Available, "earlier reports count no more");
    assert_eq!(status_after(&store, was_there(4, Unusable)).await, IsUnusable);
    assert_eq!(store.resources.report(&report(id(), users[0], Missing, now)).await.unwrap(), None);
}

pub async fn reports_at_the_same_time_count_each_other(store: Store) {
    for _ in 0..3 {
        let aed = at_place(1.0, 2.0, ResourceKind::Aed);
        store.resources.add(&aed).await.unwrap();
        let mut users = Vec::new();
        for _ in 0..ENOUGH_REPORTS {
            users.push(store.register().await.id);
        }
        let reports: Vec<_> = users.iter().map(|&user| report(aed.id, user, ReportedState::Missing, at(0))).collect();
        join_all(reports.iter().map(|report| store.resources.report(report))).await;
        assert_eq!(store.resources.find(aed.id).await.unwrap().unwrap().status, ResourceStatus::Missing);
    }
}

fn imported(number: usize, details: &ResourceDetails, checked_at: Option<Timestamp>) -> ImportedResource {
    ImportedResource { osm_id: text(&format!("node/{number}")), id: id(), details: details.clone(), checked_at }
}

pub async fn an_import_repeated_adds_nothing_and_leaves_alone_what_was_entered(store: Store) {
    let details = |latitude| at_place(latitude, 30.0, ResourceKind::Aed).details;
    let entered = Resource { source: ResourceSource::Manual, ..at_place(10.0, 30.0, ResourceKind::Aed) };
    store.resources.add(&entered).await.unwrap();
    let first: Vec<_> = (0..20).map(|n| imported(n, &details(10.0), None)).collect();
    let counts = store.resources.import(&first, at(0)).await.unwrap();
    assert_eq!(counts, ImportCounts { added: 20, updated: 0, kept: 0 });
    let mut expected = Resource { created_at: at(0), ..at_place(10.0, 30.0, ResourceKind::Aed) };
    expected.id = first[3].id;
    assert_eq!(store.resources.find(expected.id).await.unwrap(), Some(expected.clone()));

    let filled_in = filled(&at_place(10.001, 30.0, ResourceKind::Extinguisher)).details;
    assert!(store.resources.change(first[4].id, &details(10.002)).await.unwrap());
    let second: Vec<_> = (0..21).map(|n| imported(n, &filled_in, Some(at(9)))).collect();
    let counts = store.resources.import(&second, at(10)).await.unwrap();
    assert_eq!(counts, ImportCounts { added: 1, updated: 19, kept: 1 });
    let again = Resource { details: filled_in, checked_at: Some(at(9)), ..expected };
    assert_eq!(store.resources.find(again.id).await.unwrap(), Some(again));
    assert_eq!(store.resources.find(entered.id).await.unwrap(), Some(entered));
    let changed = store.resources.find(first[4].id).await.unwrap().unwrap();
    assert_eq!((changed.details, changed.source, changed.checked_at), (details(10.002), ResourceSource::Manual, None));
}

pub async fn only_a_check_later_than_the_newest_report_ends_it(store: Store) {
    let details = at_place(11.0, 30.0, ResourceKind::Aed).details;
    let aed = imported(900, &details, Some(at(0)));
    store.resources.import(std::slice::from_ref(&aed), at(0)).await.unwrap();
    let user = store.register().await.id;
    let decisive =
        ResourceReport { weight: ReportWeight::Decisive, ..report(aed.id, user, ReportedState::Missing, at(10)) };
    assert_eq!(status_after(&store, decisive).await, ResourceStatus::Missing);
    // A report that does not count keeps no check from ending it.
    let stranger = store.register().await.id;
    let noted =
        ResourceReport { weight: ReportWeight::Noted, ..report(aed.id, stranger, ReportedState::Moved, at(15)) };
    assert_eq!(status_after(&store, noted).await, ResourceStatus::Missing);
    for (checked_at, status, shown) in [
        (None, ResourceStatus::Missing, 0),
        (Some(at(10)), ResourceStatus::Missing, 10),
        (Some(at(11)), ResourceStatus::Available, 11),
        (Some(at(5)), ResourceStatus::Available, 11),
    ] {
        store.resources.import(&[imported(900, &details, checked_at)], at(20)).await.unwrap();
        let after = store.resources.find(aed.id).await.unwrap().unwrap();
        assert_eq!((after.status, after.checked_at), (status, Some(at(shown))), "{checked_at:?}");
    }
    // The report counts no more.
    for _ in 0..2 {
        let counted = report(aed.id, store.register().await.id, ReportedState::Missing, at(12));
        assert_eq!(status_after(&store, counted).await, ResourceStatus::Available);
    }
}
