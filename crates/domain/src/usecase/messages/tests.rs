//! Tests of posting, reading and deleting messages, and of the changes that they commit.

use std::sync::Arc;

use super::*;
use crate::{
    Emergency, ResponseStatus, Timestamp, To,
    port::{Before, MockEmergencies, MockMessages},
    testing::{
        ALAN, Committed, EMERGENCY, GRACE_HOPPER, OWNER, STRANGER, account, active_emergency, actor, admin, anonymous,
        at, events_of, grace_hopper, helper, id, message, message_from_helper, message_from_owner, now, owner,
        resolved, store, text, with_responses,
    },
    usecase::emergencies::tests::{context, empty, refusal, stale, the_emergency},
};

/// Grace is on her way, Alan cancelled.
fn helped() -> Emergency {
    with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay), (ALAN, ResponseStatus::Cancelled)])
}

fn service(
    emergencies: MockEmergencies,
    messages: MockMessages,
    outcomes: Vec<port::Result<()>>,
) -> (MessagePorts, Committed) {
    let (changes, committed) = store(outcomes);
    (MessagePorts { emergencies: context(emergencies, changes), messages: Arc::new(messages) }, committed)
}

fn posting(emergency: &Emergency) -> (MessagePorts, Committed) {
    posting_after(emergency, None, vec![])
}

/// The service with an emergency and the time of its newest message.
fn posting_after(
    emergency: &Emergency,
    newest: Option<Timestamp>,
    outcomes: Vec<port::Result<()>>,
) -> (MessagePorts, Committed) {
    let context = PostContext { emergency: emergency.clone(), newest, earlier: None };
    let mut messages = MockMessages::new();
    messages.expect_post_context().returning(move |of, _, _| {
        assert_eq!(of, id(EMERGENCY));
        Ok(Some(context.clone()))
    });
    service(MockEmergencies::new(), messages, outcomes)
}

fn draft(addressee: Addressee) -> Draft {
    Draft { addressee, text: hello(), request: None }
}

/// The service with one message in it.
fn holding_message(message: Option<Message>) -> (MessagePorts, Committed) {
    let mut messages = MockMessages::new();
    messages.expect_find().returning(move |of, which, reader| {
        assert_eq!((of, which), (id(EMERGENCY), id(300)));
        Ok(Some((helped().access(reader), message.clone())))
    });
    service(MockEmergencies::new(), messages, vec![])
}

fn hello() -> Text<1000> {
    text("The door is open")
}

#[tokio::test]
async fn participants_write_on_condition_that_nothing_changed() {
    // A moment after another sign, a message is none.
    let signed = crate::testing::edited(helped(), |e| e.responses[0].record.dispatch.sign_at = Some(at(27)));
    for (emergency, actor, by, from) in [
        (helped(), owner(), OWNER, Sender::Owner(account(OWNER).person())),
        (signed, grace_hopper(), GRACE_HOPPER, Sender::Helper(helper(GRACE_HOPPER).person())),
        (anonymous(helped()), owner(), OWNER, Sender::Owner(account(OWNER).person())),
    ] {
        let (cx, committed) = posting(&emergency);
        let Posted { message: posted, new } =
            post(&cx, &actor, the_emergency(), draft(Addressee::Everyone)).await.unwrap();
        assert!(new);
        let anonymous = emergency.call().details.anonymous;
        let expected = Message { id: id(1000), anonymous, created_at: now(), ..message(from, To::Everyone) };
        assert_eq!(posted, expected);
        let (change, revision) = (committed.only(), emergency.revision());
        assert_eq!(events_of(&change, by), [Event::MessagePosted { message: posted.clone() }]);
        let guard = Write::ExpectRevision { emergency: the_emergency(), revision };
        let before = Write::ExpectMessagesBefore { emergency: the_emergency(), before: posted.others_before() };
        assert_eq!(change.writes, [guard, before, Write::PostMessage(posted)]);
    }
}

#[tokio::test]
async fn a_message_goes_to_whom_it_is_addressed() {
    for (actor, addressee, to) in [
        (grace_hopper(), Addressee::Creator, To::Creator),
        (grace_hopper(), Addressee::User(id(OWNER)), To::Owner),
        (owner(), Addressee::User(id(GRACE_HOPPER)), To::Helper(id(GRACE_HOPPER))),
    ] {
        let (cx, _) = posting(&helped());
        assert_eq!(post(&cx, &actor, the_emergency(), draft(addressee)).await.unwrap().message.to, to);
    }
}

#[tokio::test]
async fn a_message_is_refused_when_a_rule_says_so() {
    let (all, ended) = (Addressee::Everyone, crate::EmergencyStatus::Resolved);
    let user = |n| Addressee::User(id(n));
    for (emergency, actor, addressee, expected) in [
        (helped(), actor(helper(ALAN)), all, Refusal::NotAuthorized),
        (helped(), actor(helper(4)), all, Refusal::NotAuthorized),
        (helped(), actor(admin()), all, Refusal::NotAuthorized),
        (helped(), actor(account(STRANGER)), all, Refusal::NotAuthorized),
        (resolved(helped()), owner(), all, Refusal::EmergencyEnded { status: ended }),
        (helped(), owner(), user(ALAN), Refusal::RecipientTakesNoPart),
        (helped(), owner(), Addressee::Unknown, Refusal::RecipientTakesNoPart),
        (anonymous(helped()), grace_hopper(), user(OWNER), Refusal::RecipientTakesNoPart),
    ] {
        let (cx, committed) = posting(&emergency);
        let outcome = post(&cx, &actor, the_emergency(), draft(addressee)).await;
        assert_eq!((refusal(outcome), committed.is_empty()), (expected, true), "{actor:?}");
    }
}

#[tokio::test]
async fn a_message_written_while_it_ends_is_refused() {
    let mut messages = MockMessages::new();
    let mut looks = [helped(), resolved(helped())].into_iter();
    messages.expect_post_context().times(2).returning(move |_, _, _| {
        Ok(looks.next().map(|emergency| PostContext { emergency, newest: None, earlier: None }))
    });
    let (cx, committed) = service(MockEmergencies::new(), messages, stale(1));
    let outcome = post(&cx, &owner(), the_emergency(), draft(Addressee::Everyone)).await;
    let refused = Refusal::EmergencyEnded { status: crate::EmergencyStatus::Resolved };
    assert_eq!((refusal(outcome), committed.attempts().len()), (refused, 1));
}

#[tokio::test]
async fn messages_of_an_emergency_differ_by_a_millisecond() {
    let micros = |micros| now() + chrono::TimeDelta::microseconds(micros);
    for (newest, expected) in [
        (None, micros(0)),
        (Some(micros(-1_000)), micros(0)),
        (Some(micros(-500)), micros(1_000)),
        (Some(micros(0)), micros(1_000)),
        // The clock of the node that wrote it is ahead.
        (Some(micros(2_000_000)), micros(2_001_000)),
        (Some(micros(2_000_001)), micros(2_002_000)),
    ] {
        let (cx, _) = posting_after(&helped(), newest, vec![]);
        let posted = post(&cx, &owner(), the_emergency(), draft(Addressee::Everyone)).await.unwrap().message;
        assert_eq!(posted.created_at, expected, "{newest:?}");
        assert_eq!(posted.others_before(), expected - chrono::TimeDelta::microseconds(999));
    }
    assert_eq!(next_message_time(micros(999), None), micros(0));
}

#[tokio::test]
async fn a_repeated_request_is_the_same_message_also_after_the_end() {
    let numbered = || Draft { request: Some(text("tap")), ..draft(Addressee::Everyone) };
    let (cx, committed) = posting(&helped());
    let posted = post(&cx, &owner(), the_emergency(), numbered()).await.unwrap();
    let Some(Write::AddMessageRequest { sender, request, message, .. }) = committed.only().writes.pop() else {
        panic!("the number is not stored")
    };
    assert_eq!((sender, request, message), (id(OWNER), text("tap"), posted.message.id));

    let earlier = message_from_owner(To::Everyone);
    for emergency in [helped(), resolved(helped())] {
        let (mut messages, earlier) = (MockMessages::new(), earlier.clone());
        messages.expect_post_context().times(1).returning(move |_, sender, request| {
            assert_eq!((sender, request), (id(OWNER), Some(text("tap"))));
            Ok(Some(PostContext { emergency: emergency.clone(), newest: None, earlier: Some(earlier.clone()) }))
        });
        let (cx, committed) = service(MockEmergencies::new(), messages, vec![]);
        let again = post(&cx, &owner(), the_emergency(), numbered()).await.unwrap();
        assert_eq!(again, Posted { message: message_from_owner(To::Everyone), new: false });
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn of_two_requests_at_once_with_one_number_the_second_finds_the_message_of_the_first() {
    let mut messages = MockMessages::new();
    let mut earlier = [None, Some(message_from_owner(To::Everyone))].into_iter();
    messages.expect_post_context().times(2).returning(move |_, _, _| {
        let earlier = earlier.next().flatten();
        Ok(Some(PostContext { emergency: helped(), newest: None, earlier }))
    });
    let conflict = Err(port::Error::Conflict(Constraint::MessageRequestId));
    let (cx, _) = service(MockEmergencies::new(), messages, vec![conflict]);
    let numbered = Draft { request: Some(text("tap")), ..draft(Addressee::Everyone) };
    assert!(!post(&cx, &owner(), the_emergency(), numbered).await.unwrap().new);
}

#[tokio::test]
async fn writing_again_and_again_is_bounded() {
    let (cx, committed) = posting_after(&helped(), None, stale(2000));
    let outcome = post(&cx, &owner(), the_emergency(), draft(Addressee::Everyone)).await;
    assert_eq!(refusal(outcome), Refusal::Contended);
    assert_eq!(committed.attempts().len(), crate::usecase::retry::MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn only_the_sender_takes_a_message_back() {
    let me = To::Helper(id(GRACE_HOPPER));
    for (message, actor, expected) in [
        (Some(message_from_owner(To::Everyone)), owner(), Ok(None)),
        (Some(message_from_helper(GRACE_HOPPER, To::Everyone)), grace_hopper(), Ok(None)),
        (Some(message_from_owner(me)), owner(), Ok(Some(vec![id(GRACE_HOPPER), id(OWNER)]))),
        (Some(message_from_owner(To::Everyone)), grace_hopper(), Err(Refusal::NotAuthorized)),
        (Some(message_from_owner(me)), grace_hopper(), Err(Refusal::NotAuthorized)),
        (Some(message(Sender::System, To::Creator)), owner(), Err(Refusal::NotAuthorized)),
        // The refusal must not show that a direct message of others exists.
        (Some(message(Sender::System, To::Creator)), grace_hopper(), Err(Refusal::MessageNotFound)),
        (Some(message_from_helper(4, To::Helper(id(5)))), owner(), Err(Refusal::MessageNotFound)),
        (None, owner(), Err(Refusal::MessageNotFound)),
        (Some(message_from_helper(ALAN, To::Everyone)), actor(helper(ALAN)), Err(Refusal::NotAuthorized)),
        (Some(message_from_owner(To::Everyone)), actor(admin()), Err(Refusal::NotAuthorized)),
    ] {
        let (cx, committed) = holding_message(message.clone());
        let outcome = delete(&cx, &actor, the_emergency(), id(300)).await;
        match expected {
            Err(expected) => {
                assert_eq!((refusal(outcome), committed.is_empty()), (expected, true), "{actor:?}: {message:?}");
            }
            Ok(readers) => {
                outcome.unwrap();
                let gone = Write::DeleteMessage { emergency: the_emergency(), message: id(300) };
                let expected = crate::Change::new(Some(actor.id()), now())
                    .write(Write::ExpectRevision { emergency: the_emergency(), revision: crate::Revision(7) })
                    .write(gone)
                    .event(the_emergency(), Event::MessageDeleted { message: id(300), readers });
                assert_eq!(committed.only(), expected);
            }
        }
    }
}

#[tokio::test]
async fn only_participants_read_messages_even_after_the_end() {
    let page = |reader| MessagePage {
        emergency: the_emergency(),
        reader: id(reader),
        before: Some(Before::Time(at(9))),
        limit: 3,
    };
    let reading = |emergency: Emergency, reader| {
        let mut messages = MockMessages::new();
        messages
            .expect_list()
            .withf(move |asked| *asked == page(reader))
            .returning(move |asked| Ok(Some((emergency.access(asked.reader), vec![message_from_owner(To::Everyone)]))));
        service(MockEmergencies::new(), messages, vec![]).0
    };
    for emergency in [helped(), resolved(helped())] {
        for (actor, n) in [(owner(), OWNER), (grace_hopper(), GRACE_HOPPER)] {
            let read = list(&reading(emergency.clone(), n), &actor, page(n)).await.unwrap();
            assert_eq!(read, [message_from_owner(To::Everyone)]);
        }
        for (actor, n) in [(actor(helper(ALAN)), ALAN), (actor(admin()), 9), (actor(account(STRANGER)), STRANGER)] {
            let outcome = list(&reading(emergency.clone(), n), &actor, page(n)).await;
            assert_eq!(refusal(outcome), Refusal::NotAuthorized);
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let mut messages = MockMessages::new();
    messages.expect_list().returning(|_| Ok(None));
    messages.expect_find().returning(|_, _, _| Ok(None));
    messages.expect_post_context().returning(|_, _, _| Ok(None));
    let (cx, _) = service(empty(), messages, vec![]);
    let (gone, page) = (the_emergency(), MessagePage { emergency: id(7), reader: id(OWNER), before: None, limit: 3 });
    assert_eq!(refusal(list(&cx, &owner(), page).await), Refusal::EmergencyNotFound);
    let outcome = post(&cx, &owner(), gone, draft(Addressee::Everyone)).await;
    assert_eq!(refusal(outcome), Refusal::EmergencyNotFound);
    assert_eq!(refusal(delete(&cx, &owner(), gone, id(300)).await), Refusal::EmergencyNotFound);
    assert_eq!(active_emergency().id(), gone);
}
