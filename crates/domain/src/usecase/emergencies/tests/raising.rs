//! Tests of raising an emergency: once, again, and while another one is live.

use super::*;
use crate::{
    AlertCounts, HeldAnnouncement, HelperPolicy, HelpersInRange, RecentRings, Recipient, SessionFix,
    port::OnDuty,
    testing::{
        Committed, OWNER, account, active_emergency, anonymous, at, details, edited, now, owner, recipient, store, text,
    },
};

/// Helpers at 4, 9 and 12 km: two within 5 km, too few; three within 10 km.
fn helpers() -> HelpersInRange {
    let nearest = vec![recipient(2, 3_000.0), recipient(3, 4_000.0), recipient(4, 9_000.0), recipient(5, 12_000.0)];
    HelpersInRange { counts: vec![2, 3, 4], nearest, skipped: vec![] }
}

fn context_with(helpers: HelpersInRange) -> RaiseContext {
    RaiseContext {
        earlier: None,
        deleted: None,
        helpers,
        hidden_from: vec![],
        owner_distance: None,
        owner_fix: None,
        rings: vec![],
        census: vec![],
    }
}

/// The results of successive queries when the owner raises an emergency; the last one repeats.
fn contexts(helpers: &HelpersInRange, looks: Vec<Option<Emergency>>) -> MockEmergencies {
    let mut emergencies = MockEmergencies::new();
    let (helpers, mut looks) = (helpers.clone(), looks.into_iter().peekable());
    emergencies.expect_raise_context().returning(move |query| {
        let fresh_since = now() - chrono::TimeDelta::hours(24);
        let anonymous = Details { anonymous: true, ..details() };
        let places = [details(), anonymous].map(|details| Rules::default().places.alert_place(&details));
        assert!(query.owner == id(OWNER) && places.contains(&query.place));
        assert_eq!(query.on_duty, OnDuty { policy: HelperPolicy::Verified, fresh_since, now: now() });
        assert!(query.radii.iter().map(|r| r.get()).eq([5_000.0, 10_000.0, 15_000.0]) && query.limit == 50);
        let look = looks.next().unwrap();
        if looks.peek().is_none() {
            looks = vec![look.clone()].into_iter().peekable();
        }
        let owner_distance = Some(Metres::new(9_500.0));
        Ok(RaiseContext { earlier: look, owner_distance, ..context_with(helpers.clone()) })
    });
    emergencies
}

/// The ports over a store that returns these results for the owner's earlier emergencies.
fn service(earlier: Vec<Option<Emergency>>, outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    (context(contexts(&helpers(), earlier), changes), committed)
}

fn with_request(request: &str) -> Emergency {
    edited(active_emergency(), |e| e.request_id = Some(text(request)))
}

#[tokio::test]
async fn an_account_that_was_deleted_meanwhile_raises_nothing() {
    let (cx, _) = service(vec![None], conflict(Constraint::Owner));
    assert_eq!(refusal(raise(&cx, &owner(), details(), None, false).await), Refusal::TokenInvalid);
}

#[tokio::test]
async fn a_call_is_stored_with_its_first_wave_and_the_owners_receipt() {
    let (cx, committed) = service(vec![None], vec![]);
    let raised = raise(&cx, &owner(), details(), Some(text("r-1")), false).await.unwrap();
    let emergency = raised.emergency.clone();
    assert_eq!((raised.new, raised.nearby_helpers), (true, 3));
    assert_eq!(*emergency.call(), Call { id: id(1000), created_at: now(), ..crate::testing::call() });
    assert_eq!((emergency.status(), emergency.alert_radius().get()), (EmergencyStatus::Active, 10_000.0));
    assert_eq!(emergency.request_id(), Some(&text("r-1")));
    assert_eq!(emergency.next_alert_at(), Some(at(60)), "places are looked at in half a minute");
    assert_eq!(emergency.alerts(), AlertCounts { wave: 1, alerted: 3, ..AlertCounts::default() });
    assert_eq!((emergency.ending(), emergency.responses().len(), emergency.first_response_at()), (None, 0, None));

    let recipients: Vec<Recipient> = helpers().nearest[..3].to_vec();
    let receipt = Message {
        id: id(1001),
        emergency: emergency.id(),
        owner: id(OWNER),
        anonymous: false,
        from: Sender::System,
        to: To::Creator,
        text: text("Your emergency call was received and stored. 3 helpers are being alerted."),
        created_at: now(),
    };
    let (call, status) = (emergency.call().clone(), EmergencyStatus::Active);
    let alerted = Event::HelpersAlerted {
        call: call.clone(),
        status,
        wave: 1,
        radius: emergency.alert_radius(),
        recipients: recipients.clone(),
        decision: None,
    };
    let devices = recipients.iter().map(|recipient| OutboxRecipient::alerted(recipient, false)).collect();
    let expected = Change::new(Some(id(OWNER)), now())
        .write(Write::RaiseEmergency(Box::new(emergency)))
        .event(
            call.id,
            Event::EmergencyCreated { call: call.clone(), nearby_helpers: 3, hidden_from: vec![], announced: true },
        )
        .write(Write::AnnounceEmergency(call.id))
        .write(Write::SendAlerts { emergency: call.id, wave: 1, recipients })
        .event(call.id, alerted)
        .send(OutboxKind::Alert, &call, devices, Rules::default().alert_ttl)
        .write(Write::PostMessage(receipt.clone()))
        .event(call.id, Event::MessagePosted { message: receipt });
    assert_eq!(committed.only(), expected);
}

#[tokio::test]
async fn the_receipt_of_an_anonymous_call_says_so() {
    let (cx, committed) = service(vec![None], vec![]);
    raise(&cx, &owner(), anonymous(active_emergency()).call().details.clone(), None, false).await.unwrap();
    let Some(Write::PostMessage(receipt)) = committed.only().writes.pop() else { panic!("no receipt") };
    assert!(receipt.anonymous);
}

#[tokio::test]
async fn an_anonymous_owner_is_counted_like_any_helper_but_to_themselves() {
    // Within the alert radius of 10 km, or not on duty, or outside of it.
    for (distance, anonymous, shown) in
        [(Some(9_999.0), true, 4), (Some(9_999.0), false, 3), (None, true, 3), (Some(10_001.0), true, 3)]
    {
        let mut emergencies = MockEmergencies::new();
        let owner_distance = distance.map(Metres::new);
        let context_of = move || RaiseContext { owner_distance, ..context_with(helpers()) };
        emergencies.expect_raise_context().returning(move |_| Ok(context_of()));
        let (changes, committed) = store(vec![]);
        let details = Details { anonymous, ..details() };
        let raised = raise(&context(emergencies, changes), &owner(), details, None, false).await.unwrap();
        assert_eq!((raised.nearby_helpers, raised.emergency.alerts().alerted), (3, 3));
        let change = committed.only();
        let created = change.events.iter().find_map(|new| match new.event {
            Event::EmergencyCreated { nearby_helpers, .. } => Some(nearby_helpers),
            _ => None,
        });
        assert_eq!(created, Some(shown), "{distance:?} {anonymous}");
        let Some(Write::PostMessage(receipt)) = change.writes.last() else { panic!("no receipt") };
        assert!(receipt.text.as_str().contains(" 3 helpers "), "{receipt:?}");
    }
}

#[tokio::test]
async fn without_helpers_no_alert_is_sent_and_the_owner_is_notified() {
    let (changes, committed) = store(vec![]);
    let nobody = HelpersInRange { counts: vec![0, 0, 0], nearest: vec![], skipped: vec![] };
    let cx = context(contexts(&nobody, vec![None]), changes);
    let raised = raise(&cx, &owner(), details(), None, false).await.unwrap();
    assert_eq!((raised.nearby_helpers, raised.emergency.alert_radius().get()), (0, 15_000.0));
    let change = committed.only();
    // The wave is logged without recipients, too: its event holds the radius of the search.
    let sent = |w: &Write| matches!(w, Write::SendAlerts { wave: 1, recipients, .. } if recipients.is_empty());
    assert!(change.writes.iter().any(sent), "{change:?}");
    let kinds: Vec<_> = change.events.iter().map(|e| e.event.kind()).collect();
    assert_eq!(kinds, ["emergency_created", "helpers_alerted", "message_posted", "unanswered"]);
}

#[tokio::test]
async fn blocks_leave_helpers_out_of_the_alerts_but_not_out_of_the_numbers() {
    // Of the helpers within each radius, only one at 9 km may be alerted.
    for (counts, radius, told) in [(vec![3, 4, 4], 5_000.0, 3), (vec![0, 0, 2], 15_000.0, 2)] {
        let last = *counts.last().unwrap();
        let mut emergencies = MockEmergencies::new();
        let hidden_from = vec![id(2), id(3)];
        let nearest = if last == 4 { vec![recipient(4, 9_000.0)] } else { vec![] };
        let helpers = HelpersInRange { counts, nearest, skipped: vec![] };
        let context_of = move || RaiseContext { hidden_from: hidden_from.clone(), ..context_with(helpers.clone()) };
        emergencies.expect_raise_context().returning(move |_| Ok(context_of()));
        let (changes, committed) = store(vec![]);
        let raised = raise(&context(emergencies, changes), &owner(), details(), None, false).await.unwrap();
        let (emergency, change) = (raised.emergency, committed.only());
        assert_eq!(
            (raised.nearby_helpers, emergency.alert_radius().get(), emergency.alerts().alerted),
            (told, radius, 0)
        );
        let created = change.events.iter().find_map(|new| match &new.event {
            Event::EmergencyCreated { nearby_helpers, hidden_from, .. } => Some((*nearby_helpers, hidden_from.clone())),
            _ => None,
        });
        assert_eq!(created, Some((told, vec![id(2), id(3)])));
        let Some(Write::PostMessage(receipt)) = change.writes.last() else { panic!("no receipt") };
        assert!(receipt.text.as_str().contains(&format!(" {told} helpers ")), "{receipt:?}");
        // A larger radius may hold somebody: the next wave is due at once, and the owner is told only after the last.
        let is_last = radius > 14_000.0;
        assert_eq!(emergency.search().due_at == Some(now()), !is_last);
        assert_eq!(change.events.iter().any(|new| matches!(new.event, Event::Unanswered { .. })), is_last);
        let is_pushed = change.sends.iter().any(|send| send.kind == OutboxKind::Unanswered);
        assert_eq!(is_pushed, is_last, "an owner without a connection hears of it, too");
    }
}

#[tokio::test]
async fn a_repeated_request_is_the_same_emergency_again() {
    let (cx, committed) = service(vec![Some(with_request("r-1"))], vec![]);
    let raised = raise(&cx, &owner(), details(), Some(text("r-1")), false).await.unwrap();
    // Two stand within the radius at which the earlier one alerted.
    assert_eq!(raised, Raised { emergency: with_request("r-1"), nearby_helpers: 2, new: false });
    assert!(committed.is_empty(), "the same request was stored twice");
}

#[tokio::test]
async fn a_request_repeated_while_the_first_is_stored_is_the_same_emergency() {
    for constraint in [Constraint::RequestId, Constraint::LiveEmergency] {
        let (cx, committed) = service(vec![None, Some(with_request("r-1"))], conflict(constraint));
        let raised = raise(&cx, &owner(), details(), Some(text("r-1")), false).await.unwrap();
        assert_eq!((raised.emergency, raised.new), (with_request("r-1"), false));
        assert_eq!(committed.attempts().len(), 1);
    }
}

#[tokio::test]
async fn the_request_id_of_what_has_ended_is_refused() {
    let ended = crate::testing::resolved(with_request("r-1"));
    let (cx, committed) = service(vec![Some(ended)], vec![]);
    let refused = || Refusal::RequestIdUsed { emergency: the_emergency() };
    assert_eq!(refusal(raise(&cx, &owner(), details(), Some(text("r-1")), false).await), refused());
    assert!(committed.is_empty());

    let (changes, committed) = store(vec![]);
    let mut emergencies = MockEmergencies::new();
    let of_deleted = RaiseContext { deleted: Some(the_emergency()), ..context_with(helpers()) };
    emergencies.expect_raise_context().returning(move |_| Ok(of_deleted.clone()));
    let cx = context(emergencies, changes);
    assert_eq!(refusal(raise(&cx, &owner(), details(), Some(text("r-1")), false).await), refused());
    assert!(committed.is_empty());
}

#[tokio::test]
async fn a_second_call_is_refused_with_the_live_one() {
    for (live, request) in
        [(active_emergency(), None), (with_request("r-1"), None), (with_request("r-1"), Some(text("r-2")))]
    {
        for (looks, outcomes) in
            [(vec![Some(live.clone())], vec![]), (vec![None, Some(live.clone())], conflict(Constraint::LiveEmergency))]
        {
            let tried = outcomes.len();
            let (cx, committed) = service(looks, outcomes);
            let outcome = raise(&cx, &owner(), details(), request.clone(), false).await;
            assert_eq!(refusal(outcome), Refusal::ActiveEmergencyExists { emergency: the_emergency() });
            assert_eq!(committed.attempts().len(), tried);
        }
    }
}

#[tokio::test]
async fn a_call_in_the_way_that_has_gone_is_no_obstacle() {
    let (cx, committed) = service(vec![None], conflict(Constraint::LiveEmergency));
    let raised = raise(&cx, &owner(), details(), None, false).await.unwrap();
    assert!(raised.new);
    assert_eq!(committed.attempts().len(), 2);
}

#[tokio::test]
async fn raising_gives_up_after_a_bounded_number_of_attempts() {
    let conflicts =
        std::iter::repeat_with(|| Err(port::Error::Conflict(Constraint::LiveEmergency))).take(2000).collect();
    let (cx, committed) = service(vec![None], conflicts);
    assert_eq!(refusal(raise(&cx, &owner(), details(), None, false).await), Refusal::Contended);
    assert_eq!(committed.attempts().len(), crate::usecase::retry::MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn other_failures_of_the_store_are_passed_on() {
    for error in [port::Error::unavailable("gone"), port::Error::Conflict(Constraint::Engaged)] {
        let (cx, committed) = service(vec![None], vec![Err(error)]);
        assert!(matches!(raise(&cx, &owner(), details(), None, false).await, Err(Error::Port(_))));
        assert_eq!(committed.attempts().len(), 1);
    }
}

#[tokio::test]
async fn any_account_may_raise_an_emergency() {
    let (cx, _) = service(vec![None], vec![]);
    let plain = crate::testing::actor(crate::Account { created_at: at(0), ..account(OWNER) });
    assert!(raise(&cx, &plain, details(), None, false).await.unwrap().new);
}

#[tokio::test]
async fn a_call_of_an_owner_who_has_raised_too_many_is_announced_later() {
    for (count, seconds_ago, is_announced) in [(4, 10, true), (5, 10, false), (5, 60, true)] {
        let mut emergencies = MockEmergencies::new();
        let last = now() - chrono::TimeDelta::seconds(seconds_ago);
        let rings = vec![RecentRings { helper: id(OWNER), count, last }];
        let context_of = move || RaiseContext { rings: rings.clone(), ..context_with(helpers()) };
        emergencies.expect_raise_context().returning(move |_| Ok(context_of()));
        let (changes, committed) = store(vec![]);
        let raised = raise(&context(emergencies, changes), &owner(), details(), None, false).await.unwrap();
        let (emergency, change) = (raised.emergency, committed.only());
        let due_at = last + chrono::TimeDelta::seconds(60);
        let held = (!is_announced).then_some(HeldAnnouncement { due_at, nearby_helpers: 3 });
        assert_eq!(emergency.search().held_announcement, held);
        assert_eq!(change.writes.contains(&Write::AnnounceEmergency(emergency.id())), is_announced);
        let created = change.events.iter().find_map(|new| match &new.event {
            Event::EmergencyCreated { announced, .. } => Some(*announced),
            _ => None,
        });
        assert_eq!(created, Some(is_announced), "{count} {seconds_ago}");
        assert_eq!(emergency.alerts().alerted, 3, "helpers that were not rung too often are alerted at once");
    }
}

#[tokio::test]
async fn a_place_follows_the_session_that_raises_it_there_unless_it_is_fixed() {
    let place = details().location.position;
    let session = owner().session;
    for (newest, fixed_place, follows) in
        [(Some(session), false, true), (Some(session), true, false), (Some(id(1)), false, false), (None, false, false)]
    {
        let owner_fix = newest.map(|session| SessionFix { session, position: place, at: now() });
        let mut emergencies = MockEmergencies::new();
        emergencies
            .expect_raise_context()
            .returning(move |_| Ok(RaiseContext { owner_fix, ..context_with(helpers()) }));
        let (changes, _) = store(vec![]);
        let raised = raise(&context(emergencies, changes), &owner(), details(), None, fixed_place).await.unwrap();
        assert_eq!(
            raised.emergency.call().movement.followed,
            owner_fix.filter(|_| follows),
            "{newest:?} {fixed_place}"
        );
    }
}
