//! The access log.

use allynet_domain::{AccessEntry, AccessKind, EmergencyId, PlaceReading, ReadPlace, UserId};
use futures_util::future::join_all;

use super::*;

fn read(reader: UserId, second: i64, what: AccessKind, places: &[(UserId, EmergencyId)]) -> PlaceReading {
    let place = |&(user, emergency)| ReadPlace { user, emergency };
    PlaceReading { reader, at: at(second), what, places: places.iter().map(place).collect() }
}

/// A second at which an hour begins.
fn full_hour() -> i64 {
    (0..3_600).find(|second| at(*second).timestamp() % 3_600 == 0).unwrap()
}

pub async fn a_reading_is_stored_once_within_an_hour_for_each_administrator_and_place(store: Store) {
    let (ada, bo, hour) = (store.register().await.id, store.register().await.id, full_hour());
    let ([first, second], [admin, other]) = ([nth(1), nth(2)], [id(), id()]);
    for reading in [
        read(admin, hour + 10, AccessKind::List, &[(ada, first), (bo, second)]),
        read(admin, hour + 20, AccessKind::Emergency, &[(ada, first)]),
        read(admin, hour + 3_599, AccessKind::Room, &[(ada, first), (ada, second), (bo, first)]),
        read(other, hour + 30, AccessKind::Timeline, &[(ada, first)]),
        read(admin, hour + 3_600, AccessKind::Helpers, &[(ada, first)]),
        // A user who has no account.
        read(admin, hour + 40, AccessKind::List, &[(id(), first)]),
    ] {
        store.access_log.record(&reading).await.unwrap();
    }
    let entry = |second, emergency, what| AccessEntry { at: at(second), emergency, what };
    let expected = [
        entry(hour + 3_600, first, AccessKind::Helpers),
        entry(hour + 3_599, second, AccessKind::Room),
        entry(hour + 30, first, AccessKind::Timeline),
        entry(hour + 10, first, AccessKind::List),
    ];
    assert_eq!(store.access_log.entries(ada, 10).await.unwrap(), expected);
    assert_eq!(store.access_log.entries(ada, 2).await.unwrap(), expected[..2]);
    let others = [entry(hour + 3_599, first, AccessKind::Room), entry(hour + 10, second, AccessKind::List)];
    assert_eq!(store.access_log.entries(bo, 10).await.unwrap(), others);
    assert_eq!(store.access_log.entries(admin, 10).await.unwrap(), []);
}

pub async fn readings_outlive_the_emergency(store: Store) {
    let owner = store.register().await;
    let emergency = store.raise(call_of(&owner)).await;
    store.resolve(emergency.id(), at(1)).await;
    let reading = read(id(), 0, AccessKind::Emergency, &[(owner.id, emergency.id())]);
    store.access_log.record(&reading).await.unwrap();
    store.write(deletion(&store.find(emergency.id()).await)).await;
    assert!(store.emergencies.find(emergency.id()).await.unwrap().is_none());
    assert_eq!(store.access_log.entries(owner.id, 10).await.unwrap().len(), 1);
}

pub async fn of_readings_at_once_one_is_stored(store: Store) {
    let other_node = store.another().await;
    let (ada, bo, admin) = (store.register().await.id, store.register().await.id, id());
    let places = [(ada, nth(1)), (bo, nth(2))];
    let nodes = [&store, &other_node].into_iter().cycle().take(8);
    let reading = read(admin, 0, AccessKind::List, &places);
    for outcome in join_all(nodes.map(|node| node.access_log.record(&reading))).await {
        outcome.unwrap();
    }
    for (user, _) in places {
        assert_eq!(store.access_log.entries(user, 10).await.unwrap().len(), 1);
    }
}
