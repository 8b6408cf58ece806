//! Helpers who come near an emergency that nobody has answered.

use super::*;
use crate::{
    AlertCounts, LoggedEvent, ResponseStatus,
    given::{
        ALAN, GRACE, anonymous, call, clock, details, recipient, resolved, told_by_nobody, updated, with_responses,
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

/// The one who is looked for is on duty, so far away.
fn here(helper: u128, metres: f64) -> Around {
    Around { nearest: vec![recipient(helper, metres)], whom: Whom::Only(id(helper)) }
}

/// The one who is looked for is not on duty near the emergency.
fn not_here(helper: u128) -> Around {
    Around { nearest: vec![], whom: Whom::Only(id(helper)) }
}

#[tokio::test]
async fn one_who_comes_within_the_alert_radius_is_alerted_with_the_current_wave() {
    for before in [emergency(), anonymous(emergency()), Emergency { next_alert_at: None, ..emergency() }] {
        let (cx, committed) = service(&before, &[alert(ALAN)], here(GRACE, 4_000.0));
        assert!(reach(&cx, the_emergency(), id(GRACE)).await.unwrap());
        let change = committed.only();
        let alerts = AlertCounts { alerted: before.alerts.alerted + 1, ..before.alerts };
        let (write, event) = sent(&before, &[recipient(GRACE, 4_000.0)]);
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
        let near = if who == OWNER { not_here(who) } else { here(who, metres) };
        let (cx, committed) = service(&emergency, &alerts, near);
        assert_eq!(reach(&cx, the_emergency(), id(who)).await.unwrap(), settled);
        assert!(committed.nothing());
    }
}

#[tokio::test]
async fn one_who_comes_near_while_something_changes_is_looked_at_again() {
    let (cx, committed) = service_that(holding_around(&emergency(), &[], here(GRACE, 10.0)), stale(2));
    assert!(reach(&cx, the_emergency(), id(GRACE)).await.unwrap());
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

/// Positions, of which this is the only one. They may be asked so often.
fn people(last: Option<Fix>, positions_asked: usize) -> helpers::HelperPorts {
    let mut positions = MockPositions::new();
    positions.expect_last().times(positions_asked).returning(move |_| Ok(last));
    helpers::HelperPorts {
        accounts: Arc::new(MockAccounts::new()),
        changes: store(vec![]).0,
        positions: Arc::new(positions),
        clock: clock(),
        rules: Rules::default(),
    }
}

#[tokio::test]
async fn a_helper_on_duty_who_moves_near_is_alerted_once() {
    let (cx, committed) = service(&emergency(), &[], here(GRACE, 10.0));
    let (unanswered, people) = (watched(), people(None, 0));
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
        let (cx, committed) = service(&emergency(), &[], here(GRACE, 10.0));
        let last = fix.map(|(position, at)| Fix { user: id(GRACE), position, at });
        notice(&cx, &people(last, 1), &watched(), id(GRACE), None).await.unwrap();
        assert_eq!(committed.nothing(), !alerted, "{fix:?}");
    }
}

#[tokio::test]
async fn only_helpers_on_duty_are_noticed_and_others_are_looked_at_again() {
    let (cx, committed) = service(&emergency(), &[], not_here(GRACE));
    let unanswered = watched();
    notice(&cx, &people(None, 0), &unanswered, id(GRACE), Some(north(10.0))).await.unwrap();
    assert!(committed.nothing());
    let (cx, committed) = service(&emergency(), &[], here(GRACE, 10.0));
    notice(&cx, &people(None, 0), &unanswered, id(GRACE), Some(north(10.0))).await.unwrap();
    assert_eq!(committed.attempts().len(), 1, "now on duty");
}

#[tokio::test]
async fn where_nobody_waits_no_port_is_asked() {
    let (cx, committed) = service_that(MockEmergencies::new(), vec![]);
    let people = people(None, 0);
    for position in [Some(north(10.0)), None] {
        notice(&cx, &people, &Unanswered::default(), id(GRACE), position).await.unwrap();
    }
    notice(&cx, &people, &watched(), id(GRACE), Some(north(6_000.0))).await.unwrap();
    assert!(committed.nothing());
}

#[tokio::test]
async fn what_was_deleted_meanwhile_is_looked_at_once() {
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_load().times(1).returning(|_, _| Ok(None));
    let (cx, _) = service_that(emergencies, vec![]);
    let outcome = reach(&service(&emergency(), &[], here(GRACE, 10.0)).0, id(404), id(GRACE)).await;
    assert_eq!(refusal(outcome), Refusal::EmergencyNotFound);
    let (unanswered, people) = (watched(), people(None, 0));
    for _ in 0..2 {
        notice(&cx, &people, &unanswered, id(GRACE), Some(north(10.0))).await.unwrap();
    }
}
