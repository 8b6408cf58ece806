use chrono::TimeDelta;

use super::*;
use crate::{
    Position, ResourceAccess, ResourceKind, ResponseStatus, SEEN_FIX_AGE,
    testing::{GRACE_HOPPER, at, call, edited, id, position, with_responses},
};

fn defibrillator(position: Position) -> Resource {
    let details = ResourceDetails {
        kind: ResourceKind::Aed,
        position,
        address: None,
        access: ResourceAccess::Public,
        opening_hours: None,
        indoor: None,
        level: None,
        description: None,
        phone: None,
    };
    Resource {
        id: id(1),
        details,
        status: ResourceStatus::Available,
        checked_at: None,
        source: ResourceSource::Manual,
        created_at: at(0),
    }
}

/// `metres` to the north.
fn north(from: Position, metres: f64) -> Position {
    position(from.latitude() + metres / 111_000.0, from.longitude())
}

#[test]
fn only_who_responds_and_is_beside_a_resource_near_the_emergency_has_seen_it() {
    let place = call().details.location.position;
    let old = SEEN_FIX_AGE + TimeDelta::seconds(1);
    for (status, resource, helper, age, seen) in [
        (ResponseStatus::OnWay, 500.0, 590.0, TimeDelta::zero(), true),
        (ResponseStatus::Arrived, 500.0, 500.0, SEEN_FIX_AGE, true),
        (ResponseStatus::OnWay, 500.0, 610.0, TimeDelta::zero(), false),
        (ResponseStatus::OnWay, 500.0, 500.0, old, false),
        (ResponseStatus::Cancelled, 500.0, 500.0, TimeDelta::zero(), false),
        (ResponseStatus::OnWay, 2_900.0, 2_900.0, TimeDelta::zero(), true),
        (ResponseStatus::OnWay, 3_100.0, 3_100.0, TimeDelta::zero(), false),
    ] {
        let emergency = edited(with_responses(&[(GRACE_HOPPER, status)]), |e| {
            e.responses[0].last_fix = Some((north(place, helper), at(500) - age));
        });
        let resource = defibrillator(north(place, resource));
        let found = emergency.has_seen(id(GRACE_HOPPER), &resource, at(500));
        assert_eq!(found, seen, "{status:?}, {:?}", resource.details.position);
    }
    let nobody = with_responses(&[]);
    assert!(!nobody.has_seen(id(GRACE_HOPPER), &defibrillator(place), at(500)), "without a response");
}
