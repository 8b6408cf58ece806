//! The rules of what contacts are told.

use chrono::TimeDelta;

use super::*;
use crate::testing::{at, id};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

const LIVE: ReviewedEmergency =
    ReviewedEmergency { created_at: Timestamp::UNIX_EPOCH, unanswered_at: None, ended_at: None, silent: false };

fn live() -> ReviewedEmergency {
    ReviewedEmergency { created_at: at(0), ..LIVE }
}

fn ended(second: i64) -> ReviewedEmergency {
    ReviewedEmergency { ended_at: Some(at(second)), ..live() }
}

fn contact(n: u128, trigger: ContactTrigger, after_seconds: u32) -> ReviewedContact {
    ReviewedContact { id: id(n), trigger, after_seconds, lives_with_owner: false }
}

fn address(n: u128, contacts: Vec<ReviewedContact>) -> ReviewedAddress {
    ReviewedAddress { consent: id(n), accepts: true, contacts, notice: None, alerts: CountedAlerts::default() }
}

fn mum() -> ReviewedAddress {
    address(1, vec![contact(1, ContactTrigger::Created, 0)])
}

fn with(notice: StoredNotice) -> ReviewedAddress {
    ReviewedAddress { notice: Some(notice), ..mum() }
}

fn notice(queued: Option<NoticeKind>, told: Option<NoticeKind>) -> StoredNotice {
    StoredNotice { contact: id(1), queued, told, claimed_until: None, has_failed: false }
}

fn review(state: Option<ReviewedEmergency>, addresses: Vec<ReviewedAddress>) -> ContactReview {
    ContactReview { emergency: id(7), owner: id(8), lease_until: at(0), state, alerts_after: None, addresses }
}

/// What is queued, and what was told before, for the only address.
fn queued(
    state: Option<ReviewedEmergency>,
    of: ReviewedAddress,
    second: i64,
) -> Option<(Option<NoticeKind>, Option<NoticeKind>)> {
    let plan = review(state, vec![of]).plan(at(second));
    assert!(plan.notices.len() < 2);
    plan.notices.first().map(|planned| (planned.queue, planned.told))
}

use NoticeKind::{Alert, Ended, Resumed};

#[test]
fn a_contact_is_told_when_the_delay_is_over_and_once() {
    let late = address(2, vec![contact(2, ContactTrigger::Created, 90)]);
    let plan = review(Some(live()), vec![mum(), late.clone()]).plan(at(0));
    let expected = PlannedNotice { consent: id(1), contact: id(1), told: None, queue: Some(Alert), turn_at: at(0) };
    assert_eq!(plan, ReviewPlan { notices: vec![expected], next_at: Some(at(90)), is_over: false });
    assert_eq!(queued(Some(live()), late.clone(), 89), None);
    assert_eq!(queued(Some(live()), late, 90), Some((Some(Alert), None)));
    for stored in [notice(Some(Alert), None), notice(None, Some(Alert)), notice(None, Some(Resumed))] {
        assert_eq!(queued(Some(live()), with(stored), 900), None);
        assert_eq!(review(Some(live()), vec![with(stored)]).plan(at(900)).next_at, None);
    }
}

#[test]
fn contacts_of_one_emergency_take_turns_with_others() {
    let plan = review(Some(live()), (1..4).map(|n| ReviewedAddress { consent: id(n), ..mum() }).collect()).plan(at(5));
    assert_eq!(plan.notices.iter().map(|planned| planned.turn_at).collect::<Vec<_>>(), [at(5), at(15), at(25)]);
}

#[test]
fn an_address_with_several_contacts_is_told_by_the_first_that_is_due() {
    let both = vec![contact(1, ContactTrigger::Created, 60), contact(2, ContactTrigger::Created, 5)];
    let plan = review(Some(live()), vec![address(1, both)]).plan(at(5));
    assert_eq!(plan.notices.iter().map(|planned| planned.contact).collect::<Vec<_>>(), [id(2)]);
}

#[test]
fn contacts_that_wait_for_an_answer_are_told_when_there_is_none() {
    let of = address(1, vec![contact(1, ContactTrigger::Unanswered, 30)]);
    assert_eq!(queued(Some(live()), of.clone(), HOUR), None);
    assert_eq!(review(Some(live()), vec![of.clone()]).plan(at(HOUR)).next_at, None);
    let unanswered = ReviewedEmergency { unanswered_at: Some(at(100)), ..live() };
    assert_eq!(review(Some(unanswered), vec![of.clone()]).plan(at(100)).next_at, Some(at(130)));
    assert_eq!(queued(Some(unanswered), of, 130), Some((Some(Alert), None)));
}

#[test]
fn contacts_that_live_with_the_owner_are_left_out_of_a_silent_emergency() {
    let mut of = mum();
    of.contacts[0].lives_with_owner = true;
    let silent = ReviewedEmergency { silent: true, ..live() };
    assert_eq!(queued(Some(silent), of.clone(), 5), None);
    assert_eq!(queued(Some(live()), of.clone(), 5), Some((Some(Alert), None)));
    of.contacts.push(contact(2, ContactTrigger::Created, 0));
    assert_eq!(queued(Some(silent), of, 5), Some((Some(Alert), None)), "another contact with the address");
}

#[test]
fn addresses_that_do_not_accept_or_were_given_up_are_told_nothing() {
    let closed = |stored| ReviewedAddress { accepts: false, notice: stored, ..mum() };
    assert_eq!(queued(Some(live()), closed(None), 5), None);
    assert_eq!(queued(Some(live()), closed(Some(notice(Some(Alert), None))), 5), Some((None, None)));
    assert_eq!(queued(Some(ended(9)), closed(Some(notice(None, Some(Alert)))), 10), None);
    let failed = StoredNotice { has_failed: true, ..notice(None, None) };
    assert_eq!(queued(Some(live()), with(failed), 5), None);
}

#[test]
fn an_emergency_that_ended_before_a_contact_was_told_is_told_to_none() {
    assert_eq!(queued(Some(ended(9)), mum(), 10), None);
    assert_eq!(queued(None, mum(), 10), None);
    assert_eq!(queued(Some(ended(9)), with(notice(Some(Alert), None)), 10), Some((None, None)));
}

#[test]
fn an_address_that_was_told_hears_the_end_also_of_a_deleted_emergency() {
    for state in [Some(ended(9)), None] {
        for told in [Alert, Resumed] {
            assert_eq!(queued(state, with(notice(None, Some(told))), 10), Some((Some(Ended), Some(told))));
        }
        assert_eq!(queued(state, with(notice(Some(Ended), Some(Alert))), 10), None);
        assert_eq!(queued(state, with(notice(None, Some(Ended))), 10), None);
        let removed = ReviewedAddress { contacts: vec![], ..with(notice(None, Some(Alert))) };
        assert_eq!(queued(state, removed, 10), Some((Some(Ended), Some(Alert))), "the contact was removed");
    }
    assert_eq!(queued(Some(ended(0)), with(notice(None, Some(Alert))), 24 * HOUR), None, "not a day later");
}

#[test]
fn an_address_that_heard_the_end_hears_that_the_emergency_goes_on() {
    assert_eq!(queued(Some(live()), with(notice(None, Some(Ended))), 10), Some((Some(Resumed), Some(Ended))));
    assert_eq!(queued(Some(live()), with(notice(Some(Ended), Some(Alert))), 10), Some((None, Some(Alert))));
    let removed = ReviewedAddress { contacts: vec![], ..with(notice(None, Some(Ended))) };
    assert_eq!(queued(Some(live()), removed, 10), None, "the contact was removed");
}

#[test]
fn what_is_being_sent_is_looked_at_when_the_claim_ends() {
    let claimed = |until| StoredNotice { claimed_until: Some(at(until)), ..notice(Some(Alert), None) };
    let plan = review(Some(ended(9)), vec![with(claimed(70))]).plan(at(10));
    assert_eq!(plan, ReviewPlan { notices: vec![], next_at: Some(at(70)), is_over: false });
    // The node died, and may have sent it.
    assert_eq!(queued(Some(ended(9)), with(claimed(70)), 70), Some((Some(Ended), Some(Alert))));
    assert_eq!(queued(Some(live()), with(claimed(70)), 70), None, "sent again");
    let end = StoredNotice { claimed_until: Some(at(70)), ..notice(Some(Ended), Some(Alert)) };
    assert_eq!(queued(Some(live()), with(end), 70), Some((Some(Resumed), Some(Ended))));
}

#[test]
fn all_is_deleted_when_the_page_is_closed_and_the_end_is_told() {
    let reviewed = |state, notice, second| {
        let plan = review(state, vec![with(notice)]).plan(at(second));
        (plan.next_at, plan.is_over)
    };
    let told = notice(None, Some(Ended));
    assert_eq!(reviewed(Some(ended(0)), told, 5), (Some(at(2 * HOUR)), false));
    assert_eq!(reviewed(Some(ended(0)), told, 2 * HOUR), (None, true));
    assert_eq!(reviewed(None, told, 5), (None, true));
    let waiting = notice(Some(Ended), Some(Alert));
    assert_eq!(reviewed(Some(ended(0)), waiting, 2 * HOUR), (Some(at(3 * HOUR)), false));
    assert_eq!(reviewed(None, waiting, 5), (Some(at(5 + HOUR)), false));
    assert_eq!(reviewed(Some(ended(0)), waiting, 24 * HOUR), (None, true));
    assert_eq!(reviewed(Some(live()), notice(None, Some(Alert)), 5), (None, false));
}

#[test]
fn alerts_that_were_due_before_a_restore_are_not_sent() {
    let late = address(2, vec![contact(2, ContactTrigger::Created, 90)]);
    let mut restored = review(Some(live()), vec![mum(), late]);
    restored.alerts_after = Some(at(50));
    assert_eq!(restored.plan(at(60)), ReviewPlan { notices: vec![], next_at: Some(at(90)), is_over: false });
    assert_eq!(restored.plan(at(90)).notices.len(), 1);
}

fn due(attempts: u32) -> DueNotice {
    DueNotice {
        id: id(9),
        mail: uuid::Uuid::from_u128(10),
        kind: Alert,
        emergency: id(7),
        owner: id(8),
        contact: id(1),
        consent: id(1),
        email: "mum@example.org".parse().unwrap(),
        first_name: Name::parse("Ada").unwrap(),
        last_name: None,
        locale: Locale::English,
        zone: None,
        attempts,
        queued_at: at(0),
        lease_until: at(0),
        call: None,
    }
}

#[test]
fn an_address_that_was_told_often_is_told_of_what_lasts() {
    let told = |count, since| ReviewedAddress { alerts: CountedAlerts { since: Some(at(since)), count }, ..mum() };
    let alerted = |address, second| queued(Some(live()), address, second).is_some();
    assert!(alerted(told(MAX_PROMPT_ALERTS - 1, -60), 1));
    assert!(!alerted(told(MAX_PROMPT_ALERTS, -60), 59));
    assert!(alerted(told(MAX_PROMPT_ALERTS, -60), 60));
    assert!(alerted(told(MAX_PROMPT_ALERTS, 1 - 600), 1), "that was ten minutes ago");
    // It is looked at again when it has lasted.
    let plan = review(Some(live()), vec![told(MAX_PROMPT_ALERTS, -60)]).plan(at(1));
    assert_eq!(plan.next_at, Some(at(60)));
}

#[test]
fn sending_is_tried_for_a_day_at_growing_intervals() {
    for (attempts, delay) in [(0, 5), (1, 10), (5, 300), (6, 300), (u32::MAX, 300)] {
        let note = NoticeNote::after_failure(&due(attempts), at(HOUR));
        assert_eq!(note, NoticeNote::Retry(at(HOUR) + TimeDelta::seconds(delay)));
    }
    assert_eq!(NoticeNote::after_failure(&due(9), at(24 * HOUR)), NoticeNote::GivenUp);
}

#[test]
fn an_owner_is_told_of_alerts_and_not_of_ends() {
    for kind in [Alert, Resumed] {
        assert_eq!(NoticeNote::Sent.state(kind), Some(NoticeState::Sent));
        assert_eq!(NoticeNote::Retry(at(1)).state(kind), None);
        for failed in [NoticeNote::GivenUp, NoticeNote::Undeliverable] {
            assert_eq!(failed.state(kind), Some(NoticeState::Failed));
        }
    }
    assert_eq!(NoticeNote::Sent.state(Ended), None);
}
