//! Searches for helpers: counts, results and their order.

use std::collections::BTreeSet;

use allynet_domain::port::{DutyCounts, Fix, HelperSelection, MessagePage, Near, OnDuty, RaiseQuery, Report, Vicinity};
use allynet_domain::{
    Account, EmergencyType, HelperPolicy, HelperRecord, HelpersInRange, Metres, PlacePolicy, Recipient, ResponseStatus,
    Role, Timestamp, UserId, Verification, Write,
};

use super::*;
use crate::contract::nearby::approximate_reader;

fn on_duty() -> OnDuty {
    OnDuty { policy: HelperPolicy::Verified, fresh_since: at(-3_600), now: at(0) }
}

fn search() -> Search {
    Search { centre: place(0.0, 0.0), except: nth(0), on_duty: on_duty() }
}

fn radii(radii: &[f64]) -> Vec<Metres> {
    radii.iter().copied().map(metres).collect()
}

impl Store {
    async fn helpers_in_range_of(&self, search: &Search, radii: &[Metres], limit: u32) -> HelpersInRange {
        self.raise_context(search, None, radii, limit).await.helpers
    }

    async fn helpers_in_range(&self, radii: &[Metres], limit: u32) -> HelpersInRange {
        self.helpers_in_range_of(&search(), radii, limit).await
    }

    async fn all_nearby(&self, search: &Search) -> Vec<UserId> {
        let found = self.nearby(search, metres(10_000.0), 100).await;
        let mut ids: Vec<_> = found.into_iter().map(|n| n.helper).collect();
        let in_range = self.helpers_in_range_of(search, &[metres(10_000.0)], 100).await;
        let counted: Vec<_> = in_range.nearest.iter().map(|r| r.helper).collect();
        assert_eq!(counted, ids, "both searches find the same");
        ids.sort();
        ids
    }
}

fn found(in_range: &HelpersInRange) -> Vec<UserId> {
    in_range.nearest.iter().map(|r| r.helper).collect()
}

pub async fn the_raise_context_counts_within_each_radius_and_finds_the_nearest_within_the_largest(store: Store) {
    let centre = search().centre;
    let mut ids = Vec::new();
    for longitude in [0.12, 0.02, 0.5, 0.01, 0.06] {
        ids.push(store.helper_at(place(0.0, longitude)).await.id);
    }
    let in_range = store.helpers_in_range(&radii(&[500.0, 3_000.0, 5_000.0, 10_000.0, 15_000.0]), 50).await;
    assert_eq!(in_range.counts, [0, 2, 2, 3, 4]);
    assert_eq!(found(&in_range), [ids[3], ids[1], ids[4], ids[0]]);
    for (recipient, longitude) in in_range.nearest.iter().zip([0.01, 0.02, 0.06, 0.12]) {
        let position = place(0.0, longitude);
        assert!((recipient.distance.get() - judged_distance(centre, position).get()).abs() < 0.001);
        assert!((recipient.shown_distance().get() - centre.distance_to(position).get()).abs() < 0.001);
    }
    assert_eq!(
        store.helpers_in_range(&radii(&[1.0]), 50).await,
        HelpersInRange { counts: vec![0], nearest: Vec::new(), skipped: Vec::new() }
    );
}

pub async fn the_raise_context_looks_no_further_than_it_has_to(store: Store) {
    let mut ids = Vec::new();
    for longitude in [0.01, 0.02, 0.03, 0.06, 0.12] {
        ids.push(store.helper_at(place(0.0, longitude)).await.id);
    }
    let radii = radii(&[1_500.0, 5_000.0, 10_000.0, 15_000.0]);
    for (enough, counts) in [(0, &[1][..]), (1, &[1]), (2, &[1, 3]), (4, &[1, 3, 4]), (6, &[1, 3, 4, 5])] {
        let in_range = store.raise_context_with_enough(enough, &search(), None, &radii, 50).await.helpers;
        assert_eq!(in_range.counts, counts, "{enough}");
        assert_eq!(found(&in_range), ids[..counts[counts.len() - 1] as usize], "{enough}");
    }
    // For an owner with an earlier emergency, helpers within the radius of that one are counted.
    let owner = store.register().await;
    let search = Search { except: owner.id, ..search() };
    store.raise(edited(call_of(&owner), |e| e.alert_radius = metres(10_000.0))).await;
    let context = store.raise_context_with_enough(1, &search, None, &radii, 50).await;
    assert_eq!((context.earlier.is_some(), &context.helpers.counts[..]), (true, &[1, 3, 4][..]));
}

pub async fn the_raise_context_counts_beyond_the_limit(store: Store) {
    let mut ids = Vec::new();
    for n in 0..7_u8 {
        ids.push(store.helper_at(place(0.0, f64::from(n) * 0.01)).await.id);
    }
    for limit in [1, 3, 7, 50] {
        let in_range = store.helpers_in_range(&radii(&[2_500.0, 50_000.0]), limit).await;
        assert_eq!(in_range.counts, [3, 7], "{limit}");
        assert_eq!(found(&in_range), ids[..ids.len().min(limit as usize)]);
        let nearby = store.nearby(&search(), metres(50_000.0), limit).await;
        assert_eq!(nearby.len(), ids.len().min(limit as usize));
    }
}

pub async fn equally_near_helpers_come_in_the_order_of_their_ids(store: Store) {
    let mut ids: Vec<UserId> = Vec::new();
    for n in [5, 2, 9, 1, 7, 3] {
        let helper = store.enlist(new_account_with_id(nth(n)), verified()).await;
        store.locate(helper.id, place(0.01, 0.01)).await;
        ids.push(helper.id);
    }
    ids.sort();
    for limit in [1, 3, 6] {
        let in_range = store.helpers_in_range(&radii(&[50_000.0]), limit).await;
        assert_eq!(found(&in_range), ids[..limit as usize]);
        let nearby = store.nearby(&search(), metres(50_000.0), limit).await;
        assert_eq!(nearby.iter().map(|n| n.helper).collect::<Vec<_>>(), ids[..limit as usize]);
    }
}

pub async fn the_searcher_is_left_out(store: Store) {
    let [a, b] = [store.helper_at(place(0.0, 0.0)).await.id, store.helper_at(place(0.0, 0.0)).await.id];
    assert_eq!(store.all_nearby(&Search { except: a, ..search() }).await, [b]);
    assert_eq!(store.all_nearby(&Search { except: b, ..search() }).await, [a]);
    let in_range = store.helpers_in_range_of(&Search { except: a, ..search() }, &radii(&[200.0]), 9).await;
    assert_eq!(in_range.counts, [1]);
}

pub async fn messages_come_with_the_access_of_the_reader(store: Store) {
    let emergency = store.emergency().await;
    let [responding, cancelled, other] = [store.helper().await, store.helper().await, store.helper().await];
    store.accept(emergency.id(), &responding, at(1)).await;
    store.accept(emergency.id(), &cancelled, at(1)).await;
    store.update_response(emergency.id(), &cancelled, ResponseStatus::Cancelled).await;
    let stored = store.find(emergency.id()).await;
    for reader in [emergency.owner(), responding.id, cancelled.id, other.id, id()] {
        let of = emergency.id();
        let page = MessagePage { emergency: of, reader, before: None, limit: 1 };
        assert_eq!(store.messages.list(&page).await.unwrap(), Some((stored.access(reader), vec![])));
        assert_eq!(store.messages.find(of, id(), reader).await.unwrap(), Some((stored.access(reader), None)));
    }
    let page = MessagePage { emergency: id(), reader: other.id, before: None, limit: 1 };
    assert_eq!(store.messages.list(&page).await.unwrap(), None);
    assert_eq!(store.messages.find(id(), id(), other.id).await.unwrap(), None);
}

pub async fn a_search_around_an_emergency_finds_where_its_helpers_are(store: Store) {
    let emergency = store.emergency().await.id();
    let (radius, places) = (metres(1_000.0), PlacePolicy::default());
    let vicinity = Vicinity { emergency, reader: id(), on_duty: on_duty(), radius, places };
    let nowhere = store.helper().await;
    let [near, far, cancelled, offline] =
        [store.helper().await, store.helper().await, store.helper().await, store.helper().await];
    for (helper, longitude) in [(&near, 0.001), (&far, 1.0), (&cancelled, 0.002), (&offline, 0.003)] {
        store.locate(helper.id, place(0.0, longitude)).await;
        store.accept(emergency, helper, at(1)).await;
    }
    store.accept(emergency, &nowhere, at(1)).await;
    store.update_response(emergency, &cancelled, ResponseStatus::Cancelled).await;
    store.update_response(emergency, &far, ResponseStatus::Completed).await;
    let off_duty = HelperRecord { available: false, ..verified() };
    store.write(Write::SetHelper { user: offline.id, helper: off_duty, role: Role::Helper }).await;

    let around = store.helpers.around(&vicinity).await.unwrap().unwrap();
    assert_eq!(around.emergency, store.find(emergency).await);
    let mut responding = around.responding;
    responding.sort_by_key(|(helper, _)| *helper);
    let mut expected = [(near.id, 0.001), (far.id, 1.0), (offline.id, 0.003)].map(|(id, east)| (id, place(0.0, east)));
    expected.sort_by_key(|(helper, _)| *helper);
    assert_eq!(responding, expected, "also off duty, and at any distance");
    let nearest = around.available.nearest(exact_place(place(0.0, 0.0)), 9);
    let available: BTreeSet<_> = nearest.into_iter().map(|recipient| recipient.helper).collect();
    assert_eq!(
        [cancelled.id, far.id, offline.id, nowhere.id].map(|id| available.contains(&id)),
        [true, false, false, false]
    );
    let unknown = Vicinity { emergency: id(), ..vicinity };
    assert_eq!(store.helpers.around(&unknown).await.unwrap(), None);
}

pub async fn an_owner_is_available_in_their_own_anonymous_emergency_only(store: Store) {
    for anonymous in [false, true] {
        let owner = store.helper_at(place(0.0, 0.0)).await;
        let call = edited(call_of(&owner), |e| e.call.details.anonymous = anonymous);
        let emergency = store.raise(call).await.id();
        let places = PlacePolicy::default();
        let vicinity = Vicinity { emergency, reader: owner.id, on_duty: on_duty(), radius: metres(500.0), places };
        let around = store.helpers.around(&vicinity).await.unwrap().unwrap();
        let count = around.available.count_within(exact_place(place(0.0, 0.0)), metres(500.0));
        assert_eq!(count, u32::from(anonymous));
        // Nobody is alerted to an emergency of their own.
        let (within, selection) = (metres(500.0), HelperSelection::Nearest(9));
        let near = Near { on_duty: on_duty(), within, selection, leaving: None, places, rings_since: at(-600) };
        let loaded = store.emergencies.load(emergency, Some(near)).await.unwrap().unwrap();
        assert!(loaded.near.iter().all(|recipient| recipient.helper != owner.id));
    }
}

pub async fn the_limit_of_the_nearest_excludes_helpers_already_alerted(store: Store) {
    let mut ids = Vec::new();
    for longitude in [0.01, 0.02, 0.03, 0.04, 0.05, 0.06] {
        ids.push(store.helper_at(place(0.0, longitude)).await);
    }
    let emergency = store.emergency().await.id();
    let recipients = vec![Recipient::new(ids[0].id, metres(1.0))];
    store.write(Write::SendAlerts { emergency, wave: 1, recipients }).await;
    store.accept(emergency, &ids[3], at(1)).await;
    for (more, expected) in [(0, 2), (1, 3), (2, 4), (9, 6)] {
        let (within, selection, places) = (metres(50_000.0), HelperSelection::Nearest(more), PlacePolicy::default());
        let near = Near { on_duty: on_duty(), within, selection, leaving: None, places, rings_since: at(0) };
        let loaded = store.emergencies.load(emergency, Some(near)).await.unwrap().unwrap();
        let nearest: Vec<_> = loaded.near.iter().map(|r| r.helper).collect();
        // The one who responds is engaged, and not available.
        let available: Vec<_> = ids.iter().map(|a| a.id).filter(|&helper| helper != ids[3].id).collect();
        assert_eq!(nearest, available[..expected.min(5)], "{more}");
    }
}

pub async fn one_helper_is_found_near_an_emergency_if_on_duty_within_the_distance(store: Store) {
    let helper = store.helper_at(place(0.0, 0.01)).await;
    let off_duty = store.enlist(new_account(), HelperRecord { available: false, ..verified() }).await;
    store.locate(off_duty.id, place(0.0, 0.01)).await;
    let owner = store.helper_at(place(0.0, 0.0)).await;
    let emergency = store.raise(call_of(&owner)).await.id();
    let (here, there) = (place(0.0, 0.0), place(0.0, 0.01));
    let (exact, judged) = (here.distance_to(there), judged_distance(here, there).get());
    for (user, within, fresh_since, found) in [
        (helper.id, judged + 0.001, at(0), true),
        (helper.id, judged - 0.001, at(0), false),
        (helper.id, 1_200.0, at(1), false),
        (off_duty.id, 1_200.0, at(0), false),
        (owner.id, 1_200.0, at(0), false),
        (id(), 1_200.0, at(0), false),
    ] {
        let on_duty = OnDuty { fresh_since, ..on_duty() };
        let (selection, places) = (HelperSelection::Only(user), PlacePolicy::default());
        let near = Near { on_duty, within: metres(within), selection, leaving: None, places, rings_since: at(0) };
        let loaded = store.emergencies.load(emergency, Some(near)).await.unwrap().unwrap();
        let recipient =
            Recipient { helper: user, distance: metres(judged), exact_distance: Some(exact), coarse_distance: None };
        let expected = found.then_some(recipient);
        assert_eq!(loaded.near, expected.into_iter().collect::<Vec<_>>(), "{user} {within}");
    }
}

pub async fn the_distance_of_the_owner_is_read_if_they_are_a_helper_on_duty(store: Store) {
    let there = place(0.0, 0.1);
    let (helper, off_duty) = (store.helper_at(there).await, store.register().await);
    store.locate(off_duty.id, there).await;
    for (owner, fresh_since, expected) in [
        (helper.id, at(0), Some(judged_distance(search().centre, there))),
        (helper.id, at(1), None),
        (off_duty.id, at(0), None),
        (store.helper().await.id, at(0), None),
    ] {
        let search = Search { except: owner, on_duty: OnDuty { fresh_since, ..on_duty() }, ..search() };
        // Also beyond the radii.
        let read = store.raise_context(&search, None, &radii(&[500.0]), 9).await.owner_distance;
        assert_eq!(read, expected);
    }
}

pub async fn an_approximate_emergency_is_searched_around_its_cell(store: Store) {
    let places = approximate_reader(nth(0)).places;
    let mut helpers = Vec::new();
    for (north, east) in [(0.003, 0.0), (0.0, 0.004), (-0.003, 0.001), (0.002, -0.003), (-0.001, -0.001)] {
        let position = place(52.5 + north, 13.4 + east);
        helpers.push((store.helper_at(position).await.id, position));
    }
    // Two places in one cell find the same, one at the edge included.
    let judged = places.grid.fine(place(52.5, 13.4));
    let mut distances: Vec<_> = helpers.iter().map(|(_, position)| judged_distance(judged, *position).get()).collect();
    distances.sort_by(f64::total_cmp);
    let (within, mut found) = (metres(distances[3] + 0.001), Vec::new());
    for here in [judged, place(judged.latitude() + 0.000_6, judged.longitude() - 0.000_9)] {
        assert_eq!(places.grid.fine(here), judged);
        let emergency = store.raise(call_at(&store.register().await, here)).await;
        let near = Near {
            on_duty: on_duty(),
            within,
            selection: HelperSelection::Nearest(9),
            leaving: None,
            places,
            rings_since: at(0),
        };
        let loaded = store.emergencies.load(emergency.id(), Some(near)).await.unwrap().unwrap();
        let (reader, radius) = (id(), within);
        let vicinity = Vicinity { emergency: emergency.id(), reader, on_duty: on_duty(), radius, places };
        let around = store.helpers.around(&vicinity).await.unwrap().unwrap();
        let place = places.alert_place(&emergency.call().details);
        assert_eq!(around.available.nearest(place, 9), loaded.near);
        let query = RaiseQuery {
            owner: id(),
            request_id: None,
            place,
            anonymous: false,
            kind: EmergencyType::Medical,
            critical: false,
            on_duty: on_duty(),
            radii: &[within],
            enough: 9,
            limit: 9,
            rings_since: at(0),
            census: None,
        };
        let raising = store.emergencies.raise_context(&query).await.unwrap();
        assert_eq!((raising.helpers.nearest, raising.helpers.counts), (loaded.near.clone(), vec![4]));
        found.push(loaded.near);
    }
    assert_eq!(found[0].len(), 4);
    assert!(found[0].iter().all(|recipient| recipient.exact_distance.is_none()));
    assert_eq!(found[0], found[1]);
}

/// One account of every kind, all at the same place.
async fn one_of_each(store: &Store) -> Vec<Account> {
    let mut all = vec![store.register().await];
    for &verification in Verification::ALL {
        for available in [true, false] {
            for blocked in [false, true] {
                let record = HelperRecord { verification, available, ..verified() };
                let account = store.enlist(new_account(), record).await;
                store.write(Write::SetBlocked { user: account.id, blocked, reason: None }).await;
                all.push(Account { blocked, ..account });
            }
        }
    }
    let blocked = store.register().await;
    store.write(Write::SetBlocked { user: blocked.id, blocked: true, reason: None }).await;
    all.push(Account { blocked: true, ..blocked });
    all
}

pub async fn only_helpers_on_duty_by_the_policy_are_found(store: Store) {
    let all = one_of_each(&store).await;
    for account in &all {
        store.locate(account.id, place(0.0, 0.001)).await;
        assert_eq!(store.account(account.id).await, *account);
    }
    for &policy in HelperPolicy::ALL {
        let mut expected: Vec<_> = all.iter().filter(|a| a.on_duty(policy)).map(|a| a.id).collect();
        expected.sort();
        let on_duty = OnDuty { policy, ..on_duty() };
        assert_eq!(store.all_nearby(&Search { on_duty, ..search() }).await, expected, "{policy}");
    }
}

pub async fn a_position_is_found_only_while_its_helper_is_on_duty(store: Store) {
    let account = store.register().await;
    let user = account.id;
    store.locate(user, place(0.0, 0.001)).await;
    let emergency = store.emergency().await.id();
    let helper = |available, role| {
        let helper = HelperRecord { verification: Verification::Pending, available, ..verified() };
        Write::SetHelper { user, helper, role }
    };
    let blocked = |blocked| Write::SetBlocked { user, blocked, reason: None };
    let verification = |verification| Write::SetVerification { user, verification };
    let steps = [
        verification(Verification::Verified),
        helper(true, Role::User),
        helper(false, Role::User),
        verification(Verification::Verified),
        helper(true, Role::Helper),
        blocked(true),
        helper(false, Role::Helper),
        blocked(false),
        helper(true, Role::Helper),
        verification(Verification::Rejected),
        verification(Verification::Pending),
        blocked(true),
        verification(Verification::Verified),
        blocked(false),
    ];
    let mut seen = BTreeSet::new();
    for step in steps {
        let name = format!("{step:?}");
        store.write(step).await;
        for &policy in HelperPolicy::ALL {
            let is_on_duty = store.account(user).await.on_duty(policy);
            let on_duty = OnDuty { policy, ..on_duty() };
            let expected = if is_on_duty { vec![user] } else { vec![] };
            assert_eq!(store.all_nearby(&Search { on_duty, ..search() }).await, expected, "{policy} after {name}");
            let (within, selection, places) = (metres(1_000.0), HelperSelection::Only(user), PlacePolicy::default());
            let near = Near { on_duty, within, selection, leaving: None, places, rings_since: at(0) };
            let loaded = store.emergencies.load(emergency, Some(near)).await.unwrap().unwrap();
            assert_eq!(!loaded.near.is_empty(), is_on_duty, "{policy} after {name}");
            let fresh = store.helpers.count(policy, at(0)).await.unwrap().fresh;
            assert_eq!(fresh, u32::from(is_on_duty), "{policy} after {name}");
            seen.insert((policy.as_str(), is_on_duty));
        }
    }
    assert_eq!(seen.len(), 4, "on duty and not, under each policy");
}

pub async fn a_position_counts_from_the_moment_asked_for(store: Store) {
    let micros = |micros: i64| -> Timestamp { at(0) + chrono::TimeDelta::microseconds(micros) };
    let [older, exact, newer] = [store.helper().await.id, store.helper().await.id, store.helper().await.id];
    let _nowhere = store.helper().await;
    let fix = |user, at| Report::from(Fix { user, position: place(0.0, 0.0), at });
    store.positions.record(&[fix(older, micros(-1)), fix(exact, micros(0)), fix(newer, micros(1))]).await.unwrap();
    for (fresh_since, mut expected) in [
        (micros(-1), vec![older, exact, newer]),
        (micros(0), vec![exact, newer]),
        (micros(1), vec![newer]),
        (micros(2), vec![]),
    ] {
        expected.sort();
        let on_duty = OnDuty { fresh_since, ..on_duty() };
        assert_eq!(store.all_nearby(&Search { on_duty, ..search() }).await, expected);
        let counts = store.helpers.count(HelperPolicy::Verified, fresh_since).await.unwrap();
        assert_eq!(counts, DutyCounts { on_duty: 4, fresh: u32::try_from(expected.len()).unwrap() });
    }
}

pub async fn helpers_on_duty_are_counted_with_and_without_a_fresh_position(store: Store) {
    let all = one_of_each(&store).await;
    let on_duty = |policy| u32::try_from(all.iter().filter(|a| a.on_duty(policy)).count()).unwrap();
    for &policy in HelperPolicy::ALL {
        let counts = store.helpers.count(policy, at(0)).await.unwrap();
        assert_eq!(counts, DutyCounts { on_duty: on_duty(policy), fresh: 0 }, "{policy}");
    }
    for account in &all {
        store.locate(account.id, place(0.0, 0.0)).await;
    }
    for &policy in HelperPolicy::ALL {
        for (fresh_since, fresh) in [(at(0), on_duty(policy)), (at(1), 0)] {
            let counts = store.helpers.count(policy, fresh_since).await.unwrap();
            assert_eq!(counts, DutyCounts { on_duty: on_duty(policy), fresh }, "{policy}");
        }
    }
}
