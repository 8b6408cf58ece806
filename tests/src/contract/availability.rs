//! Helpers that quiet hours, a pause or a limit keep away: preferences, searches, and what changes by itself.

use allynet_domain::{
    Account, AlertPreferences, AlertScope, Breakthrough, ClockTime, Coverage, Details, EmergencyId, Event,
    HelperPolicy, HelperRecord, PreferencesChange, Priority, QuietWindow, Role, Severity, SkippedCounts, Timestamp,
    UserId, Write,
    port::{Error, Fix, OnDuty, Vicinity},
    usecase::{
        alerts,
        availability::review_due,
        emergencies::{self, Raised},
        helpers::{self, Duty},
    },
};
use chrono::TimeDelta;

use super::*;

/// The end of the first quiet hours of [`quiet`], and the beginning of the next.
const QUIET_ENDS: &str = "2026-02-02T04:00:00Z";
const QUIET_BEGINS: &str = "2026-02-03T02:00:00Z";

/// Quiet from 03:00 to 05:00 in Berlin, every day. `at(0)` is 03:40 there, and some milliseconds.
pub(super) fn quiet() -> PreferencesChange {
    let time = |text: &str| text.parse::<ClockTime>().unwrap();
    let window = QuietWindow { days: (1..=7).collect(), from: time("03:00"), to: time("05:00") };
    let zone = Some(Some("Europe/Berlin".parse().unwrap()));
    PreferencesChange { quiet: Some(vec![window]), zone, ..PreferencesChange::default() }
}

fn pause(service: &Service, minutes: i64) -> PreferencesChange {
    let until = service.now() + TimeDelta::minutes(minutes);
    PreferencesChange { paused_until: Some(Some(until)), ..PreferencesChange::default() }
}

fn limit(owners: u32) -> PreferencesChange {
    PreferencesChange { max_alerts_per_day: Some(Some(owners)), ..PreferencesChange::default() }
}

fn strict(change: PreferencesChange) -> PreferencesChange {
    PreferencesChange { breakthrough: Some(Breakthrough::None), ..change }
}

impl Service {
    /// Changes the preferences of a helper as it is stored.
    pub(super) async fn prefer(&self, user: UserId, preferences: PreferencesChange) -> Account {
        let caller = actor(&self.store.account(user).await);
        let duty = Duty { preferences, ..Duty::default() };
        helpers::enlist(&self.people_ports(), &caller, duty).await.unwrap()
    }

    /// Raises an emergency at latitude and longitude 0.
    async fn raise(&self, owner: &Account, is_critical: bool) -> Raised {
        let priority = if is_critical { Priority::Critical } else { Priority::High };
        let severity = Severity::new(7).unwrap();
        let details = Details { priority, severity, ..call_of(owner).call().details.clone() };
        emergencies::raise(&self.context(), &actor(owner), details, None, false).await.unwrap()
    }

    /// How many helpers an emergency counts when it is raised, how many it alerts, and how many are counted around it.
    async fn reached(&self, is_critical: bool) -> (u32, u32, u32) {
        let owner = self.store.register().await;
        let Raised { emergency, nearby_helpers, .. } = self.raise(&owner, is_critical).await;
        let (on_duty, places) = (self.rules.on_duty(self.now()), self.rules.places);
        let vicinity =
            Vicinity { emergency: emergency.id(), reader: owner.id, on_duty, radius: metres(5_000.0), places };
        let around = self.store.helpers.around(&vicinity).await.unwrap().unwrap();
        let place = places.alert_place(&emergency.call().details);
        let around = around.available.count_within(place, metres(5_000.0));
        let alerted = emergency.alerts().alerted;
        self.withdraw(emergency.id(), &owner).await;
        (nearby_helpers, alerted, around)
    }

    fn advance_to(&self, time: &str) {
        self.advance(time.parse::<Timestamp>().unwrap() - self.now());
    }

    async fn review(&self) {
        let (cx, since) = (self.people_ports(), self.now() - TimeDelta::seconds(10));
        while review_due(&cx, &self.store.helpers, since).await.unwrap() > 0 {}
    }

    async fn scope(&self, user: UserId) -> AlertScope {
        self.store.account(user).await.helper.unwrap().scope
    }
}

pub async fn helpers_that_are_away_are_neither_alerted_nor_counted_unless_an_emergency_breaks_through(store: Store) {
    telling(store, |service| async move {
        let [a, b, c] = service.helpers([1, 2, 3]).await.try_into().unwrap();
        assert_eq!(service.reached(false).await, (3, 3, 3));
        service.prefer(a.id, quiet()).await;
        service.prefer(b.id, strict(pause(&service, 30))).await;
        let open = PreferencesChange { breakthrough: Some(Breakthrough::All), ..quiet() };
        service.prefer(c.id, open).await;
        assert_eq!(service.reached(false).await, (1, 1, 1), "only the one whom all reach");
        assert_eq!(service.reached(true).await, (2, 2, 2), "and the one whom critical ones reach");
        // Both end by themselves, to the microsecond, and the next quiet hours begin by themselves.
        service.advance(TimeDelta::minutes(30));
        assert_eq!(service.reached(false).await, (2, 2, 2));
        service.advance_to(QUIET_ENDS);
        service.advance(TimeDelta::microseconds(-1));
        assert_eq!(service.reached(false).await, (2, 2, 2));
        service.advance(TimeDelta::microseconds(1));
        assert_eq!(service.reached(false).await, (3, 3, 3));
        service.review().await;
        service.advance_to(QUIET_BEGINS);
        assert_eq!(service.reached(false).await, (2, 2, 2));
    })
    .await;
}

pub async fn an_owner_who_is_away_does_not_count_at_their_own_anonymous_emergency(store: Store) {
    telling(store, |service| async move {
        let [owner] = service.helpers([1]).await.try_into().unwrap();
        for (away, counted) in [(false, 1), (true, 0)] {
            if away {
                service.prefer(owner.id, pause(&service, 30)).await;
            }
            let details = Details { anonymous: true, ..call_of(&owner).call().details.clone() };
            let raised = emergencies::raise(&service.context(), &actor(&owner), details, None, false).await.unwrap();
            let of = raised.emergency.id();
            let told = service.events(of).await.into_iter().find_map(|logged| match logged.event {
                Event::EmergencyCreated { nearby_helpers, .. } => Some(nearby_helpers),
                _ => None,
            });
            assert_eq!(told, Some(counted), "away: {away}");
            service.withdraw(of, &owner).await;
        }
    })
    .await;
}

pub async fn a_first_position_knows_the_absence(store: Store) {
    telling(store, |service| async move {
        let helper = service.store.helper().await;
        service.prefer(helper.id, pause(&service, 30)).await;
        service.locate(&helper, 1_000.0).await;
        assert_eq!(service.reached(false).await, (0, 0, 0));
        assert_eq!(service.reached(true).await, (1, 1, 1));
    })
    .await;
}

pub async fn an_alert_is_not_repeated_to_a_helper_that_is_away_meanwhile(store: Store) {
    telling(store, |service| async move {
        let [helper] = service.helpers([1]).await.try_into().unwrap();
        let of = service.raise(&service.store.register().await, false).await.emergency.id();
        service.prefer(helper.id, pause(&service, 2)).await;
        service.minute().await;
        let rings = |story: Vec<String>| story.iter().filter(|event| event.ends_with(": 0")).count();
        assert_eq!(rings(service.story(of).await), 1);
        // The pause is over by the next repetition, which is a late one.
        for _ in 0..10 {
            service.minute().await;
        }
        assert_eq!(rings(service.story(of).await), 2);
    })
    .await;
}

pub async fn helpers_that_are_passed_over_are_counted_by_reason(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([1, 2, 3, 1, 2, 3, 3, 7, 9, 20]).await.try_into().unwrap();
        let [first, _, _, quiet_helper, paused, limited, engaged, far, _, too_far]: [Account; 10] = helpers;
        service.accept(service.raise(&service.store.register().await, false).await.emergency.id(), &engaged).await;
        service.prefer(quiet_helper.id, quiet()).await;
        service.prefer(limited.id, limit(1)).await;
        for helper in [&paused, &far, &too_far] {
            // A pause in quiet hours counts as a pause.
            let pause = PreferencesChange { paused_until: pause(&service, 30).paused_until, ..quiet() };
            service.prefer(helper.id, pause).await;
        }
        let skipped = async |of| service.store.find(of).await.search().skipped;
        let of = service.raise(&service.store.register().await, false).await.emergency.id();
        let each = SkippedCounts { quiet: 1, paused: 1, engaged: 1, limit: 1 };
        assert_eq!(skipped(of).await, each, "within 5 km");
        // Was alerted, and so was not passed over.
        service.prefer(first.id, quiet()).await;
        service.minute().await;
        assert_eq!(skipped(of).await, SkippedCounts { paused: 2, ..each }, "within 10 km");
        let critical = service.raise(&service.store.register().await, true).await.emergency.id();
        assert_eq!(skipped(critical).await, SkippedCounts { engaged: 1, ..SkippedCounts::default() });
        // Quiet hours go on after the pause.
        service.advance(TimeDelta::minutes(30));
        service.locate(&paused, 2_000.0).await;
        let of = service.raise(&service.store.register().await, false).await.emergency.id();
        assert_eq!(skipped(of).await.paused, 0);
    })
    .await;
}

pub async fn a_helper_that_is_available_again_is_looked_at(store: Store) {
    telling(store, |service| async move {
        let [helper] = service.helpers([1]).await.try_into().unwrap();
        service.prefer(helper.id, pause(&service, 5)).await;
        let of = service.raise(&service.store.register().await, false).await.emergency.id();
        let look = async || {
            let found: Vec<EmergencyId> = vec![of];
            alerts::alert_found(&service.context(), &found, helper.id, None).await.unwrap()
        };
        assert_eq!(look().await, [], "to be looked at again");
        service.advance(TimeDelta::minutes(5));
        service.review().await;
        assert_eq!(look().await, [of]);
        assert_eq!(service.store.find(of).await.alerts().alerted, 1);
    })
    .await;
}

pub async fn the_limit_counts_different_owners_in_a_day_and_never_stops_a_critical_emergency(store: Store) {
    telling(store, |service| async move {
        let [helper] = service.helpers([1]).await.try_into().unwrap();
        service.prefer(helper.id, limit(2)).await;
        let owner = service.store.register().await;
        for _ in 0..3 {
            let raised = service.raise(&owner, false).await;
            assert_eq!(raised.emergency.alerts().alerted, 1, "of one owner");
            service.withdraw(raised.emergency.id(), &owner).await;
            service.advance(TimeDelta::minutes(1));
        }
        assert_eq!(service.reached(false).await, (1, 1, 1), "of a second owner");
        assert_eq!(service.reached(false).await, (0, 0, 0), "not of a third one");
        let raised = service.raise(&owner, false).await;
        assert_eq!(raised.emergency.alerts().alerted, 1, "an owner who counts already");
        service.withdraw(raised.emergency.id(), &owner).await;
        assert_eq!(service.reached(true).await, (1, 1, 1));
        // Nor is it stopped when the helper is looked at alone.
        let of = service.raise(&service.store.register().await, false).await.emergency.id();
        assert_eq!(alerts::alert_found(&service.context(), &[of], helper.id, None).await.unwrap(), []);
        service.review().await;
        assert_eq!(service.scope(helper.id).await, AlertScope::Critical);
        service.advance(TimeDelta::hours(24) - TimeDelta::minutes(1));
        service.review().await;
        assert_eq!(service.scope(helper.id).await, AlertScope::Critical, "the last rings are not a day old");
        service.advance(TimeDelta::minutes(1));
        service.review().await;
        assert_eq!(service.scope(helper.id).await, AlertScope::All);
        service.locate(&helper, 1_000.0).await;
        assert_eq!(service.reached(false).await, (1, 1, 1));
    })
    .await;
}

pub async fn helpers_are_due_for_review_when_something_begins_or_ends(store: Store) {
    telling(store, |service| async move {
        let [quiet_helper, other] = service.helpers([1, 2]).await.try_into().unwrap();
        service.prefer(quiet_helper.id, quiet()).await;
        let due = async || {
            let found = service.store.helpers.due_for_review(service.now(), service.now(), 10).await.unwrap();
            found.into_iter().map(|due| (due.account, due.limit_ends_at)).collect::<Vec<_>>()
        };
        assert_eq!(due().await, []);
        service.advance_to(QUIET_ENDS);
        assert_eq!(due().await, [(service.store.account(quiet_helper.id).await, None)]);
        assert_eq!(service.scope(quiet_helper.id).await, AlertScope::Critical);
        service.review().await;
        assert_eq!(service.scope(quiet_helper.id).await, AlertScope::All);
        assert_eq!(due().await, []);
        // A limit that was reached before it was set.
        service.reached(false).await;
        let rung_at = service.now();
        service.advance(TimeDelta::minutes(1));
        service.prefer(other.id, limit(1)).await;
        assert_eq!(due().await, [(service.store.account(other.id).await, Some(rung_at + TimeDelta::hours(24)))]);
        service.review().await;
        assert_eq!(service.scope(other.id).await, AlertScope::Critical);
        assert_eq!(due().await, []);
    })
    .await;
}

pub async fn preferences_are_read_back_and_expected(store: Store) {
    telling(store, |service| async move {
        let before = service.store.helper().await;
        let change = PreferencesChange {
            max_alerts_per_day: Some(Some(50)),
            email: Some(true),
            ..strict(PreferencesChange { paused_until: pause(&service, 30).paused_until, ..quiet() })
        };
        let after = service.prefer(before.id, change).await;
        assert_eq!(service.store.account(before.id).await, after);
        let record = after.helper.clone().unwrap();
        assert_eq!((record.scope, record.preferences.max_alerts_per_day), (AlertScope::None, Some(50)));
        let with = |record: HelperRecord| Account { helper: Some(record), ..after.clone() };
        let others = AlertPreferences { max_alerts_per_day: Some(49), ..record.preferences.clone() };
        for (expected, holds) in [
            (after.clone(), true),
            (with(HelperRecord { preferences: others, ..record.clone() }), false),
            (with(HelperRecord { scope: AlertScope::All, ..record.clone() }), false),
            (before.clone(), false),
        ] {
            let outcome = service.store.try_write(Write::ExpectAccount(Box::new(expected))).await;
            assert_eq!(outcome.is_ok(), holds);
            assert!(holds || matches!(outcome, Err(Error::Stale)));
        }
        // The default is stored as such.
        let clear = PreferencesChange {
            quiet: Some(vec![]),
            zone: Some(None),
            paused_until: Some(None),
            breakthrough: Some(Breakthrough::Critical),
            max_alerts_per_day: Some(None),
            email: Some(false),
            sms: None,
        };
        service.prefer(before.id, clear).await;
        assert_eq!(service.store.account(before.id).await, before);
    })
    .await;
}

pub async fn reviews_by_two_nodes_are_recorded_once(store: Store) {
    telling(store, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let paused = service.helpers([1, 2, 3]).await;
        for helper in &paused {
            service.prefer(helper.id, pause(&service, 1)).await;
        }
        let mut tail = service.store.log.follow().await.unwrap();
        service.advance(TimeDelta::minutes(1));
        let [one, other] = nodes.map(|node| async move { node.review().await });
        tokio::join!(one, other);
        // Behind all that the reviews appended.
        let marker = Event::AccountBlocked { user: id() };
        service.store.changes.commit(change().account_event(marker.clone())).await.unwrap();
        let (mut told, mut is_over) = (Vec::new(), false);
        while !is_over {
            for event in tail.next().await.unwrap() {
                is_over |= event.event == marker;
                if let Event::HelperRightsChanged { user, on_duty: true, .. } = event.event {
                    told.push(user);
                }
            }
        }
        told.sort_unstable();
        let mut expected: Vec<_> = paused.iter().map(|helper| helper.id).collect();
        expected.sort_unstable();
        assert_eq!(told, expected);
    })
    .await;
}

pub async fn coverage_has_the_helpers_whom_a_new_emergency_would_count(store: Store) {
    telling(store, |service| async move {
        let helpers: [Account; 9] = service.helpers([1, 1, 1, 1, 2, 2, 2, 3, 40]).await.try_into().unwrap();
        let grid = service.rules.places.grid;
        let counted = async |of: &[usize], metres: &[f64]| {
            let mut expected = Coverage::new(grid);
            for &n in of {
                expected.add(service.locate(&helpers[n], metres[n]).await);
            }
            let found = service.store.helpers.coverage(service.rules.on_duty(service.now()), grid).await.unwrap();
            assert_eq!(found.cells(), expected.cells());
        };
        let metres = [1_000.0, 1_000.0, 1_000.0, 1_000.0, 2_000.0, 2_000.0, 2_000.0, 3_000.0, 40_000.0];
        counted(&[0, 1, 2, 3, 4, 5, 6, 7, 8], &metres).await;
        service.prefer(helpers[3].id, quiet()).await;
        service.prefer(helpers[4].id, pause(&service, 30)).await;
        let of = service.call().await;
        service.accept(of, &helpers[5]).await;
        service.raise_as(&helpers[6]).await;
        let off_duty = Duty { available: Some(false), ..Duty::default() };
        helpers::enlist(&service.people_ports(), &actor(&helpers[7]), off_duty).await.unwrap();
        counted(&[0, 1, 2, 8], &metres).await;
        service.advance(service.rules.position_ttl + TimeDelta::seconds(1));
        counted(&[1], &metres).await;
        service.store.resolve(of, service.now()).await;
    })
    .await;
}

pub async fn coverage_has_each_of_many_helpers_once(store: Store) {
    let mut chance = Chance(7);
    let mut degrees = |limit: u32| {
        f64::from(u32::try_from(chance.below(u64::from(limit) * 2_000)).unwrap()) / 1_000.0 - f64::from(limit)
    };
    let grid = allynet_domain::Grid::with_key([7; 16]);
    let (mut enlist, mut fixes, mut expected) = (change(), Vec::new(), Coverage::new(grid));
    for n in 0..600 {
        let account = new_account();
        // Half of them in one town.
        let position =
            if n % 2 == 0 { place(degrees(90), degrees(180)) } else { place(52.5, 13.4 + f64::from(n) / 10_000.0) };
        let user = account.id;
        fixes.push(Fix { user, position, at: at(0) }.into());
        expected.add(position);
        enlist = enlist
            .write(Write::RegisterAccount { account: Box::new(account), password: hash("$hash") })
            .write(Write::SetHelper { user, helper: verified(), role: Role::Helper });
    }
    store.commit(enlist).await;
    store.positions.record(&fixes).await.unwrap();
    let on_duty = OnDuty { policy: HelperPolicy::Verified, fresh_since: at(0), now: at(0) };
    let found = store.helpers.coverage(on_duty, grid).await.unwrap().cells();
    assert_eq!(found, expected.cells());
    assert!(found.iter().any(|cell| cell.on_duty.is_some_and(|count| count > 30)), "{found:?}");
}
