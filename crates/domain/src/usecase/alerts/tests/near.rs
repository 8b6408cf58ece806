//! Helpers who come near an emergency that nobody has answered.

use super::*;
use crate::{
    Account, AlertCounts, LoggedEvent, ResponseStatus,
    given::{
        ALAN, GRACE, NOBODY, account, anonymous, call, clock, helper, recipient, resolved, told_by_nobody, updated,
        with_responses,
    },
    port::{Fix, MockAccounts, MockPositions},
    usecase::{
        Rules,
        emergencies::tests::{alert, declined, refusal, stale, the_emergency},
        helpers,
    },
};

/// So far north of the call, in metres, to within a thousandth.
fn north(metres: f64) -> Position {
    let here = details().location.position;
    Position::new(here.latitude() + metres / 111_270.0, here.longitude()).unwrap()
}

fn distance(position: Position) -> f64 {
    position.distance_to(details().location.position).get()
}

#[tokio::test]
async fn one_who_comes_within_the_alert_radius_is_alerted_with_the_current_wave() {
    for before in [emergency(), anonymous(emergency()), Emergency { next_alert_at: None, ..emergency() }] {
        let (cx, committed) = service(&before, &[alert(ALAN)], nobody_asked());
        let place = north(4_000.0);
        assert!(reach(&cx, the_emergency(), id(GRACE), place).await.unwrap());
        let change = committed.only();
        let alerts = AlertCounts { alerted: before.alerts.alerted + 1, ..before.alerts };
        let (write, event) = sent(&before, &[recipient(GRACE, distance(place))]);
        assert_eq!(updated(&change), (Emergency { alerts, ..before }, vec![]), "neither radius nor timer change");
        assert_eq!(change.writes[1..], [write]);
        assert_eq!(told_by_nobody(&change), [event]);
    }
}

#[tokio::test]
async fn nobody_is_reached_twice_or_for_nothing() {
    let responding = with_responses(&[(ALAN, ResponseStatus::OnWay)]);
    let left = with_responses(&[(GRACE, ResponseStatus::Cancelled)]);
    let never = Alert { wave: None, ..declined(GRACE) };
    for (emergency, alerts, who, metres, settled) in [
        (emergency(), vec![alert(GRACE)], GRACE, 10.0, true),
        (emergency(), vec![declined(GRACE)], GRACE, 10.0, true),
        (emergency(), vec![never], GRACE, 10.0, true),
        (left, vec![], GRACE, 10.0, true),
        (emergency(), vec![], OWNER, 10.0, true),
        (resolved(emergency()), vec![], GRACE, 10.0, true),
        // These may have to be reached yet: when the radius grows, or nobody responds any more.
        (emergency(), vec![], GRACE, 5_100.0, false),
        (responding, vec![], GRACE, 10.0, false),
    ] {
        let (cx, committed) = service(&emergency, &alerts, nobody_asked());
        assert_eq!(reach(&cx, the_emergency(), id(who), north(metres)).await.unwrap(), settled);
        assert!(committed.nothing());
    }
}

#[tokio::test]
async fn one_who_comes_near_while_something_changes_is_looked_at_again() {
    let (cx, committed) = service_that(holding(&emergency(), &[]), nobody_asked(), stale(2));
    assert!(reach(&cx, the_emergency(), id(GRACE), north(10.0)).await.unwrap());
    assert_eq!(committed.attempts().len(), 3);
}

/// What is known of [`emergency`] by the log.
fn watched() -> Unanswered {
    let unanswered = Unanswered::default();
    let (status, recipients) = (EmergencyStatus::Active, vec![]);
    let alerted = Event::HelpersAlerted { call: call(), status, wave: 1, radius: emergency().alert_radius, recipients };
    let of = Some(the_emergency());
    unanswered.observe(&LoggedEvent {
        id: crate::EventId::new(1),
        at: at(0),
        emergency: of,
        actor: None,
        event: alerted,
    });
    unanswered
}

/// Accounts and positions, of which this is the only one. Both may be asked so often.
fn people(account: Account, accounts_asked: usize, last: Option<Fix>, positions_asked: usize) -> helpers::Context {
    let (mut accounts, mut positions) = (MockAccounts::new(), MockPositions::new());
    accounts.expect_find().times(accounts_asked).returning(move |_| Ok(Some(account.clone())));
    positions.expect_last().times(positions_asked).returning(move |_| Ok(last));
    helpers::Context {
        accounts: Arc::new(accounts),
        changes: store(vec![]).0,
        positions: Arc::new(positions),
        clock: clock(),
        rules: Rules::default(),
    }
}

#[tokio::test]
async fn a_helper_on_duty_who_moves_near_is_alerted_once() {
    let (cx, committed) = service(&emergency(), &[], nobody_asked());
    let (unanswered, people) = (watched(), people(helper(GRACE), 1, None, 0));
    for _ in 0..3 {
        notice(&cx, &people, &unanswered, id(GRACE), Some(north(10.0))).await.unwrap();
    }
    assert_eq!(committed.attempts().len(), 1);
}

#[tokio::test]
async fn one_who_comes_online_is_taken_to_be_where_they_last_were() {
    let long_ago = now() - chrono::TimeDelta::hours(24) - chrono::TimeDelta::seconds(1);
    for (fix, alerted) in [
        (Some((north(10.0), at(0))), true),
        (Some((north(10.0), long_ago)), false),
        (Some((north(6_000.0), at(0))), false),
        (None, false),
    ] {
        let (cx, committed) = service(&emergency(), &[], nobody_asked());
        let last = fix.map(|(position, at)| Fix { user: id(GRACE), position, at });
        let people = people(helper(GRACE), usize::from(alerted), last, 1);
        notice(&cx, &people, &watched(), id(GRACE), None).await.unwrap();
        assert_eq!(committed.nothing(), !alerted, "{fix:?}");
    }
}

#[tokio::test]
async fn only_helpers_on_duty_are_noticed() {
    let off_duty =
        Account { helper: Some(crate::given::record(crate::Verification::Verified, false)), ..helper(GRACE) };
    for account in [account(NOBODY), off_duty, Account { blocked: true, ..helper(GRACE) }] {
        let (cx, committed) = service(&emergency(), &[], nobody_asked());
        let who = account.id;
        notice(&cx, &people(account, 1, None, 0), &watched(), who, Some(north(10.0))).await.unwrap();
        assert!(committed.nothing());
    }
}

#[tokio::test]
async fn where_nobody_waits_no_port_is_asked() {
    let (cx, committed) = service(&emergency(), &[], nobody_asked());
    let people = people(helper(GRACE), 0, None, 0);
    for position in [Some(north(10.0)), None] {
        notice(&cx, &people, &Unanswered::default(), id(GRACE), position).await.unwrap();
    }
    notice(&cx, &people, &watched(), id(GRACE), Some(north(6_000.0))).await.unwrap();
    assert!(committed.nothing());
}

#[tokio::test]
async fn what_was_deleted_meanwhile_is_looked_at_once() {
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_load().times(1).returning(|_| Ok(None));
    let (cx, _) = service_that(emergencies, nobody_asked(), vec![]);
    let outcome = reach(&service(&emergency(), &[], nobody_asked()).0, id(404), id(GRACE), north(10.0)).await;
    assert_eq!(refusal(outcome), Refusal::EmergencyNotFound);
    let (unanswered, people) = (watched(), people(helper(GRACE), 1, None, 0));
    for _ in 0..2 {
        notice(&cx, &people, &unanswered, id(GRACE), Some(north(10.0))).await.unwrap();
    }
}
