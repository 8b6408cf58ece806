//! Tests of authentication, registration and login.

use super::*;
use crate::{
    FAILURES_PER_ADDRESS_WITHIN, Text,
    testing::{GRACE_HOPPER, OWNER, account, at},
    usecase::emergencies::tests::{conflict, refusal},
};

fn registration() -> Registration {
    let Account { email, profile, .. } = account(1000);
    Registration { email, password: Password::parse("new password").unwrap(), profile }
}

fn email_of(n: u128) -> Email {
    account(n).email
}

fn attempt(text: &str) -> Password {
    Password::attempt(text)
}

fn blocked(account: Account) -> Account {
    Account { blocked: true, ..account }
}

/// The first pair of the session 1002, whose first refresh token is 1001, or one number less when no account is made.
fn first_pair(user: UserId, first: u128) -> TokenPair {
    let claims = RefreshClaims { user, session: id(first + 1), token: id(first), parent: None };
    TokenPair { access: Secret::new(access_of(user, id(first + 1))), refresh: Secret::new(refresh_of(&claims)) }
}

fn session_of(user: UserId, first: u128) -> Session {
    Session { id: id(first + 1), user, confirmed: id(first), created_at: now(), user_agent: agent() }
}

#[tokio::test]
async fn a_caller_is_the_account_of_a_session_that_is_good() {
    let mut ports = AccountMocks::new();
    ports.tokens.expect_read_access().returning(|token, at_| {
        assert_eq!((token, at_), ("good", now()));
        Ok(AccessClaims { user: id(GRACE_HOPPER), session: id(400), expires_at: at(3600) })
    });
    ports.sessions.expect_authenticate().returning(|session, user| {
        assert_eq!((session, user), (id(400), id(GRACE_HOPPER)));
        Ok(Some(account(GRACE_HOPPER)))
    });
    ports.sessions.expect_recognize().returning(|session, user| {
        assert_eq!((session, user), (id(400), id(GRACE_HOPPER)));
        Ok(Some(account(GRACE_HOPPER)))
    });
    let (cx, _) = ports.service();
    let actor = Actor { account: account(GRACE_HOPPER), session: id(400) };
    let expected = Authenticated { actor, expires_at: at(3600) };
    let claims = read_token(&cx, "good").unwrap();
    assert_eq!(authenticate(&cx, claims).await.unwrap(), expected);
    assert_eq!(recognize(&cx, claims).await.unwrap(), expected);
}

#[tokio::test]
async fn a_caller_is_refused_when_token_session_or_account_is_not_good() {
    let read = Ok(AccessClaims { user: id(GRACE_HOPPER), session: id(400), expires_at: at(3600) });
    for (claims, found, expected) in [
        (Err(TokenError::Expired), Some(account(GRACE_HOPPER)), Refusal::TokenExpired),
        (Err(TokenError::Invalid), Some(account(GRACE_HOPPER)), Refusal::TokenInvalid),
        (read, None, Refusal::TokenInvalid),
        (read, Some(blocked(account(GRACE_HOPPER))), Refusal::AccountBlocked),
    ] {
        let mut ports = AccountMocks::new();
        ports.tokens.expect_read_access().returning(move |_, _| claims);
        let known = found.clone();
        ports.sessions.expect_authenticate().returning(move |_, _| Ok(found.clone()));
        ports.sessions.expect_recognize().returning(move |_, _| Ok(known.clone()));
        let (cx, _) = ports.service();
        match read_token(&cx, "some") {
            Err(refused) => assert_eq!(refused, expected),
            Ok(claims) => {
                assert_eq!(refusal(authenticate(&cx, claims).await), expected);
                assert_eq!(refusal(recognize(&cx, claims).await), expected);
            }
        }
    }
}

#[tokio::test]
async fn registering_opens_an_account_and_a_session() {
    let (cx, committed) = AccountMocks::new().hashing().service();
    let signed_in = register(&cx, registration(), login_origin()).await.unwrap();
    let expected = Account { created_at: now(), ..account(1000) };
    assert_eq!(signed_in.account, expected);
    assert_eq!(signed_in.tokens, first_pair(id(1000), 1001));
    let change = Change::new(Some(id(1000)), now())
        .write(Write::RegisterAccount { account: Box::new(expected), password: hashed() })
        .write(Write::OpenSession(session_of(id(1000), 1001)))
        .write(Write::RecordLogin { user: id(1000), source: source_of(&signed_in.account.email) });
    assert_eq!(committed.only(), change);
}

#[tokio::test]
async fn an_email_is_registered_once() {
    let mut ports = AccountMocks::new().hashing();
    ports.outcomes = conflict(Constraint::Email);
    assert_eq!(refusal(register(&ports.service().0, registration(), login_origin()).await), Refusal::EmailTaken);
    let mut ports = AccountMocks::new().hashing();
    ports.outcomes = conflict(Constraint::Engaged);
    assert!(matches!(register(&ports.service().0, registration(), login_origin()).await, Err(Error::Port(_))));
}

#[tokio::test]
async fn the_right_password_opens_a_session() {
    let (cx, committed) = AccountMocks::new().with_account(Some(account(GRACE_HOPPER))).verifying_once().service();
    let signed_in = log_in(&cx, Some(email_of(GRACE_HOPPER)), attempt("right password"), login_origin()).await.unwrap();
    assert_eq!(signed_in, SignedIn { account: account(GRACE_HOPPER), tokens: first_pair(id(GRACE_HOPPER), 1000) });
    let (user, source) = (id(GRACE_HOPPER), source_of(&email_of(GRACE_HOPPER)));
    let change = Change::new(Some(user), now())
        .write(Write::OpenSession(session_of(user, 1000)))
        .write(Write::RecordLogin { user, source });
    assert_eq!(committed.only(), change);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_are_told_alike_and_take_alike() {
    // Each time a password is verified once: with the stored hash, or without any.
    for (found, email, password) in [
        (Some(account(GRACE_HOPPER)), Some(email_of(GRACE_HOPPER)), "wrong password"),
        (Some(blocked(account(GRACE_HOPPER))), Some(email_of(GRACE_HOPPER)), "wrong password"),
        (Some(account(GRACE_HOPPER)), Some(email_of(OWNER)), "right password"),
        (None, Some(email_of(GRACE_HOPPER)), "right password"),
        (None, None, "right password"),
    ] {
        let failures = usize::from(email.is_some());
        let (cx, committed) = AccountMocks::new().with_account(found).verifying_once().failing(failures).service();
        assert_eq!(refusal(log_in(&cx, email, attempt(password), login_origin()).await), Refusal::InvalidCredentials);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn no_account_is_entered_without_a_hash_whatever_verifying_says() {
    let mut ports = AccountMocks::new().with_account(None);
    ports.passwords.expect_verify().times(1).withf(|_, hash| hash.is_none()).returning(|_, _| Ok(true));
    let outcome =
        log_in(&ports.service().0, Some(email_of(GRACE_HOPPER)), attempt("right password"), login_origin()).await;
    assert_eq!(refusal(outcome), Refusal::InvalidCredentials);
}

#[tokio::test]
async fn a_block_is_told_only_to_those_who_know_the_password() {
    let (cx, committed) =
        AccountMocks::new().with_account(Some(blocked(account(GRACE_HOPPER)))).verifying_once().service();
    let outcome = log_in(&cx, Some(email_of(GRACE_HOPPER)), attempt("right password"), login_origin()).await;
    assert_eq!((refusal(outcome), committed.is_empty()), (Refusal::AccountBlocked, true));
}

#[test]
fn emails_are_compared_trimmed_and_in_lower_case() {
    assert_eq!(" Ada@Example.ORG ".parse::<Email>().unwrap().as_str(), "ada@example.org");
    let long = format!("{}@example.org", "a".repeat(243));
    for wrong in ["", "ada", "@example.org", "ada@", "a@b@c", "a da@example.org", "a\0@example.org", &long] {
        assert!(wrong.parse::<Email>().is_err(), "{wrong}");
    }
    assert!(long[1..].parse::<Email>().is_ok());
}

#[test]
fn new_passwords_are_bounded_in_characters_and_never_trimmed() {
    let of = |n: usize| Password::parse(&"ä".repeat(n)).map(drop);
    assert_eq!(
        [of(7), of(8), of(128), of(129)],
        [Err(crate::PasswordError::Length), Ok(()), Ok(()), Err(crate::PasswordError::Length)]
    );
    assert_eq!(Password::parse("  spaces  ").unwrap().expose(), "  spaces  ");
    assert_eq!(Password::parse("12345678\0").map(drop), Err(crate::PasswordError::Nul));
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        attempt("right password"),
        stored(),
        Secret::new("token".to_owned()),
        account(GRACE_HOPPER).email,
        Text::<9>::parse("told").unwrap(),
    );
    assert_eq!(shown, "Password(…) PasswordHash(Secret(…)) Secret(…) Email(…) Text(4 bytes)");
}

/// What a login finds, with these failures before it.
fn after(failed: FailedLogins) -> LoginContext {
    LoginContext { credentials: Some(Credentials { account: account(GRACE_HOPPER), password: stored() }), failed }
}

/// Failures that forbid another attempt for a second.
fn too_many() -> FailedLogins {
    let limiting_here = Some(now() - FAILURES_PER_ADDRESS_WITHIN + TimeDelta::seconds(1));
    FailedLogins { limiting_here, ..FailedLogins::default() }
}

#[tokio::test]
async fn after_too_many_failures_no_password_is_verified_and_no_turn_is_asked_for() {
    let mut ports = AccountMocks::new();
    ports.hashing = Some(MockHashingQueue::new());
    ports.logins.expect_load().times(1).returning(|_| Ok(after(too_many())));
    let outcome =
        log_in(&ports.service().0, Some(email_of(GRACE_HOPPER)), attempt("right password"), login_origin()).await;
    assert_eq!(refusal(outcome), Refusal::TooSoon { retry_after: TimeDelta::seconds(1) });
}

#[tokio::test]
async fn guesses_that_failed_during_the_wait_for_a_turn_count() {
    let mut ports = AccountMocks::new();
    let mut contexts = [after(FailedLogins::default()), after(too_many())].into_iter();
    ports.logins.expect_load().times(2).returning(move |_| Ok(contexts.next().unwrap()));
    let outcome =
        log_in(&ports.service().0, Some(email_of(GRACE_HOPPER)), attempt("right password"), login_origin()).await;
    assert_eq!(refusal(outcome), Refusal::TooSoon { retry_after: TimeDelta::seconds(1) });
}

#[tokio::test]
async fn a_login_from_a_known_address_goes_first_in_the_queue_and_a_full_queue_refuses() {
    let full = Refusal::TooSoon { retry_after: TimeDelta::seconds(5) };
    for is_known_address in [true, false] {
        let (mut ports, mut queue, refused) = (AccountMocks::new(), MockHashingQueue::new(), full.clone());
        queue.expect_enter().times(1).returning(move |address, known| {
            assert_eq!((address, known), (home(), is_known_address));
            Err(refused.clone())
        });
        ports.hashing = Some(queue);
        let failed = FailedLogins { is_known_address, ..FailedLogins::default() };
        ports.logins.expect_load().times(1).returning(move |_| Ok(after(failed)));
        let outcome =
            log_in(&ports.service().0, Some(email_of(GRACE_HOPPER)), attempt("right password"), login_origin()).await;
        assert_eq!(refusal(outcome), full);
    }
}
