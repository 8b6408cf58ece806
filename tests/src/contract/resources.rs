//! Resources.

use allynet_domain::{
    Position, Resource, ResourceAccess, ResourceDetails, ResourceId, ResourceKind, ResourceSearch, ResourceSource,
    ResourceStatus,
};

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

fn filled(resource: Resource) -> Resource {
    Resource {
        details: ResourceDetails {
            address: Some(text("Am Ufer 1")),
            access: ResourceAccess::Customers,
            opening_hours: Some(text("Mo-Fr 08:00-20:00")),
            indoor: Some(true),
            level: Some(text("-1")),
            description: Some(text("Beside \"the\" door")),
            phone: Some(text("+49 30 1")),
            ..resource.details
        },
        checked_at: Some(at(3)),
        source: ResourceSource::Manual,
        status: ResourceStatus::Unusable,
        ..resource
    }
}

async fn found(store: &Store, search: ResourceSearch) -> Vec<ResourceId> {
    let around = store.resources.around(&search).await.unwrap();
    assert!(around.len() <= usize::try_from(search.limit).unwrap() * 2);
    search.nearest(around).into_iter().map(|(resource, _)| resource.id).collect()
}

pub async fn a_resource_is_read_back_changed_and_removed(store: Store) {
    let (one, other) = (filled(at_place(1.0, 2.0, ResourceKind::Aed)), at_place(1.0, 2.0, ResourceKind::Other));
    for resource in [&one, &other] {
        store.resources.add(resource).await.unwrap();
        assert_eq!(store.resources.find(resource.id).await.unwrap().as_ref(), Some(resource));
    }
    let moved = at_place(-89.5, 179.5, ResourceKind::Naloxone).details;
    assert!(store.resources.change(one.id, &moved).await.unwrap());
    let after = Resource { details: moved.clone(), ..one.clone() };
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
