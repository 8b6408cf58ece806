//! Histories that are joined, and what they forget.

use super::*;
use allynet_domain::testing::{EMERGENCY, id};

fn room() -> Room {
    Room::Emergency(id(EMERGENCY))
}

fn membership(room: Room, after: i64, until: Option<i64>) -> Membership {
    Membership { room, after: EventId::new(after), until: until.map(EventId::new) }
}

fn all(history: &MembershipHistory) -> Vec<Membership> {
    history.iter().copied().collect()
}

#[test]
fn an_earlier_membership_goes_on_in_the_one_that_begins_where_it_ends() {
    let participants = Room::Participants(id(EMERGENCY));
    let mut now: MembershipHistory =
        [membership(room(), 10, Some(12)), membership(Room::Helpers, 11, None)].into_iter().collect();
    let earlier =
        [membership(room(), 3, None), membership(Room::Helpers, 4, None), membership(participants, 5, Some(6))];
    now.prepend(&earlier.into_iter().collect(), EventId::new(10));
    let expected = [
        membership(room(), 3, Some(12)),
        membership(Room::Helpers, 11, None),
        membership(Room::Helpers, 4, Some(10)),
        membership(participants, 5, Some(6)),
    ];
    assert_eq!(all(&now), expected);
}

#[test]
fn the_oldest_ended_memberships_are_dropped_first() {
    let mut history = MembershipHistory::since([Room::Helpers], EventId::START);
    let most = i64::try_from(MAX_ENDED).unwrap();
    for event in 1..=most {
        history.enter(room(), EventId::new(2 * event - 1));
        history.leave(room(), EventId::new(2 * event));
    }
    assert!(history.is_known_since(EventId::START));
    assert_eq!(history.iter().count(), MAX_ENDED + 1);
    // The oldest by its end, wherever it is in the list.
    let earlier = [membership(room(), 0, Some(1)), membership(room(), 3, Some(3))].into_iter().collect();
    history.prepend(&earlier, EventId::START);
    assert_eq!(history.iter().count(), MAX_ENDED + 1);
    assert!(!history.is_known_since(EventId::new(1)) && history.is_known_since(EventId::new(2)));
    let ends = history.iter().filter_map(|membership| membership.until);
    assert_eq!(ends.min(), Some(EventId::new(3)));
    assert!(history.iter().any(|membership| membership.until.is_none()), "a lasting membership is never dropped");
}
