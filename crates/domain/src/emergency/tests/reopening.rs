//! Undoing an end by a helper.

use chrono::TimeDelta;

use super::*;
use crate::{Person, testing::edited};

const REOPEN_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// Resolved by [`GRACE_HOPPER`] at `at(10)`.
fn ended_by_helper(responses: &[(u128, ResponseStatus)]) -> Emergency {
    let mut emergency = with_responses(responses);
    emergency.resolve(id(GRACE_HOPPER), Relation::RespondingHelper, None, at(10)).unwrap();
    emergency
}

fn reopened(emergency: &Emergency, by: u128, relation: Relation, at: Timestamp) -> Result<Emergency, Refusal> {
    let mut emergency = emergency.clone();
    let available = [id(GRACE_HOPPER), id(ALAN), id(5)];
    emergency.reopen(id(by), relation, &available, REOPEN_WITHIN, at).map(|_| emergency)
}

#[test]
fn responses_that_were_open_come_back_at_most_on_their_way_and_help_is_searched() {
    let ended = ended_by_helper(&[
        (GRACE_HOPPER, Arrived),
        (ALAN, Responding),
        (4, OnWay),
        (5, Completed),
        (6, Completed),
        (7, Cancelled),
    ]);
    let after = reopened(&ended, OWNER, Relation::Owner, at(20)).unwrap();
    let statuses: Vec<_> = after.responses().iter().map(|r| r.status).collect();
    // Helpers 4 and 6 may no longer help, or helper 4 responds elsewhere.
    assert_eq!(statuses, [OnWay, Responding, Cancelled, Completed, Cancelled, Cancelled]);
    assert_eq!((after.status(), after.ending()), (EmergencyStatus::Responding, None));
    assert!(!after.search().is_running(), "renewed by the use case");
    assert!(after.responses()[0].record.end_undone && !after.responses()[1].record.end_undone);

    let mut unavailable = ended.clone();
    let changed = unavailable.reopen(id(OWNER), Relation::Owner, &[], REOPEN_WITHIN, at(20)).unwrap();
    assert_eq!(unavailable.status(), EmergencyStatus::Active);
    assert!(changed.search.must_renew);
    assert_eq!(changed.responses.len(), 5, "all but the cancelled one");
}

#[test]
fn what_is_left_of_a_thinned_emergency_names_nobody_and_is_not_reopened() {
    let ended = ended_by_helper(&[(GRACE_HOPPER, OnWay)]);
    let thinned = edited(ended, |e| e.search.is_thinned = true);
    let names = |person: &Person| (person.first_name.as_str().to_owned(), person.last_name.clone());
    for person in [&thinned.call().owner, &thinned.responses()[0].helper.person] {
        assert_eq!(names(person), ("User".to_owned(), None));
    }
    assert_eq!(reopened(&thinned, OWNER, Relation::Owner, at(20)), Err(Refusal::NotReopenable));
}

#[test]
fn owner_administrator_and_who_was_engaged_reopen_and_no_others() {
    let ended = ended_by_helper(&[(GRACE_HOPPER, Completed), (ALAN, OnWay), (4, Cancelled)]);
    for (by, relation, allowed) in [
        (OWNER, Relation::Owner, true),
        (ADMIN, Relation::Admin, true),
        (ALAN, Relation::RespondingHelper, true),
        (GRACE_HOPPER, Relation::RespondingHelper, false),
        (4, Relation::Helper, false),
        (STRANGER, Relation::Stranger, false),
    ] {
        let outcome = reopened(&ended, by, relation, at(20)).map(drop);
        assert_eq!(outcome, if allowed { Ok(()) } else { Err(Refusal::NotAuthorized) }, "{relation:?}");
    }
}

#[test]
fn only_an_end_by_a_helper_is_undone_and_only_soon() {
    let ended = ended_by_helper(&[(GRACE_HOPPER, OnWay)]);
    assert!(reopened(&ended, OWNER, Relation::Owner, at(10) + REOPEN_WITHIN).is_ok());
    let late = at(11) + REOPEN_WITHIN;
    assert_eq!(reopened(&ended, OWNER, Relation::Owner, late).map(drop), Err(Refusal::NotReopenable));
    let live = with_responses(&[(GRACE_HOPPER, OnWay)]);
    for other in [resolved(live.clone()), cancelled(live.clone()), live] {
        assert_eq!(reopened(&other, OWNER, Relation::Owner, at(20)).map(drop), Err(Refusal::NotReopenable));
    }
}

#[test]
fn a_helper_reopens_it_once() {
    let ended = ended_by_helper(&[(GRACE_HOPPER, OnWay), (ALAN, OnWay)]);
    let mut again = reopened(&ended, ALAN, Relation::RespondingHelper, at(20)).unwrap();
    assert!(!again.responses()[0].record.end_undone, "only the owner takes the right to end it");
    again.resolve(id(GRACE_HOPPER), Relation::RespondingHelper, None, at(30)).unwrap();
    let twice = reopened(&again, ALAN, Relation::RespondingHelper, at(40)).map(drop);
    assert_eq!(twice, Err(Refusal::NotReopenable));
    assert!(reopened(&again, OWNER, Relation::Owner, at(40)).is_ok());
}

#[test]
fn a_helper_whose_end_the_owner_undid_does_not_end_it_again() {
    let ended = ended_by_helper(&[(GRACE_HOPPER, OnWay), (ALAN, OnWay)]);
    let mut again = reopened(&ended, OWNER, Relation::Owner, at(20)).unwrap();
    let refused = again.resolve(id(GRACE_HOPPER), Relation::RespondingHelper, None, at(30));
    assert_eq!(refused, Err(Refusal::NotAuthorized));
    assert!(again.clone().resolve(id(ALAN), Relation::RespondingHelper, None, at(30)).is_ok());
    assert!(again.resolve(id(OWNER), Relation::Owner, None, at(30)).is_ok());
}
