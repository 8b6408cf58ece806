//! What is stored of contacts, and what becomes of invitations.

use chrono::TimeDelta;

use super::*;
use crate::{
    ContactState, Locale, MAX_CONTACTS, Name,
    port::{Links, MockContacts, MockLinkTokens, MockMailer},
    testing::{at, clock, grace_hopper, id, ids, now},
    usecase::emergencies::tests::refusal,
};

struct TestLinks;

impl Links for TestLinks {
    fn reset_password(&self, token: &Secret) -> Secret {
        token.clone()
    }

    fn confirm_contact(&self, token: &Secret) -> Secret {
        Secret::new(format!("confirm by {}", token.expose()))
    }

    fn stop_contact(&self, token: &Secret) -> Secret {
        Secret::new(format!("stop by {}", token.expose()))
    }

    fn contact_page(&self, token: &Secret) -> Secret {
        token.clone()
    }
}

fn details(name: &str) -> ContactDetails {
    ContactDetails::new(Name::parse(name).unwrap(), "mum@example.org".parse().unwrap())
}

fn stored() -> Contact {
    let (state, confirmed_at) = (ContactState::Confirmed, Some(at(5)));
    Contact { id: id(70), details: details("Mum"), state, confirmed_at, created_at: at(1) }
}

/// Signs an id as its number and its purpose.
fn tokens() -> Arc<MockLinkTokens> {
    let mut tokens = MockLinkTokens::new();
    tokens.expect_sign().returning(|purpose, id| Secret::new(format!("{} to {purpose:?}", id.as_u128())));
    tokens
        .expect_verify()
        .returning(|purpose, token| (token == format!("7 to {purpose:?}")).then(|| uuid::Uuid::from_u128(7)));
    Arc::new(tokens)
}

fn ports(contacts: MockContacts) -> ContactPorts {
    ContactPorts { contacts: Arc::new(contacts), tokens: tokens(), clock: clock(), ids: ids() }
}

#[tokio::test]
async fn a_new_contact_has_an_invitation_until_there_are_too_many() {
    assert_eq!(MAX_CONTACTS, 10);
    for (saved, expected) in [
        (SavedContact::Saved { state: ContactState::Invited, confirmed_at: None }, None),
        (SavedContact::TooMany, Some(Refusal::TooManyContacts)),
    ] {
        let mut contacts = MockContacts::new();
        contacts.expect_save().times(1).returning(move |entry| {
            let (owner, details) = (grace_hopper().id(), details("Mum"));
            let (id, consent) = (id(1000), id(1001));
            assert_eq!(*entry, ContactEntry { owner, id, details, is_new: true, consent, at: now() });
            Ok(saved)
        });
        let outcome = add(&ports(contacts), &grace_hopper(), details("Mum")).await;
        match expected {
            None => {
                let (state, confirmed_at) = (ContactState::Invited, None);
                let expected =
                    Contact { id: id(1000), details: details("Mum"), state, confirmed_at, created_at: now() };
                assert_eq!(outcome.unwrap(), expected);
            }
            Some(expected) => assert_eq!(refusal(outcome), expected),
        }
    }
}

#[tokio::test]
async fn a_contact_is_changed_by_its_owner_only() {
    let mut contacts = MockContacts::new();
    contacts.expect_list().returning(|_| Ok(vec![stored()]));
    let cx = ports(contacts);
    assert_eq!(find(&cx, &grace_hopper(), id(70)).await.unwrap(), stored());
    assert_eq!(refusal(find(&cx, &grace_hopper(), id(71)).await), Refusal::ContactNotFound);
    for known in [true, false] {
        let mut contacts = MockContacts::new();
        contacts.expect_save().times(1).returning(move |entry| {
            assert_eq!((entry.id, entry.is_new, &entry.details), (id(70), false, &details("Mother")));
            let (state, confirmed_at) = (ContactState::Confirmed, Some(at(5)));
            Ok(if known { SavedContact::Saved { state, confirmed_at } } else { SavedContact::Unknown })
        });
        let outcome = change(&ports(contacts), &grace_hopper(), &stored(), details("Mother")).await;
        if known {
            assert_eq!(outcome.unwrap(), Contact { details: details("Mother"), ..stored() });
        } else {
            assert_eq!(refusal(outcome), Refusal::ContactNotFound);
        }
    }
}

#[tokio::test]
async fn a_token_is_good_for_the_page_that_it_was_made_for() {
    let consent = Consent { first_name: Name::parse("Ada").unwrap(), last_name: None, state: ContactState::Confirmed };
    let found = consent.clone();
    let mut contacts = MockContacts::new();
    contacts.expect_consent().withf(|id| *id == crate::testing::id(7)).returning(move |_| Ok(Some(found.clone())));
    let found = consent.clone();
    contacts
        .expect_confirm()
        .withf(|id, at| (*id, *at) == (crate::testing::id(7), now()))
        .returning(move |_, _| Ok(Some(found.clone())));
    contacts
        .expect_stop()
        .withf(|of, at| (*of, *at) == (StopTarget::Contact(crate::testing::id(7)), now()))
        .returning(|_, _| Ok(true));
    let cx = ports(contacts);
    let [to_confirm, to_stop] = ["7 to ConfirmContact", "7 to StopContact"];
    let look = async |purpose, token| look_up(&cx, purpose, token).await.unwrap();
    assert_eq!(look(LinkPurpose::ConfirmContact, to_confirm).await, Some(consent.clone()));
    assert_eq!(look(LinkPurpose::StopContact, to_confirm).await, None);
    assert_eq!(confirm(&cx, to_confirm).await.unwrap(), Some(consent));
    assert_eq!(confirm(&cx, to_stop).await.unwrap(), None);
    assert_eq!(stop(&cx, to_stop).await.unwrap(), Some(StopTarget::Contact(crate::testing::id(7))));
    assert_eq!(stop(&cx, to_confirm).await.unwrap(), None);
    assert_eq!(stop_target(&cx, "7 to StopAlerts"), Some(StopTarget::Alerts(crate::testing::id(7))));
}

fn due(attempts: u32) -> DueInvitation {
    DueInvitation {
        consent: id(7),
        email: "mum@example.org".parse().unwrap(),
        first_name: Name::parse("Ada").unwrap(),
        last_name: Some(Name::parse("Lovelace").unwrap()),
        locale: Locale::German,
        attempts,
    }
}

#[tokio::test]
async fn an_invitation_is_sent_once_and_again_after_failures_that_can_pass() {
    let lease = now() + TimeDelta::minutes(1);
    for (attempts, outcome, expected) in [
        (0, MailOutcome::Sent, InvitationNote::Sent),
        (0, MailOutcome::Rejected, InvitationNote::Undeliverable),
        (0, MailOutcome::Failed, InvitationNote::Retry(now() + TimeDelta::minutes(1))),
        (9, MailOutcome::Failed, InvitationNote::Undeliverable),
    ] {
        let (mut contacts, mut mailer) = (MockContacts::new(), MockMailer::new());
        mailer.expect_send().times(1).returning(move |mail| {
            let content = MailContent::ContactInvitation {
                owner: "Ada Lovelace".to_owned(),
                confirm: Secret::new("confirm by 7 to ConfirmContact".to_owned()),
                stop: Secret::new("stop by 7 to StopContact".to_owned()),
            };
            assert_eq!((&mail.content, mail.locale, mail.id), (&content, Locale::German, id(7)));
            outcome
        });
        contacts.expect_note_invitation().times(1).returning(move |consent, claimed, note, at| {
            assert_eq!((consent, claimed, note, at), (id(7), lease, expected, now()));
            Ok(())
        });
        let (links, mailer) = (Arc::new(TestLinks), Arc::new(mailer));
        let cx = InvitationPorts { contacts: Arc::new(contacts), tokens: tokens(), links, mailer, clock: clock() };
        invite(&cx, due(attempts), lease).await.unwrap();
    }
}
