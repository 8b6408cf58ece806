//! What is issued, queued and committed.

use std::net::Ipv4Addr;

use chrono::TimeDelta;

use super::*;
use crate::{
    Locale, MAX_RESETS_A_DAY, PasswordHash, RESET_AGAIN_AFTER, RESET_VALID_FOR, Secret,
    port::{KeyedHash, Links, MockChanges, MockPasswordResets, MockPasswords, MockResetQueue, MockResetTokens},
    testing::{OWNER, clock, id, ids, no_hashing_queue, now, store},
};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HASH: KeyedHash = KeyedHash::new([7; 16]);

struct TestLinks;

impl Links for TestLinks {
    fn reset_password(&self, token: &Secret) -> Secret {
        Secret::new(format!("link to {}", token.expose()))
    }

    fn confirm_contact(&self, token: &Secret) -> Secret {
        token.clone()
    }

    fn stop_contact(&self, token: &Secret) -> Secret {
        token.clone()
    }

    fn contact_page(&self, token: &Secret) -> Secret {
        token.clone()
    }
}

fn email() -> Email {
    "ada@example.org".parse().unwrap()
}

fn tokens() -> Arc<MockResetTokens> {
    let mut tokens = MockResetTokens::new();
    tokens.expect_generate().returning(|| Ok(Secret::new("token".to_owned())));
    tokens.expect_hash().withf(|token| token == "token").returning(|_| HASH);
    // Stored with the key of before.
    tokens.expect_hashes().withf(|token| token == "token").returning(|_| vec![KeyedHash::new([9; 16]), HASH]);
    Arc::new(tokens)
}

fn mail_ports(resets: MockPasswordResets) -> ResetMailPorts {
    let (tokens, links) = (tokens(), Arc::new(TestLinks));
    ResetMailPorts { resets: Arc::new(resets), tokens, links, clock: clock(), ids: ids() }
}

fn ports(resets: MockPasswordResets) -> PasswordResetPorts {
    let mut passwords = MockPasswords::new();
    passwords.expect_hash().returning(|_| Ok(PasswordHash::new("$new".to_owned())));
    PasswordResetPorts {
        resets: Arc::new(resets),
        changes: Arc::new(MockChanges::new()),
        tokens: tokens(),
        passwords: Arc::new(passwords),
        hashing: no_hashing_queue(),
        queue: Some(Arc::new(MockResetQueue::new())),
        clock: clock(),
    }
}

fn password() -> Password {
    Password::parse("a new password").unwrap()
}

/// A store in which the token belongs to the owner.
fn known() -> MockPasswordResets {
    let mut resets = MockPasswordResets::new();
    resets.expect_find().withf(|_, at| *at == now()).returning(|token, _| Ok((token == HASH).then(|| id(OWNER))));
    resets
}

#[test]
fn the_rules_are_those_of_the_documentation() {
    assert_eq!((RESET_AGAIN_AFTER, MAX_RESETS_A_DAY), (TimeDelta::minutes(1), 5));
    assert_eq!(RESET_VALID_FOR.to_std(), Ok(RESET_LINK_LIFETIME));
}

#[test]
fn a_request_is_queued_and_nothing_else_is_done_before_the_answer() {
    let mut queue = MockResetQueue::new();
    let expected = ResetRequest { email: email(), address: ADDRESS };
    queue.expect_push().withf(move |request| *request == expected).times(1).returning(|_| Ok(()));
    // A call of any other port panics.
    let cx = PasswordResetPorts { queue: Some(Arc::new(queue)), ..ports(MockPasswordResets::new()) };
    assert_eq!(request(&cx, Some(email()), ADDRESS), Ok(()));
    assert_eq!(request(&cx, None, ADDRESS), Ok(()), "no account has it, and the answer does not tell");
}

#[tokio::test]
async fn without_email_nothing_is_requested_or_replaced() {
    let cx = PasswordResetPorts { queue: None, ..ports(MockPasswordResets::new()) };
    assert_eq!(request(&cx, Some(email()), ADDRESS), Err(Refusal::MailNotConfigured));
    let refused = reset(&cx, "token", password(), ADDRESS).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::MailNotConfigured)), "{refused:?}");
}

#[tokio::test]
async fn the_email_has_the_token_and_the_store_its_hash() {
    let mut resets = MockPasswordResets::new();
    let stored = NewPasswordReset { email: email(), token: HASH, at: now() };
    resets.expect_issue().withf(move |reset| *reset == stored).returning(|_| Ok(Some(Locale::German)));
    let mail = issue(&mail_ports(resets), email()).await.unwrap().unwrap();
    let link = Secret::new("link to token".to_owned());
    let content = MailContent::PasswordReset { link, valid_for: RESET_LINK_LIFETIME };
    assert_eq!((mail.to, mail.locale, mail.content), (email(), Locale::German, content));
    let mut resets = MockPasswordResets::new();
    resets.expect_issue().returning(|_| Ok(None));
    assert_eq!(issue(&mail_ports(resets), email()).await.unwrap(), None);
}

#[tokio::test]
async fn a_reset_uses_the_token_first_and_ends_all_sessions() {
    let (changes, committed) = store(Vec::new());
    let cx = PasswordResetPorts { changes, ..ports(known()) };
    reset(&cx, "token", password(), ADDRESS).await.unwrap();
    let user = id(OWNER);
    let expected = Change::new(Some(user), now())
        .write(Write::UsePasswordReset { user, token: HASH })
        .write(Write::SetPassword { user, password: PasswordHash::new("$new".to_owned()) })
        .write(Write::RevokeSessions { user, only: None, except: None })
        .account_event(Event::SessionsRevoked { user, only: None, except: None, former: None });
    assert_eq!(committed.only(), expected);
}

#[tokio::test]
async fn an_unknown_token_is_refused_before_a_password_is_hashed() {
    let mut resets = MockPasswordResets::new();
    resets.expect_find().returning(|_, _| Ok(None));
    // A call of this mock panics.
    let cx = PasswordResetPorts { passwords: Arc::new(MockPasswords::new()), ..ports(resets) };
    let refused = reset(&cx, "token", password(), ADDRESS).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::ResetTokenInvalid)), "{refused:?}");
}

#[tokio::test]
async fn a_token_that_is_used_or_replaced_meanwhile_is_refused() {
    let (changes, _) = store(vec![Err(port::Error::Stale)]);
    let cx = PasswordResetPorts { changes, ..ports(known()) };
    let refused = reset(&cx, "token", password(), ADDRESS).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::ResetTokenInvalid)), "{refused:?}");
}
