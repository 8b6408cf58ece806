//! What emergency contacts are told of emergencies.

use allynet_domain::{
    Account, AlertPreferences, AlertSchedule, ContactAction, ContactDetails, ContactPage, ContactReview, ContactState,
    ContactTrigger, DueNotice, Emergency, EmergencyId, EmergencyStatus, Event, Name, NoticeKind, NoticeNote,
    ResponseStatus, UserId, Write,
    port::{ContactEntry, Error, SavedContact, StopTarget},
    testing::edited,
    usecase::{contact_notices::reviewed, emergencies, reopening},
};
use futures_util::future::join_all;

use super::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const NONE: [&str; 0] = [];

/// The change that makes a review due, at this second.
fn review(emergency: EmergencyId, second: i64) -> allynet_domain::Change {
    allynet_domain::Change::new(None, at(second)).write(Write::ReviewContacts(emergency))
}

fn entry(owner: UserId, name: &str) -> ContactEntry {
    let email = format!("{name}@example.org").parse().unwrap();
    let details = ContactDetails::new(Name::parse(name).unwrap(), email);
    ContactEntry { owner, id: id(), details, is_new: true, consent: id(), at: at(0) }
}

impl Store {
    /// Adds a contact that agrees at once. Its address is `{name}@example.org`.
    async fn confirmed(&self, owner: UserId, name: &str, more: impl FnOnce(&mut ContactDetails)) -> ContactEntry {
        let mut entry = entry(owner, name);
        more(&mut entry.details);
        let saved = self.contacts.save(&entry).await.unwrap();
        if matches!(saved, SavedContact::Saved { state: ContactState::Invited, .. }) {
            self.contacts.confirm(entry.consent, at(0)).await.unwrap().unwrap();
        }
        entry
    }

    /// Raises an emergency at `at(0)`, which makes a review due.
    async fn raise_reviewed(&self, emergency: Emergency) -> Emergency {
        let change = review(emergency.id(), 0);
        let writes = vec![raise(&emergency), change.writes[0].clone()];
        self.commit(allynet_domain::Change { writes, ..change }).await;
        emergency
    }

    async fn end_reviewed(&self, emergency: EmergencyId, second: i64) {
        self.cancel(emergency, at(second)).await;
        self.commit(review(emergency, second)).await;
    }

    async fn reviews(&self, second: i64) -> Vec<ContactReview> {
        self.contact_notices.claim_reviews(at(second), at(second + 10), 100).await.unwrap()
    }

    /// Takes all reviews that are due.
    async fn take_reviews(&self, second: i64) {
        for review in self.reviews(second).await {
            self.commit(reviewed(&review, &NewIds, at(second))).await;
        }
    }

    /// Claims for a minute.
    async fn notices(&self, second: i64, limit: u32) -> Vec<DueNotice> {
        self.contact_notices.claim_notices(at(second), at(second + MINUTE), limit).await.unwrap()
    }

    async fn try_note(&self, due: &DueNotice, note: NoticeNote, second: i64) -> Result<(), Error> {
        let (emergency, notice, lease_until) = (due.emergency, due.id, due.lease_until);
        let write = Write::NoteNotice { emergency, notice, lease_until, note };
        self.changes.commit(allynet_domain::Change::new(None, at(second)).write(write)).await
    }

    async fn note_notice(&self, due: &DueNotice, note: NoticeNote, second: i64) {
        self.try_note(due, note, second).await.unwrap();
    }

    /// Reviews, claims and sends everything that is due; returns the names and what they are told, in alphabetical order.
    async fn tell(&self, second: i64) -> Vec<String> {
        self.take_reviews(second).await;
        let mut told = Vec::new();
        for due in self.notices(second, 100).await {
            self.note_notice(&due, NoticeNote::Sent, second).await;
            told.push(format!("{} {}", due.email.as_str().trim_end_matches("@example.org"), due.kind));
        }
        told.sort_unstable();
        told
    }

    /// An owner with one contact, and an emergency of which the contact is to be told.
    async fn one_due(&self) -> (Account, Emergency, DueNotice) {
        let owner = self.register().await;
        self.confirmed(owner.id, "mum", |_| ()).await;
        let emergency = self.raise_reviewed(call_of(&owner)).await;
        self.take_reviews(1).await;
        let [due] = <[DueNotice; 1]>::try_from(self.notices(1, 10).await).unwrap();
        (owner, emergency, due)
    }
}

pub async fn a_contact_is_told_once_when_the_delay_is_over(store: Store) {
    let [owner, other] = [store.register().await, store.register().await];
    store.confirmed(owner.id, "mum", |_| ()).await;
    store.confirmed(owner.id, "dad", |c| c.after_seconds = 90).await;
    // The same address twice.
    store.confirmed(owner.id, "mum", |_| ()).await;
    store.contacts.save(&entry(other.id, "stranger")).await.unwrap();
    let emergency = store.raise_reviewed(call_of(&owner)).await;
    store.raise_reviewed(call_of(&other)).await;
    let reviews = store.reviews(0).await;
    assert_eq!(reviews.iter().map(|review| review.emergency).collect::<Vec<_>>(), [emergency.id()], "who has agreed");
    store.commit(reviewed(&reviews[0], &NewIds, at(0))).await;
    assert_eq!(store.tell(0).await, ["mum alert"]);
    assert_eq!(store.tell(89).await, NONE);
    let another = store.another().await;
    assert_eq!(another.tell(90).await, ["dad alert"]);
    assert_eq!(store.tell(900).await, NONE);
    let news = |e: &Event| matches!(e, Event::ContactNotified { owner: of, .. } if *of == owner.id);
    assert_eq!(store.events_of(emergency.id()).await.iter().filter(|logged| news(&logged.event)).count(), 2);
}

pub async fn a_notice_has_the_call_of_the_owner(store: Store) {
    let owner = store.helper().await;
    let preferences = AlertPreferences { zone: Some("Europe/Berlin".parse().unwrap()), ..AlertPreferences::default() };
    let (preferences, schedule) = (Box::new(preferences), AlertSchedule::default());
    store.write(Write::SetAlertPreferences { user: owner.id, preferences, schedule }).await;
    let contact = store.confirmed(owner.id, "mum", |_| ()).await;
    let emergency = store.raise_reviewed(call_of(&owner)).await;
    store.take_reviews(1).await;
    let [due] = <[DueNotice; 1]>::try_from(store.notices(2, 10).await).unwrap();
    let call = emergency.call();
    let expected = DueNotice {
        id: due.id,
        mail: due.mail,
        kind: NoticeKind::Alert,
        emergency: emergency.id(),
        owner: owner.id,
        contact: contact.id,
        consent: contact.consent,
        email: contact.details.email,
        first_name: owner.profile.first_name,
        last_name: owner.profile.last_name,
        locale: owner.profile.locale,
        zone: Some("Europe/Berlin".parse().unwrap()),
        attempts: 0,
        queued_at: at(1),
        lease_until: at(2 + MINUTE),
        call: Some((call.created_at, call.details.location.clone())),
    };
    assert_eq!(due, expected);
}

pub async fn an_address_that_was_told_often_is_told_of_emergencies_that_last(store: Store) {
    let owner = store.register().await;
    store.confirmed(owner.id, "mum", |_| ()).await;
    let raise_at = async |second: i64| {
        let emergency = edited(call_of(&owner), |e| e.call.created_at = at(second));
        let change = review(emergency.id(), second);
        let writes = vec![raise(&emergency), change.writes[0].clone()];
        store.commit(allynet_domain::Change { writes, ..change }).await;
        emergency.id()
    };
    // The fourth and the fifth of an hour, too.
    for second in [0, 100, 200, 300, 400] {
        let emergency = raise_at(second).await;
        assert_eq!(store.tell(second).await, ["mum alert"]);
        store.end_reviewed(emergency, second + 1).await;
        assert_eq!(store.tell(second + 1).await, ["mum ended"]);
    }
    let cancelled = raise_at(410).await;
    assert_eq!(store.tell(469).await, NONE);
    store.end_reviewed(cancelled, 469).await;
    assert_eq!(store.tell(480).await, NONE, "over before it was told");
    let lasting = raise_at(500).await;
    assert_eq!(store.tell(559).await, NONE);
    assert_eq!(store.tell(560).await, ["mum alert"]);
    store.end_reviewed(lasting, 580).await;
    assert_eq!(store.tell(580).await, ["mum ended"]);
    let later = raise_at(600).await;
    assert_eq!(store.tell(600).await, ["mum alert"], "ten minutes after the first");
    store.end_reviewed(later, 601).await;
}

pub async fn contacts_that_wait_for_an_answer_are_told_when_there_is_none(store: Store) {
    let owner = store.register().await;
    store.confirmed(owner.id, "mum", |c| c.trigger = ContactTrigger::Unanswered).await;
    store.confirmed(owner.id, "dad", |c| (c.trigger, c.after_seconds) = (ContactTrigger::Unanswered, 60)).await;
    let emergency = store.raise_reviewed(call_of(&owner)).await;
    assert_eq!(store.tell(5_000).await, NONE);
    let unanswered = Event::Unanswered { owner: owner.id, alerted: 0 };
    store.commit(review(emergency.id(), 6_000).event(emergency.id(), unanswered.clone())).await;
    assert_eq!(store.tell(6_000).await, ["mum alert"]);
    // Later ones do not count.
    store.commit(review(emergency.id(), 6_030).event(emergency.id(), unanswered)).await;
    assert_eq!(store.tell(6_059).await, NONE);
    assert_eq!(store.tell(6_060).await, ["dad alert"]);
}

pub async fn only_addresses_that_agreed_are_told(store: Store) {
    let [owner, other] = [store.register().await, store.register().await];
    let invited = entry(owner.id, "invited");
    store.contacts.save(&invited).await.unwrap();
    let gone = store.confirmed(owner.id, "gone", |_| ()).await;
    store.contacts.remove(owner.id, gone.id).await.unwrap();
    store.raise_reviewed(call_of(&owner)).await;
    assert_eq!(store.tell(1_000).await, NONE);
    // Agrees while the emergency is live.
    store.contacts.confirm(invited.consent, at(1_001)).await.unwrap();
    assert_eq!(store.tell(1_002).await, ["invited alert"]);
    store.contacts.stop(StopTarget::Contact(invited.consent), at(1_003)).await.unwrap();
    store.confirmed(other.id, "friend", |_| ()).await;
    store.confirmed(other.id, "invited", |_| ()).await;
    store.raise_reviewed(call_of(&other)).await;
    assert_eq!(store.tell(1_004).await, ["friend alert"]);
}

pub async fn contacts_that_live_with_the_owner_are_left_out_of_a_silent_emergency(store: Store) {
    let owner = store.register().await;
    store.confirmed(owner.id, "mum", |c| c.lives_with_owner = true).await;
    store.confirmed(owner.id, "friend", |_| ()).await;
    store.raise_reviewed(edited(call_of(&owner), |e| e.call.details.silent = true)).await;
    assert_eq!(store.tell(1_000).await, ["friend alert"]);
}

pub async fn an_address_that_was_told_hears_the_end_and_that_the_emergency_goes_on(store: Store) {
    let owner = store.register().await;
    store.confirmed(owner.id, "mum", |_| ()).await;
    store.confirmed(owner.id, "late", |c| c.after_seconds = 10_000).await;
    let emergency = store.raise_reviewed(call_of(&owner)).await;
    assert_eq!(store.tell(1_000).await, ["mum alert"]);
    store.end_reviewed(emergency.id(), 1_100).await;
    let mails = store.notices(1_100, 10).await;
    assert_eq!(mails, []);
    assert_eq!(store.tell(1_101).await, ["mum ended"]);
    assert_eq!(store.tell(1_102).await, NONE);
    // Live again: the delay has run on.
    let live = edited(store.load(emergency.id()).await.emergency, |e| {
        (e.status, e.ending) = (EmergencyStatus::Active, None);
    });
    store.write(update(&live, Vec::new())).await;
    store.commit(review(emergency.id(), 1_200)).await;
    assert_eq!(store.tell(1_201).await, ["mum resumed"]);
    assert_eq!(store.tell(10_000).await, ["late alert"]);
    store.end_reviewed(emergency.id(), 10_100).await;
    assert_eq!(store.tell(10_101).await, ["late ended", "mum ended"]);
}

pub async fn the_end_of_a_deleted_emergency_is_told(store: Store) {
    let (_, emergency, due) = store.one_due().await;
    store.note_notice(&due, NoticeNote::Sent, 2).await;
    store.end_reviewed(emergency.id(), 5).await;
    store.write(deletion(&store.load(emergency.id()).await.emergency)).await;
    let [reviewed_now] = <[ContactReview; 1]>::try_from(store.reviews(9).await).unwrap();
    assert_eq!(reviewed_now.state, None);
    store.commit(reviewed(&reviewed_now, &NewIds, at(9))).await;
    let [ended] = <[DueNotice; 1]>::try_from(store.notices(10, 10).await).unwrap();
    assert_eq!((ended.kind, &ended.call), (NoticeKind::Ended, &None));
    assert_ne!(ended.mail, due.mail, "another email");
    assert_eq!(store.contact_notices.page(due.id, at(10)).await.unwrap(), None);
    store.note_notice(&ended, NoticeNote::Sent, 11).await;
    assert_eq!(store.tell(11).await, NONE);
    assert_eq!(store.reviews(9 * HOUR).await, [], "all is told, and deleted");
}

pub async fn the_end_is_told_although_the_account_of_the_owner_was_deleted_since(store: Store) {
    let (owner, emergency, due) = store.one_due().await;
    store.confirmed(owner.id, "late", |c| c.after_seconds = 600).await;
    store.note_notice(&due, NoticeNote::Sent, 2).await;
    store.end_reviewed(emergency.id(), 5).await;
    let (user, former) = (owner.id, UserId::of_former(id()));
    store.commit(allynet_domain::Change::new(Some(user), at(6)).write(Write::DeleteAccount { user, former })).await;
    let holding = async || -> Vec<String> {
        let tables = store.dump().await.into_iter();
        tables.filter(|(_, rows)| rows.contains("@example.org")).map(|(table, _)| table).collect()
    };
    assert_eq!(holding().await, ["contact_consent"], "of the address that was told");

    store.take_reviews(9).await;
    let [ended] = <[DueNotice; 1]>::try_from(store.notices(10, 10).await).unwrap();
    assert_eq!((ended.kind, ended.email.as_str(), ended.owner), (NoticeKind::Ended, "mum@example.org", former));
    assert_eq!((&ended.first_name, &ended.last_name), (&owner.profile.first_name, &owner.profile.last_name));
    store.note_notice(&ended, NoticeNote::Sent, 11).await;
    assert_eq!(store.tell(11).await, NONE);
    store.take_reviews(9 * HOUR).await;
    let left = store.dump().await;
    assert_eq!((left["contact_review"].as_str(), left["contact_consent"].as_str()), ("", ""));
}

pub async fn a_review_is_claimed_by_one_node_until_the_emergency_changes(store: Store) {
    let (owner, other_node) = (store.register().await, store.another().await);
    store.confirmed(owner.id, "mum", |_| ()).await;
    let emergency = store.raise_reviewed(call_of(&owner)).await;
    assert_eq!(store.reviews(-1).await, []);
    let claims = join_all([store.reviews(0), other_node.reviews(0), store.reviews(0)]).await.concat();
    let [claimed] = <[ContactReview; 1]>::try_from(claims).unwrap();
    assert_eq!(store.reviews(9).await, []);
    let [again] = <[ContactReview; 1]>::try_from(other_node.reviews(10).await).unwrap();
    let lost = store.changes.commit(reviewed(&claimed, &NewIds, at(10))).await;
    assert!(matches!(lost, Err(Error::Stale)), "{lost:?}");
    store.end_reviewed(emergency.id(), 11).await;
    let decided_before = store.changes.commit(reviewed(&again, &NewIds, at(12))).await;
    assert!(matches!(decided_before, Err(Error::Stale)), "{decided_before:?}");
    assert_eq!(store.notices(12, 10).await, []);
    let events = store.events_of(emergency.id()).await;
    assert!(!events.iter().any(|logged| matches!(logged.event, Event::ContactNotified { .. })), "no event is left");
    assert_eq!(store.tell(12).await, NONE, "it ended before a contact was told");
}

pub async fn a_notice_is_claimed_by_one_node_and_tried_again(store: Store) {
    let (owner, other_node) = (store.register().await, store.another().await);
    store.confirmed(owner.id, "mum", |_| ()).await;
    store.raise_reviewed(call_of(&owner)).await;
    store.take_reviews(0).await;
    let claims = join_all([store.notices(0, 5), other_node.notices(0, 5), store.notices(0, 5)]).await.concat();
    let [claimed] = <[DueNotice; 1]>::try_from(claims).unwrap();
    store.note_notice(&claimed, NoticeNote::Retry(at(10)), 1).await;
    assert_eq!(other_node.notices(9, 5).await, []);
    let [again] = <[DueNotice; 1]>::try_from(other_node.notices(10, 5).await).unwrap();
    assert_eq!((again.id, again.mail, again.attempts, again.queued_at), (claimed.id, claimed.mail, 1, at(0)));
    // The first claim is over.
    let lost = store.try_note(&claimed, NoticeNote::Sent, 11).await;
    assert!(matches!(lost, Err(Error::Stale)), "{lost:?}");
    // The node dies.
    assert_eq!(store.notices(9 + MINUTE, 5).await, []);
    let [third] = <[DueNotice; 1]>::try_from(store.notices(10 + MINUTE, 5).await).unwrap();
    store.note_notice(&third, NoticeNote::Sent, 11 + MINUTE).await;
    assert_eq!(store.tell(9 * HOUR).await, NONE);
}

pub async fn a_notice_that_may_have_been_sent_counts_as_sent_after_the_end(store: Store) {
    let (_, emergency, due) = store.one_due().await;
    store.end_reviewed(emergency.id(), 2).await;
    assert_eq!(store.tell(3).await, NONE, "its node may be sending it");
    let [waiting] = <[ContactReview; 1]>::try_from(store.reviews(1 + MINUTE).await).unwrap();
    store.commit(reviewed(&waiting, &NewIds, at(1 + MINUTE))).await;
    let lost = store.try_note(&due, NoticeNote::Sent, 1 + MINUTE).await;
    assert!(matches!(lost, Err(Error::Stale)), "{lost:?}");
    assert_eq!(store.tell(1 + MINUTE).await, ["mum ended"]);
    // One whose node lives is noted, which makes the review due at once.
    let (_, second, due) = store.one_due().await;
    store.end_reviewed(second.id(), 2).await;
    assert_eq!(store.tell(3).await, NONE);
    store.note_notice(&due, NoticeNote::Sent, 4).await;
    assert_eq!(store.tell(4).await, ["mum ended"]);
}

pub async fn notices_of_emergencies_take_turns(store: Store) {
    let [ada, bo] = [store.register().await, store.register().await];
    for n in 0..3 {
        store.confirmed(ada.id, &format!("a{n}"), |c| c.order = n).await;
    }
    store.confirmed(bo.id, "b0", |_| ()).await;
    store.raise_reviewed(call_of(&ada)).await;
    store.take_reviews(0).await;
    store.raise_reviewed(call_of(&bo)).await;
    store.take_reviews(5).await;
    let mut order = Vec::new();
    for _ in 0..5 {
        let due = store.notices(6, 1).await;
        order.extend(due.iter().map(|due| due.email.as_str().trim_end_matches("@example.org").to_owned()));
    }
    assert_eq!(order, ["a0", "b0", "a1", "a2"]);
}

pub async fn an_address_that_cannot_be_reached_is_told_nothing_more(store: Store) {
    let (owner, emergency, due) = store.one_due().await;
    store.note_notice(&due, NoticeNote::Undeliverable, 2).await;
    assert_eq!(store.contacts.list(owner.id).await.unwrap()[0].state, ContactState::Undeliverable);
    store.commit(review(emergency.id(), 3)).await;
    assert_eq!(store.tell(4).await, NONE);
    store.end_reviewed(emergency.id(), 5).await;
    assert_eq!(store.tell(6).await, NONE);
    let (other, emergency, due) = store.one_due().await;
    store.note_notice(&due, NoticeNote::GivenUp, 2).await;
    assert_eq!(store.contacts.list(other.id).await.unwrap()[0].state, ContactState::Confirmed);
    store.commit(review(emergency.id(), 3)).await;
    assert_eq!(store.tell(4).await, NONE);
}

pub async fn a_notice_is_not_sent_once_it_is_overtaken(store: Store) {
    let queued = async |name: &'static str| {
        let owner = store.register().await;
        let contact = store.confirmed(owner.id, name, |_| ()).await;
        let emergency = store.raise_reviewed(call_of(&owner)).await;
        store.take_reviews(0).await;
        (contact, emergency.id())
    };
    let (_, ended) = queued("ended").await;
    let (removed, _) = queued("removed").await;
    let (stopped, _) = queued("stopped").await;
    queued("friend").await;
    store.cancel(ended, at(1)).await;
    store.contacts.remove(removed.owner, removed.id).await.unwrap();
    store.contacts.stop(StopTarget::Contact(stopped.consent), at(1)).await.unwrap();
    let due = store.notices(2, 10).await;
    assert_eq!(due.iter().map(|due| due.email.as_str()).collect::<Vec<_>>(), ["friend@example.org"]);
}

pub async fn the_page_of_a_contact_is_shown_until_two_hours_after_the_end(store: Store) {
    let (owner, emergency, due) = store.one_due().await;
    let page = async |second| store.contact_notices.page(due.id, at(second)).await.unwrap();
    let call = emergency.call();
    let expected = ContactPage {
        notice: due.id,
        emergency: emergency.id(),
        owner: owner.id,
        contact: due.contact,
        first_name: owner.profile.first_name.clone(),
        last_name: owner.profile.last_name.clone(),
        location: call.details.location.clone(),
        status: EmergencyStatus::Active,
        helpers: 0,
        actions: Vec::new(),
    };
    assert_eq!(page(2).await, Some(expected.clone()));
    assert_eq!(store.contact_notices.page(id(), at(2)).await.unwrap(), None);
    let [coming, gone, stalling] = [store.helper().await, store.helper().await, store.helper().await];
    let cancelled = edited_response(response_of(&gone, at(3)));
    let mut stalled = response_of(&stalling, at(3));
    stalled.record.dispatch.stalled_at = Some(at(3));
    let responses = vec![response_of(&coming, at(3)), cancelled, stalled];
    store.write(update(&store.load(emergency.id()).await.emergency, responses)).await;
    assert_eq!(page(4).await, Some(ContactPage { helpers: 1, ..expected.clone() }));
    store.end_reviewed(emergency.id(), 100).await;
    let ended = ContactPage { status: EmergencyStatus::Cancelled, ..expected };
    assert_eq!(page(100 + 2 * HOUR - 1).await.map(|page| ContactPage { helpers: 0, ..page }), Some(ended));
    assert_eq!(page(100 + 2 * HOUR).await, None);
    let (owner, _, due) = store.one_due().await;
    assert!(store.contact_notices.page(due.id, at(2)).await.unwrap().is_some());
    store.contacts.remove(owner.id, due.contact).await.unwrap();
    assert_eq!(store.contact_notices.page(due.id, at(2)).await.unwrap(), None, "the contact was removed");
}

fn edited_response(response: allynet_domain::Response) -> allynet_domain::Response {
    allynet_domain::Response { status: ResponseStatus::Cancelled, ..response }
}

pub async fn a_contact_says_once_what_they_do(store: Store) {
    let (_, emergency, due) = store.one_due().await;
    let say = |action| Write::NoteContactAction { emergency: emergency.id(), notice: due.id, action };
    store.write(say(ContactAction::Read)).await;
    store.write(say(ContactAction::CalledNumber)).await;
    let again = store.try_write(say(ContactAction::CalledNumber)).await;
    assert!(matches!(again, Err(Error::Stale)), "{again:?}");
    let said = async || store.contact_notices.page(due.id, at(5)).await.unwrap().unwrap().actions;
    assert_eq!(said().await, [ContactAction::CalledNumber, ContactAction::Read]);
    store.write(say(ContactAction::WithOwner)).await;
    assert_eq!(said().await, [ContactAction::WithOwner, ContactAction::CalledNumber, ContactAction::Read]);
    let unknown =
        Write::NoteContactAction { emergency: emergency.id(), notice: id(), action: ContactAction::WithOwner };
    assert!(matches!(store.try_write(unknown).await, Err(Error::Stale)));
}

pub async fn a_contact_that_acts_has_read_the_message(store: Store) {
    for action in [ContactAction::WithOwner, ContactAction::CalledNumber] {
        let (_, emergency, due) = store.one_due().await;
        let say = |action| Write::NoteContactAction { emergency: emergency.id(), notice: due.id, action };
        store.write(say(action)).await;
        assert!(matches!(store.try_write(say(ContactAction::Read)).await, Err(Error::Stale)));
        let said = store.contact_notices.page(due.id, at(5)).await.unwrap().unwrap().actions;
        assert_eq!(said, [action]);
    }
}

pub async fn what_waits_for_contacts_can_be_dropped(store: Store) {
    let owner = store.register().await;
    for (name, after) in [("mum", 0), ("dad", 50), ("friend", 200)] {
        store.confirmed(owner.id, name, |c| c.after_seconds = after).await;
    }
    let emergency = store.raise_reviewed(call_of(&owner)).await;
    store.take_reviews(0).await;
    let [claimed] = <[DueNotice; 1]>::try_from(store.notices(0, 10).await).unwrap();
    assert_eq!(store.contact_notices.drop_waiting(at(100)).await.unwrap(), 1);
    assert_eq!(store.contact_notices.drop_waiting(at(100)).await.unwrap(), 0);
    assert!(matches!(store.try_note(&claimed, NoticeNote::Sent, 1).await, Err(Error::Stale)));
    store.commit(review(emergency.id(), 110)).await;
    assert_eq!(store.tell(110).await, NONE);
    assert_eq!(store.tell(200).await, ["friend alert"], "due later");
    store.end_reviewed(emergency.id(), 300).await;
    assert_eq!(store.tell(301).await, ["friend ended", "mum ended"], "what was dropped may have been sent");
}

pub async fn notices_are_deleted_when_nothing_is_left_to_tell(store: Store) {
    let (_, emergency, due) = store.one_due().await;
    store.note_notice(&due, NoticeNote::Sent, 2).await;
    store.end_reviewed(emergency.id(), 5).await;
    assert_eq!(store.tell(6).await, ["mum ended"]);
    assert_eq!(store.tell(5 + 2 * HOUR - 1).await, NONE);
    assert!(store.contact_notices.page(due.id, at(6)).await.unwrap().is_some());
    assert_eq!(store.tell(5 + 2 * HOUR).await, NONE);
    assert_eq!(store.contact_notices.page(due.id, at(6)).await.unwrap(), None);
    assert_eq!(store.reviews(99 * HOUR).await, []);
}

pub async fn every_change_that_concerns_contacts_makes_a_review_due(store: Store) {
    telling(store, |mut service| async move {
        service.rules.tells_contacts = true;
        let store = service.store.clone();
        let owner = store.register().await;
        store.confirmed(owner.id, "mum", |_| ()).await;
        let is_due = async |service: &Service, seconds| {
            service.advance(chrono::TimeDelta::seconds(seconds));
            let lease = service.now() + chrono::TimeDelta::seconds(1);
            let claimed = store.contact_notices.claim_reviews(service.now(), lease, 10).await.unwrap();
            for review in &claimed {
                // What it decides is of no matter here.
                let write = Write::PlanNotices {
                    emergency: review.emergency,
                    lease_until: lease,
                    next_at: None,
                    is_over: false,
                    notices: vec![],
                };
                store.write(write).await;
            }
            claimed.len() == 1
        };
        let helper = service.helper(1_000.0).await;
        let of = service.raise_as(&owner).await;
        assert!(is_due(&service, 0).await, "raised");
        assert!(!is_due(&service, 9).await);
        while !service.story(of).await.iter().any(|event| event.starts_with("unanswered")) {
            service.minute().await;
        }
        assert!(is_due(&service, 0).await, "unanswered");
        service.accept(of, &helper).await;
        assert!(!is_due(&service, 1).await, "contacts are not told who comes");
        emergencies::resolve(&service.context(), &actor(&helper), of, None).await.unwrap();
        assert!(is_due(&service, 0).await, "ended");
        reopening::reopen(&service.context(), &actor(&owner), of).await.unwrap();
        assert!(is_due(&service, 0).await, "reopened");
        emergencies::cancel(&service.context(), &actor(&owner), of, None).await.unwrap();
        assert!(is_due(&service, 0).await, "ended again");
        service.rules.tells_contacts = false;
        service.raise_as(&owner).await;
        assert!(!is_due(&service, 9).await, "without email nothing is queued");
    })
    .await;
}
