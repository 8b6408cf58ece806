//! Searches in space: exact at the edge of a radius, anywhere on the earth.

use std::collections::BTreeSet;

use allynet_domain::port::{Fix, ListReader, OnDuty, Report};
use allynet_domain::{
    Account, EmergencyId, Grid, HelperPolicy, Metres, PlaceBeforeAccept, PlacePolicy, Position, Recipient,
    ResponseStatus, Role, UserId, Write, grid::helper_cell,
};

use super::*;

/// Metres. Below the millimetre to which implementations of the geodesic agree.
const TOLERANCE_METRES: f64 = 0.001;

/// Pairs of positions that are difficult to bound: near and far, across the antimeridian, at and across the poles, and with
/// two representations.
fn pairs() -> Vec<(Position, Position)> {
    [
        ((0.0, 0.0), (0.0, 0.044_9)),
        ((0.0, 0.0), (0.045_2, 0.0)),
        ((52.52, 13.405), (52.55, 13.45)),
        ((-33.86, 151.2), (-34.2, 150.6)),
        ((64.1, -21.9), (64.1, -21.8)),
        ((0.0, 179.98), (0.0, -179.98)),
        ((-17.7, -179.999), (-17.71, 179.97)),
        ((51.9, 180.0), (51.95, -180.0)),
        ((71.0, -180.0), (71.0, 179.9)),
        ((90.0, 0.0), (89.97, 123.0)),
        ((90.0, 77.0), (89.9, -180.0)),
        ((-90.0, 0.0), (-89.95, -60.0)),
        ((89.98, 10.0), (89.98, -170.0)),
        ((-89.99, 90.0), (-89.97, -95.0)),
        ((89.99, 179.0), (90.0, -3.0)),
        ((80.0, 0.0), (85.0, 180.0)),
        ((48.0, 2.0), (40.7, -74.0)),
        ((-45.0, 170.0), (-40.0, -120.0)),
    ]
    .map(|((a, b), (c, d))| (place(a, b), place(c, d)))
    .to_vec()
}

fn around(centre: Position) -> Search {
    let on_duty = OnDuty { policy: HelperPolicy::Verified, fresh_since: at(-1), now: at(0) };
    Search { centre, except: nth(0), on_duty }
}

impl Store {
    async fn helpers_within(&self, centre: Position, radius: Metres) -> Vec<(UserId, Metres)> {
        let found = self.nearby(&around(centre), radius, 1_000).await;
        found.into_iter().map(|n| (n.helper, n.distance)).collect()
    }

    async fn emergencies_within(&self, centre: Position, radius: Metres, limit: u32) -> Vec<(EmergencyId, Metres)> {
        let found = self.nearby_for(nth(0), centre, radius, limit).await;
        found.into_iter().map(|n| (n.emergency.id(), n.distance)).collect()
    }
}

pub async fn the_edge_of_a_radius_is_exact_for_helpers(store: Store) {
    for (centre, position) in pairs() {
        let helper = store.helper_at(position).await.id;
        let exact = judged_distance(centre, position).get();
        for (radius, within) in
            [(exact - TOLERANCE_METRES, false), (exact + TOLERANCE_METRES, true)].map(|(r, w)| (metres(r), w))
        {
            let found = store.helpers_within(centre, radius).await;
            let this = found.iter().find(|(id, _)| *id == helper);
            assert_eq!(this.is_some(), within, "{position:?} from {centre:?} within {radius:?}");
            assert!(
                this.is_none_or(|(_, d)| (d.get() - exact).abs() < TOLERANCE_METRES),
                "{this:?} instead of {exact}"
            );
            let in_range = store.raise_context(&around(centre), None, &[radius], 1_000).await.helpers;
            assert_eq!(in_range.counts, [u32::try_from(found.len()).unwrap()]);
            assert_eq!(
                in_range.nearest.iter().map(|r| r.helper).collect::<Vec<_>>(),
                found.iter().map(|(id, _)| *id).collect::<Vec<_>>()
            );
        }
    }
}

pub async fn a_helper_is_found_at_the_latest_position_only(store: Store) {
    let helper = store.helper().await.id;
    let mut seconds = 0;
    for (latitude, longitude) in [
        (0.0, 0.0),
        (52.52, 13.405),
        (-33.860_000_1, 151.199_999_9),
        (0.005, 179.999_95),
        (-60.0, -179.999_9),
        (89.999_95, 10.0),
        (-89.999_95, -170.0),
        (90.0, 180.0),
        (-90.0, -180.0),
    ] {
        let mut before: Option<Position> = None;
        // Steps of some metres, hundreds and thousands of metres; and back.
        for step in [0.0, 0.000_1, 0.000_2, 0.001_5, 0.001_6, 0.011_6, 0.012, 0.1, 0.000_1, -0.000_1, -0.02, 0.0] {
            let longitude: f64 = longitude + step * 1.5;
            let longitude = if longitude.abs() > 180.0 { longitude - 360.0_f64.copysign(longitude) } else { longitude };
            let position = place((latitude + step).clamp(-90.0, 90.0), longitude);
            seconds += 1;
            store.positions.record(&[Fix { user: helper, position, at: at(seconds) }.into()]).await.unwrap();
            let cell = helper_cell(position);
            let found = store.helpers_within(cell, metres(0.01)).await;
            assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [helper], "{position:?}");
            if let Some(before) = before.replace(cell) {
                let moved = before.distance_to(cell).get();
                for (radius, expected) in
                    [(moved - TOLERANCE_METRES, 0), (moved + TOLERANCE_METRES, 1), (moved + 20_000.0, 1)]
                {
                    let found = store.helpers_within(before, metres(radius.max(0.0))).await;
                    let expected = if moved < TOLERANCE_METRES { 1 } else { expected };
                    assert_eq!(found.len(), expected, "{position:?} from {before:?} within {radius}");
                }
            }
        }
    }
}

pub async fn the_edge_of_a_radius_is_exact_for_emergencies(store: Store) {
    for (centre, position) in pairs() {
        let owner = store.register().await;
        let emergency = store.raise(call_at(&owner, position)).await.id();
        let exact = centre.distance_to(position).get();
        for (radius, within) in [(exact - TOLERANCE_METRES, false), (exact + TOLERANCE_METRES, true)] {
            let found = store.emergencies_within(centre, metres(radius), 1_000).await;
            let this = found.iter().find(|(id, _)| *id == emergency);
            assert_eq!(this.is_some(), within, "{position:?} from {centre:?} within {radius}");
            assert!(
                this.is_none_or(|(_, d)| (d.get() - exact).abs() < TOLERANCE_METRES),
                "{this:?} instead of {exact}"
            );
        }
    }
}

pub async fn the_edge_of_an_alert_radius_is_exact_for_pending(store: Store) {
    let helper = store.helper().await.id;
    for (centre, position) in pairs() {
        let exact = helper_cell(centre).distance_to(position).get();
        for (radius, within) in [(exact - TOLERANCE_METRES, false), (exact + TOLERANCE_METRES, true)] {
            let owner = store.register().await;
            let call = edited(call_at(&owner, position), |e| e.alert_radius = metres(radius));
            let emergency = store.raise(call).await.id();
            store.locate(helper, centre).await;
            let found = store.emergencies.pending_for(&exact_reader(helper), 1_000).await.unwrap();
            let reached = found.iter().any(|n| n.emergency.id() == emergency);
            assert_eq!(reached, within, "{position:?} with {radius} to {centre:?}");
        }
    }
}

pub async fn a_helper_exactly_at_the_radius_is_within_it(store: Store) {
    for (centre, position) in pairs() {
        let helper = store.helper_at(position).await.id;
        let judged = judged_distance(centre, position).get();
        let found = store.helpers_within(centre, metres(judged + TOLERANCE_METRES)).await;
        let distance = found.iter().find(|(id, _)| *id == helper).unwrap().1;
        let at_the_radius = store.helpers_within(centre, distance).await;
        assert!(at_the_radius.iter().any(|(id, _)| *id == helper), "{position:?} from {centre:?} at {distance:?}");
        let here = store.helpers_within(helper_cell(position), metres(0.0)).await;
        assert!(here.iter().any(|(id, _)| *id == helper), "{position:?} at distance 0");
    }
}

pub async fn the_antimeridian_and_the_poles_are_no_borders(store: Store) {
    let [east, west] = [store.helper_at(place(0.0, 180.0)).await.id, store.helper_at(place(0.0, -180.0)).await.id];
    for longitude in [180.0, -180.0] {
        let found: BTreeSet<_> =
            store.helpers_within(place(0.0, longitude), metres(180.0)).await.into_iter().map(|f| f.0).collect();
        assert_eq!(found, BTreeSet::from([east, west]), "one place written in two ways");
    }
    for latitude in [90.0, -90.0] {
        let mut expected = BTreeSet::new();
        for longitude in [-180.0, -135.0, -1.0, 0.0, 44.0, 180.0] {
            expected.insert(store.helper_at(place(latitude, longitude)).await.id);
            let near_it = place(latitude - 0.001_f64.copysign(latitude), longitude);
            expected.insert(store.helper_at(near_it).await.id);
            let emergency = store.raise(call_at(&store.register().await, near_it)).await.id();
            let found = store.emergencies_within(place(latitude, -longitude), metres(150.0), 1_000).await;
            assert!(found.iter().any(|(id, _)| *id == emergency));
        }
        for longitude in [-180.0, -90.0, 0.0, 13.0, 180.0] {
            let found: BTreeSet<_> = store
                .helpers_within(place(latitude, longitude), metres(300.0))
                .await
                .into_iter()
                .map(|f| f.0)
                .collect();
            assert_eq!(found, expected, "around the pole at {latitude}, {longitude}");
        }
    }
}

/// Positions that are unevenly spread and the same in every run: a linear congruential generator (Knuth's MMIX).
fn places(count: usize) -> Vec<Position> {
    let mut state = 20_260_101_u64;
    let mut fraction = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX)
    };
    (0..count)
        .map(|n| {
            let (a, b) = (fraction(), fraction());
            match n % 4 {
                0 => place(a * 180.0 - 90.0, b * 360.0 - 180.0),
                1 => place(90.0 - a * a, b * 360.0 - 180.0),
                2 => place(a * a - 90.0, b * 360.0 - 180.0),
                _ => place(a * 20.0 - 10.0, (180.0 - b).copysign(a - 0.5)),
            }
        })
        .collect()
}

pub async fn searches_agree_with_measuring_every_helper(store: Store) {
    let positions = places(200);
    let mut helpers: Vec<(UserId, Position)> = Vec::new();
    let mut enlist = change();
    for &position in &positions {
        let account = new_account();
        let user = account.id;
        helpers.push((user, position));
        enlist = enlist
            .write(Write::RegisterAccount { account: Box::<Account>::new(account), password: hash("$hash") })
            .write(Write::SetHelper { user, helper: verified(), role: Role::Helper });
    }
    store.commit(enlist).await;
    let fixes: Vec<Report> = helpers.iter().map(|&(user, position)| Fix { user, position, at: at(0) }.into()).collect();
    store.positions.record(&fixes).await.unwrap();

    let poles = [place(90.0, 12.0), place(-90.0, -170.0), place(0.0, 180.0), place(89.5, -179.0)];
    for centre in poles.into_iter().chain(positions.iter().step_by(9).copied()) {
        for radius in [1_000.0, 60_000.0, 700_000.0, 5_000_000.0, 10_100_000.0, 19_900_000.0, 20_010_000.0] {
            let within = |p: Position| judged_distance(centre, p).get() <= radius;
            let expected: BTreeSet<UserId> = helpers.iter().filter(|(_, p)| within(*p)).map(|(id, _)| *id).collect();
            let found = store.helpers_within(centre, metres(radius)).await;
            assert!(found.is_sorted_by(|a, b| a.1 <= b.1), "nearest first");
            assert_eq!(found.iter().map(|f| f.0).collect::<BTreeSet<_>>(), expected, "{centre:?} {radius}");
        }
    }
}

pub async fn live_emergencies_come_nearest_first_up_to_the_limit(store: Store) {
    let helper = store.helper().await;
    let mut raised = Vec::new();
    for longitude in [0.03, 0.01, 0.04, 0.02, 0.005] {
        let owner = store.register().await;
        raised.push(store.raise(call_at(&owner, place(0.0, longitude))).await.id());
    }
    store.accept(raised[3], &helper, at(1)).await;
    store.resolve(raised[4], at(1)).await;
    let expected = [raised[1], raised[3], raised[0], raised[2]];
    for limit in [1, 2, 4, 100] {
        let found = store.emergencies_within(place(0.0, 0.0), metres(10_000.0), limit).await;
        let ids: Vec<_> = found.into_iter().map(|f| f.0).collect();
        assert_eq!(ids, expected[..expected.len().min(limit as usize)]);
    }
    let found = store.nearby_for(nth(0), place(0.0, 0.0), metres(3_000.0), 100).await;
    assert_eq!(found[1].emergency, store.find(raised[3]).await, "as complete as any");
}

pub(super) fn approximate_reader(user: UserId) -> ListReader {
    let places = PlacePolicy { before_accept: PlaceBeforeAccept::Approximate, grid: Grid::with_key([9; 16]) };
    ListReader { places, ..exact_reader(user) }
}

pub async fn the_edge_of_a_radius_is_that_of_the_shown_place(store: Store) {
    let reader = approximate_reader(nth(0));
    for (centre, position) in pairs() {
        let emergency = store.raise(call_at(&store.register().await, position)).await.id();
        let shown = centre.distance_to(reader.places.grid.coarse(position)).get();
        for (radius, within) in [(shown - TOLERANCE_METRES, false), (shown + TOLERANCE_METRES, true)] {
            let found = store.emergencies.nearby(&reader, centre, metres(radius), 1_000).await.unwrap();
            let this = found.iter().find(|near| near.emergency.id() == emergency);
            assert_eq!(this.is_some(), within, "{position:?} from {centre:?} within {radius}");
            assert!(this.is_none_or(|near| (near.distance.get() - shown).abs() < TOLERANCE_METRES), "{this:?}");
        }
    }
}

pub async fn a_limit_does_not_tell_which_of_two_in_one_cell_is_nearer(store: Store) {
    let reader = approximate_reader(nth(0));
    let centre = reader.places.grid.coarse(place(10.0, 20.0));
    let (mut raised, mut position) = (Vec::new(), Vec::new());
    for (second, east) in [(3, -0.002), (1, 0.002), (2, 0.0)] {
        let at_east = place(centre.latitude(), centre.longitude() + east);
        assert_eq!(reader.places.grid.coarse(at_east), centre, "one cell");
        let call = edited(call_at(&store.register().await, at_east), |e| e.call.created_at = at(second));
        raised.push((second, store.raise(call).await.id()));
        position.push(at_east);
    }
    raised.sort_by_key(|(second, _)| -second);
    let newest_first: Vec<_> = raised.into_iter().map(|(_, id)| id).collect();
    // Whatever the place that is asked for, and for a helper who is there.
    for here in position {
        for limit in [1, 2, 3] {
            let found = store.emergencies.nearby(&reader, here, metres(10_000.0), limit).await.unwrap();
            assert_eq!(found.iter().map(|n| n.emergency.id()).collect::<Vec<_>>(), newest_first[..limit as usize]);
            let helper = store.helper_at(here).await.id;
            let found = store.emergencies.pending_for(&approximate_reader(helper), limit).await.unwrap();
            assert_eq!(found.iter().map(|n| n.emergency.id()).collect::<Vec<_>>(), newest_first[..limit as usize]);
        }
    }
}

pub async fn an_alerted_helper_is_shown_a_smaller_cell_until_declining_or_cancelling(store: Store) {
    let [helper, other] = [store.helper_at(place(0.0, 0.0)).await, store.helper_at(place(0.0, 0.0)).await];
    let emergency = store.raise(call_at(&store.register().await, place(0.003, 0.0))).await;
    let (id, position) = (emergency.id(), emergency.call().details.location.position);
    let recipients = vec![Recipient::new(helper.id, metres(1.0)), Recipient::new(other.id, metres(1.0))];
    store.write(Write::SendAlerts { emergency: id, wave: 1, recipients }).await;
    let grid = approximate_reader(helper.id).places.grid;
    let [fine, coarse] = [grid.fine(position), grid.coarse(position)];
    let alerted = async |user: UserId, shown: Position, expected: bool| {
        let reader = approximate_reader(user);
        assert_eq!(store.emergencies.read(id, user).await.unwrap().unwrap().alerted, expected);
        let nearby = store.emergencies.nearby(&reader, place(0.0, 0.0), metres(10_000.0), 9).await.unwrap();
        let pending = store.emergencies.pending_for(&reader, 9).await.unwrap();
        for (found, from) in
            nearby.iter().map(|n| (n, place(0.0, 0.0))).chain(pending.iter().map(|n| (n, helper_cell(place(0.0, 0.0)))))
        {
            assert_eq!(found.alerted, expected);
            assert!((found.distance.get() - from.distance_to(shown).get()).abs() < TOLERANCE_METRES, "{found:?}");
        }
        pending.len()
    };
    assert_eq!(alerted(helper.id, fine, true).await, 1);
    store.write(Write::SetDeclined { emergency: id, helper: helper.id, declined: true }).await;
    assert_eq!(alerted(helper.id, coarse, false).await, 0);
    store.accept(id, &other, at(1)).await;
    assert_eq!(alerted(other.id, position, true).await, 0, "a participant");
    store.update_response(id, &other, ResponseStatus::Cancelled).await;
    assert_eq!(alerted(other.id, coarse, true).await, 1);
}
