//! Tests of posting, reading and deleting messages, and of the changes that they commit.

use std::sync::Arc;

use super::*;
use crate::{
    Emergency, ResponseStatus, To,
    port::{MockEmergencies, MockMessages},
    testing::{
        ALAN, Committed, EMERGENCY, GRACE_HOPPER, OWNER, STRANGER, account, active_emergency, actor, admin, anonymous,
        at, events_of, grace_hopper, helper, id, message, message_from_helper, message_from_owner, now, owner,
        resolved, store, text, with_responses,
    },
    usecase::emergencies::tests::{context, empty, holding, refusal, stale, the_emergency},
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
    service(holding(emergency, &[]), MockMessages::new(), vec![])
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
    for (emergency, actor, by, from) in [
        (helped(), owner(), OWNER, Sender::Owner(account(OWNER).person())),
        (helped(), grace_hopper(), GRACE_HOPPER, Sender::Helper(helper(GRACE_HOPPER).person())),
        (anonymous(helped()), owner(), OWNER, Sender::Owner(account(OWNER).person())),
    ] {
        let (cx, committed) = posting(&emergency);
        let posted = post(&cx, &actor, the_emergency(), Addressee::Everyone, hello()).await.unwrap();
        let anonymous = emergency.call().details.anonymous;
        let expected = Message { id: id(1000), anonymous, created_at: now(), ..message(from, To::Everyone) };
        assert_eq!(posted, expected);
        let (change, revision) = (committed.only(), emergency.revision());
        assert_eq!(events_of(&change, by), [Event::MessagePosted { message: posted.clone() }]);
        let guard = Write::ExpectRevision { emergency: the_emergency(), revision };
        assert_eq!(change.writes, [guard, Write::PostMessage(posted)]);
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
        assert_eq!(post(&cx, &actor, the_emergency(), addressee, hello()).await.unwrap().to, to);
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
        let outcome = post(&cx, &actor, the_emergency(), addressee, hello()).await;
        assert_eq!((refusal(outcome), committed.is_empty()), (expected, true), "{actor:?}");
    }
}

#[tokio::test]
async fn a_message_written_while_it_ends_is_refused() {
    let mut emergencies = MockEmergencies::new();
    let mut looks = [helped(), resolved(helped())].into_iter();
    emergencies.expect_find().times(2).returning(move |_| Ok(looks.next()));
    let (cx, committed) = service(emergencies, MockMessages::new(), stale(1));
    let outcome = post(&cx, &owner(), the_emergency(), Addressee::Everyone, hello()).await;
    let refused = Refusal::EmergencyEnded { status: crate::EmergencyStatus::Resolved };
    assert_eq!((refusal(outcome), committed.attempts().len()), (refused, 1));
}

#[tokio::test]
async fn writing_again_and_again_is_bounded() {
    let (cx, committed) = service(holding(&helped(), &[]), MockMessages::new(), stale(2000));
    let outcome = post(&cx, &owner(), the_emergency(), Addressee::Everyone, hello()).await;
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
async fn participants_read_even_after_the_end_and_nobody_else_does() {
    let page = |reader| MessagePage { emergency: the_emergency(), reader: id(reader), before: Some(at(9)), limit: 3 };
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
    let (cx, _) = service(empty(), messages, vec![]);
    let (gone, page) = (the_emergency(), MessagePage { emergency: id(7), reader: id(OWNER), before: None, limit: 3 });
    assert_eq!(refusal(list(&cx, &owner(), page).await), Refusal::EmergencyNotFound);
    let outcome = post(&cx, &owner(), gone, Addressee::Everyone, hello()).await;
    assert_eq!(refusal(outcome), Refusal::EmergencyNotFound);
    assert_eq!(refusal(delete(&cx, &owner(), gone, id(300)).await), Refusal::EmergencyNotFound);
    assert_eq!(active_emergency().id(), gone);
}
