//! What is stored of reviews and notices, and what becomes of them.

use chrono::TimeDelta;

use super::*;
use crate::{
    ContactTrigger, EmergencyStatus, Locale, Location, Name, PlannedNotice, Secret,
    contact_notice::{CountedAlerts, ReviewedAddress, ReviewedContact, ReviewedEmergency},
    port::{Links, MockContactNotices, MockLinkTokens, MockMailer},
    testing::{Committed, OWNER, at, call, clock, id, ids, no_backoff, now, store},
};

struct TestLinks;

impl Links for TestLinks {
    fn reset_password(&self, token: &Secret) -> Secret {
        token.clone()
    }

    fn confirm_contact(&self, token: &Secret) -> Secret {
        token.clone()
    }

    fn stop_contact(&self, token: &Secret) -> Secret {
        Secret::new(format!("stop by {}", token.expose()))
    }

    fn contact_page(&self, token: &Secret) -> Secret {
        Secret::new(format!("page by {}", token.expose()))
    }
}

/// Signs an id as its number and its purpose.
fn tokens() -> Arc<MockLinkTokens> {
    let mut tokens = MockLinkTokens::new();
    tokens.expect_sign().returning(|purpose, id| Secret::new(format!("{} to {purpose:?}", id.as_u128())));
    tokens
        .expect_verify()
        .returning(|purpose, token| (token == format!("9 to {purpose:?}")).then(|| uuid::Uuid::from_u128(9)));
    Arc::new(tokens)
}

const TOKEN: &str = "9 to ContactPage";

fn ports(notices: MockContactNotices, mailer: MockMailer, outcomes: Vec<port::Result<()>>) -> (NoticePorts, Committed) {
    let (changes, committed) = store(outcomes);
    let (notices, mailer) = (Arc::new(notices), Arc::new(mailer));
    let links = Arc::new(TestLinks);
    (NoticePorts { notices, changes, tokens: tokens(), links, mailer, clock: clock(), ids: ids() }, committed)
}

fn review(n: u128) -> ContactReview {
    let contact =
        ReviewedContact { id: id(70), trigger: ContactTrigger::Created, after_seconds: 0, lives_with_owner: false };
    let state = ReviewedEmergency { created_at: at(0), unanswered_at: None, ended_at: None, silent: false };
    ContactReview {
        emergency: id(n),
        owner: id(OWNER),
        lease_until: now() + REVIEW_LEASE,
        state: Some(state),
        alerts_after: None,
        addresses: vec![ReviewedAddress {
            consent: id(80),
            accepts: true,
            contacts: vec![contact],
            notice: None,
            alerts: CountedAlerts::default(),
        }],
    }
}

fn notified(state: NoticeState) -> Event {
    Event::ContactNotified { owner: id(OWNER), contact: id(70), state }
}

#[tokio::test]
async fn each_review_is_committed_with_the_news_for_the_owner() {
    for (limit, more) in [(2, true), (3, false)] {
        let mut notices = MockContactNotices::new();
        notices.expect_claim_reviews().times(1).returning(move |at, lease_until, claimed| {
            assert_eq!((at, lease_until, claimed), (now(), now() + REVIEW_LEASE, limit));
            Ok(vec![review(100), review(101)])
        });
        // The first was decided on what is not so any more.
        let (cx, committed) = ports(notices, MockMailer::new(), vec![Err(port::Error::Stale)]);
        assert_eq!(review_due(&cx, limit).await.unwrap(), more);
        let [_, second] = &committed.attempts()[..] else { panic!("two reviews") };
        let planned = PlannedNotice {
            consent: id(80),
            contact: id(70),
            told: None,
            queue: Some(NoticeKind::Alert),
            turn_at: now(),
        };
        let entry = NoticeEntry { id: id(1002), mail: uuid::Uuid::from_u128(1003), planned };
        let expected =
            Change::new(None, now()).event(id(101), notified(NoticeState::Queued)).write(Write::PlanNotices {
                emergency: id(101),
                lease_until: now() + REVIEW_LEASE,
                next_at: None,
                is_over: false,
                notices: vec![entry],
            });
        assert_eq!(*second, expected);
    }
}

fn due(kind: NoticeKind, call: Option<(Timestamp, Location)>) -> DueNotice {
    DueNotice {
        id: id(9),
        mail: uuid::Uuid::from_u128(10),
        kind,
        emergency: id(100),
        owner: id(OWNER),
        contact: id(70),
        consent: id(80),
        email: "mum@example.org".parse().unwrap(),
        first_name: Name::parse("Ada").unwrap(),
        last_name: Some(Name::parse("Lovelace").unwrap()),
        locale: Locale::German,
        zone: None,
        attempts: 0,
        queued_at: at(20),
        lease_until: at(90),
        call,
    }
}

#[tokio::test]
async fn a_notice_says_who_when_and_where_with_links() {
    let (called_at, location) = (at(0), call().details.location);
    let (owner, page, stop) = (
        "Ada Lovelace".to_owned(),
        Secret::new("page by 9 to ContactPage".to_owned()),
        Secret::new("stop by 80 to StopContact".to_owned()),
    );
    let alert = ContactAlert {
        owner: owner.clone(),
        called_at,
        zone: None,
        location: location.clone(),
        now: now(),
        page: page.clone(),
        stop: stop.clone(),
    };
    for (kind, expected) in [
        (NoticeKind::Alert, MailContent::ContactAlert(Box::new(alert))),
        (NoticeKind::Ended, MailContent::ContactEnded { owner: owner.clone(), stop: stop.clone() }),
        (NoticeKind::Resumed, MailContent::ContactResumed { owner, page, stop }),
    ] {
        let mut mailer = MockMailer::new();
        mailer.expect_send().times(1).returning(move |mail| {
            assert_eq!((&mail.content, mail.locale), (&expected, Locale::German));
            assert_eq!((mail.id, mail.to.as_str()), (uuid::Uuid::from_u128(10), "mum@example.org"));
            MailOutcome::Sent
        });
        let (cx, _) = ports(MockContactNotices::new(), mailer, vec![]);
        send(&cx, due(kind, Some((called_at, location.clone())))).await;
    }
}

#[tokio::test]
async fn what_became_of_a_notice_is_stored_with_the_news_for_the_owner() {
    let retry = NoticeNote::Retry(now() + TimeDelta::seconds(5));
    let sent = notified(NoticeState::Sent);
    for (kind, outcome, note_stored, event) in [
        (NoticeKind::Alert, MailOutcome::Sent, NoticeNote::Sent, Some(sent.clone())),
        (NoticeKind::Alert, MailOutcome::Failed, retry, None),
        (NoticeKind::Alert, MailOutcome::Rejected, NoticeNote::Undeliverable, Some(notified(NoticeState::Failed))),
        (NoticeKind::Resumed, MailOutcome::Sent, NoticeNote::Sent, Some(sent)),
        (NoticeKind::Ended, MailOutcome::Sent, NoticeNote::Sent, None),
        (NoticeKind::Ended, MailOutcome::Rejected, NoticeNote::Undeliverable, None),
    ] {
        let mut mailer = MockMailer::new();
        mailer.expect_send().times(1).return_const(outcome);
        // A claim that was lost is no failure.
        let (cx, committed) = ports(MockContactNotices::new(), mailer, vec![Err(port::Error::Stale)]);
        let sent = send(&cx, due(kind, Some((at(0), call().details.location)))).await;
        note(&cx, &sent).await.unwrap();
        let write = Write::NoteNotice { emergency: id(100), notice: id(9), lease_until: at(90), note: note_stored };
        let change = Change::new(None, now()).write(write);
        let expected = event.into_iter().fold(change, |change, event| change.event(id(100), event));
        assert_eq!(committed.only(), expected);
    }
}

#[tokio::test]
async fn nothing_is_told_of_a_deleted_emergency_but_its_end() {
    let (cx, committed) = ports(MockContactNotices::new(), MockMailer::new(), vec![]);
    let given_up = send(&cx, due(NoticeKind::Alert, None)).await;
    note(&cx, &given_up).await.unwrap();
    assert_eq!(committed.only().events, []);
    let mut mailer = MockMailer::new();
    mailer.expect_send().times(1).return_const(MailOutcome::Sent);
    let (cx, _) = ports(MockContactNotices::new(), mailer, vec![]);
    send(&cx, due(NoticeKind::Ended, None)).await;
}

fn shown(status: EmergencyStatus, actions: Vec<ContactAction>) -> ContactPage {
    ContactPage {
        notice: id(9),
        emergency: id(100),
        owner: id(OWNER),
        contact: id(70),
        first_name: Name::parse("Ada").unwrap(),
        last_name: None,
        location: call().details.location,
        status,
        helpers: 2,
        actions,
    }
}

fn page_ports(page: ContactPage) -> (ContactPagePorts, Committed) {
    let (changes, committed) = store(vec![]);
    let mut notices = MockContactNotices::new();
    notices.expect_page().returning(move |notice, at| {
        assert_eq!((notice, at), (id(9), now()));
        Ok(Some(page.clone()))
    });
    let backoff = no_backoff();
    (ContactPagePorts { notices: Arc::new(notices), changes, tokens: tokens(), clock: clock(), backoff }, committed)
}

#[tokio::test]
async fn the_owner_is_told_once_what_a_contact_does() {
    use ContactAction::{CalledNumber, WithOwner};
    let (cx, committed) = page_ports(shown(EmergencyStatus::Active, vec![CalledNumber]));
    let after = act(&cx, TOKEN, WithOwner).await.unwrap().unwrap();
    assert_eq!(after.actions, [CalledNumber, WithOwner]);
    let write = Write::NoteContactAction { emergency: id(100), notice: id(9), action: WithOwner };
    let expected = Change::new(None, now()).write(write).event(id(100), notified(NoticeState::Acting));
    assert_eq!(committed.only(), expected);
    // Said before, and after the end.
    act(&cx, TOKEN, CalledNumber).await.unwrap().unwrap();
    assert_eq!(committed.attempts().len(), 1);
    let (cx, committed) = page_ports(shown(EmergencyStatus::Cancelled, vec![]));
    assert_eq!(act(&cx, TOKEN, WithOwner).await.unwrap().unwrap().actions, []);
    assert_eq!(committed.attempts(), []);
}

#[tokio::test]
async fn a_contact_that_acts_has_read_the_message() {
    let (cx, committed) = page_ports(shown(EmergencyStatus::Active, vec![]));
    act(&cx, TOKEN, ContactAction::Read).await.unwrap().unwrap();
    let write = Write::NoteContactAction { emergency: id(100), notice: id(9), action: ContactAction::Read };
    let expected = Change::new(None, now()).write(write).event(id(100), notified(NoticeState::Seen));
    assert_eq!(committed.only(), expected);
    let (cx, committed) = page_ports(shown(EmergencyStatus::Active, vec![ContactAction::WithOwner]));
    act(&cx, TOKEN, ContactAction::Read).await.unwrap().unwrap();
    assert_eq!(committed.attempts(), []);
}

#[tokio::test]
async fn a_token_is_good_for_its_page_only_and_looking_changes_nothing() {
    let (cx, committed) = page_ports(shown(EmergencyStatus::Active, vec![]));
    assert!(page(&cx, TOKEN).await.unwrap().is_some());
    for wrong in ["", "9 to StopContact", "8 to ContactPage"] {
        assert_eq!(page(&cx, wrong).await.unwrap(), None);
        assert_eq!(act(&cx, wrong, ContactAction::WithOwner).await.unwrap(), None);
    }
    assert_eq!(committed.attempts(), []);
}
