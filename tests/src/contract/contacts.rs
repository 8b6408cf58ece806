//! Emergency contacts, and the consent of their addresses.

use allynet_domain::{
    ConsentId, Contact, ContactDetails, ContactState, ContactTrigger, DueInvitation, Email, InvitationNote, Name,
    UserId, Write,
    port::{ContactEntry, SavedContact, StopTarget},
};
use futures_util::future::join_all;

use super::*;

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

fn email(name: &str) -> Email {
    format!("{name}@example.org").parse().unwrap()
}

fn entry(owner: UserId, address: &str, second: i64) -> ContactEntry {
    let details = ContactDetails::new(Name::parse("Mum").unwrap(), email(address));
    ContactEntry { owner, id: id(), details, is_new: true, consent: id(), at: at(second) }
}

const INVITED: SavedContact = SavedContact::Saved { state: ContactState::Invited, confirmed_at: None };

impl Store {
    async fn add(&self, owner: UserId, address: &str, second: i64) -> ContactEntry {
        let entry = entry(owner, address, second);
        assert_eq!(self.contacts.save(&entry).await.unwrap(), INVITED);
        entry
    }

    async fn contacts_of(&self, owner: UserId) -> Vec<Contact> {
        self.contacts.list(owner).await.unwrap()
    }

    async fn state(&self, owner: UserId) -> ContactState {
        let [contact] = <[Contact; 1]>::try_from(self.contacts_of(owner).await).unwrap();
        contact.state
    }

    /// Claims for a minute.
    async fn claim(&self, second: i64, limit: u32) -> Vec<DueInvitation> {
        self.contacts.claim_invitations(at(second), at(second + MINUTE), limit).await.unwrap()
    }

    /// Notes what became of an invitation that was claimed at `second`.
    async fn note(&self, consent: ConsentId, second: i64, note: InvitationNote) {
        self.contacts.note_invitation(consent, at(second + MINUTE), note, at(second + 1)).await.unwrap();
    }

    /// Claims all that is due, notes that it was sent, and returns the names of the addresses in alphabetical order.
    async fn invite_all(&self, second: i64) -> Vec<String> {
        let mut invited = Vec::new();
        for due in self.claim(second, 100).await {
            self.note(due.consent, second, InvitationNote::Sent).await;
            invited.push(due.email.as_str().trim_end_matches("@example.org").to_owned());
        }
        invited.sort_unstable();
        invited
    }
}

pub async fn contacts_are_listed_in_their_order_then_oldest_first(store: Store) {
    let [owner, other] = [store.register().await.id, store.register().await.id];
    let mut ordered = entry(owner, "first", 9);
    ordered.details = ContactDetails {
        phone: Some(text("+49 30 1")),
        after_seconds: 86_400,
        trigger: ContactTrigger::Unanswered,
        lives_with_owner: true,
        ..ordered.details
    };
    let mut last = entry(owner, "last", 1);
    last.details.order = 1_000;
    let [second, third] = [entry(owner, "second", 10), entry(owner, "third", 11)];
    for entry in [&third, &last, &ordered, &second] {
        assert_eq!(store.contacts.save(entry).await.unwrap(), INVITED);
    }
    let expected = [ordered, second, third, last].map(|ContactEntry { id, details, at, .. }| Contact {
        id,
        details,
        state: ContactState::Invited,
        confirmed_at: None,
        created_at: at,
    });
    assert_eq!(store.contacts_of(owner).await, expected);
    assert_eq!(store.contacts_of(other).await, []);
}

pub async fn a_contact_is_changed_and_removed_by_its_owner_only(store: Store) {
    let [owner, other] = [store.register().await.id, store.register().await.id];
    let added = store.add(owner, "mum", 1).await;
    let mut changed = ContactEntry { is_new: false, consent: id(), at: at(5), ..added.clone() };
    changed.details.order = 7;
    for unknown in [ContactEntry { owner: other, ..changed.clone() }, ContactEntry { id: id(), ..changed.clone() }] {
        assert_eq!(store.contacts.save(&unknown).await.unwrap(), SavedContact::Unknown);
    }
    assert_eq!(store.contacts_of(owner).await[0].details, added.details);
    assert_eq!(store.contacts.save(&changed).await.unwrap(), INVITED);
    let [stored] = <[Contact; 1]>::try_from(store.contacts_of(owner).await).unwrap();
    assert_eq!((stored.details, stored.created_at), (changed.details, at(1)));

    assert!(!store.contacts.remove(other, added.id).await.unwrap());
    assert!(store.contacts.remove(owner, added.id).await.unwrap());
    assert!(!store.contacts.remove(owner, added.id).await.unwrap());
    assert_eq!(store.contacts_of(owner).await, []);
}

pub async fn of_many_contacts_at_once_ten_are_added(store: Store) {
    let [owner, other] = [store.register().await.id, store.register().await.id];
    let entries: Vec<_> = (0..15).map(|n| entry(owner, &format!("c{n}"), n)).collect();
    let saved = join_all(entries.iter().map(|entry| store.contacts.save(entry))).await;
    assert_eq!(saved.into_iter().filter(|saved| *saved.as_ref().unwrap() == SavedContact::TooMany).count(), 5);
    assert_eq!(store.contacts_of(owner).await.len(), 10);
    store.add(other, "mum", 0).await;
}

pub async fn an_address_is_invited_once_by_each_user_whatever_becomes_of_the_contact(store: Store) {
    let [ada, bo] = [store.register().await.id, store.register().await.id];
    let added = store.add(ada, "mum", 0).await;
    assert_eq!(store.invite_all(0).await, ["mum"]);
    store.contacts.remove(ada, added.id).await.unwrap();
    let again = store.add(ada, "mum", 10).await;
    store.add(ada, "mum", 11).await;
    assert_eq!(store.invite_all(2 * DAY).await, [""; 0]);
    let other = ContactDetails { email: email("dad"), ..again.details.clone() };
    let changed = ContactEntry { is_new: false, consent: id(), details: other, at: at(20), ..again.clone() };
    assert_eq!(store.contacts.save(&changed).await.unwrap(), INVITED);
    assert_eq!(store.invite_all(20).await, ["dad"], "another address");
    let back = ContactEntry { is_new: false, consent: id(), at: at(30), ..again };
    assert_eq!(store.contacts.save(&back).await.unwrap(), INVITED);
    assert_eq!(store.invite_all(2 * DAY).await, [""; 0]);
    store.add(bo, "mum", 40).await;
    assert_eq!(store.invite_all(40).await, ["mum"], "another user");
}

pub async fn an_invitation_that_was_not_sent_goes_with_its_contact(store: Store) {
    let owner = store.register().await.id;
    let [first, second] = [store.add(owner, "mum", 0).await, store.add(owner, "mum", 1).await];
    store.contacts.remove(owner, first.id).await.unwrap();
    // The other contact has the same address.
    let claimed = store.claim(10, 5).await;
    assert_eq!(claimed.len(), 1);
    store.note(claimed[0].consent, 10, InvitationNote::Retry(at(20))).await;
    store.contacts.remove(owner, second.id).await.unwrap();
    assert_eq!(store.claim(30, 5).await, []);
    let third = store.add(owner, "mum", 40).await;
    let changed = ContactDetails { email: email("dad"), ..third.details.clone() };
    let changed = ContactEntry { is_new: false, consent: id(), details: changed, at: at(50), ..third };
    store.contacts.save(&changed).await.unwrap();
    assert_eq!(store.invite_all(60).await, ["dad"]);
}

pub async fn five_invitations_of_a_user_are_due_in_a_day(store: Store) {
    let [ada, bo] = [store.register().await.id, store.register().await.id];
    for n in 0..7 {
        store.add(ada, &format!("c{n}"), n).await;
    }
    store.add(bo, "mum", 7).await;
    assert_eq!(store.invite_all(10).await, ["c0", "c1", "c2", "c3", "c4", "mum"]);
    assert_eq!(store.invite_all(DAY - 1).await, [""; 0]);
    // A day after the first and the second.
    assert_eq!(store.invite_all(DAY).await, ["c5"]);
    assert_eq!(store.invite_all(DAY + 1).await, ["c6"]);
    for n in 7..10 {
        store.add(ada, &format!("c{n}"), DAY + n).await;
    }
    assert_eq!(store.invite_all(DAY + 10).await, ["c7", "c8", "c9"]);
}

pub async fn an_invitation_is_claimed_by_one_node_until_the_claim_ends(store: Store) {
    let (ada, other_node) = (store.register().await, store.another().await);
    let added: Vec<_> =
        join_all((0..4).map(|n| store.add(ada.id, ["a", "b", "c", "d"][n], i64::try_from(n).unwrap()))).await;
    assert_eq!(store.claim(-1, 10).await, []);
    let claims = join_all((0..6).map(|n| if n % 2 == 0 { store.claim(5, 1) } else { other_node.claim(5, 1) })).await;
    let mut claimed: Vec<_> = claims.concat().into_iter().map(|due| due.consent).collect();
    let mut expected: Vec<_> = added.iter().map(|entry| entry.consent).collect();
    claimed.sort_unstable();
    expected.sort_unstable();
    // Two that collide may leave one for later.
    claimed.extend(store.claim(5, 10).await.into_iter().map(|due| due.consent));
    claimed.sort_unstable();
    assert_eq!(claimed, expected, "each once");
    assert_eq!(store.claim(5 + MINUTE - 1, 10).await, []);
    let again = other_node.claim(5 + MINUTE, 10).await;
    assert_eq!(again.len(), 4);
    let first = again.iter().find(|due| due.consent == added[0].consent).unwrap();
    let expected = DueInvitation {
        consent: added[0].consent,
        email: email("a"),
        first_name: ada.profile.first_name.clone(),
        last_name: ada.profile.last_name.clone(),
        locale: ada.profile.locale,
        attempts: 0,
    };
    assert_eq!(*first, expected);
    // The claim of before was lost, so that nothing is noted by it.
    store.note(added[0].consent, 5, InvitationNote::Sent).await;
    assert_eq!(store.claim(5 + 3 * MINUTE, 10).await.len(), 4);
}

pub async fn an_invitation_is_sent_again_or_given_up(store: Store) {
    let owner = store.register().await.id;
    let consent = store.add(owner, "mum", 0).await.consent;
    assert_eq!(store.claim(0, 1).await[0].attempts, 0);
    store.note(consent, 0, InvitationNote::Retry(at(500))).await;
    assert_eq!(store.claim(499, 1).await, []);
    assert_eq!(store.claim(500, 1).await[0].attempts, 1);
    assert_eq!(store.state(owner).await, ContactState::Invited);
    store.note(consent, 500, InvitationNote::Undeliverable).await;
    assert_eq!(store.state(owner).await, ContactState::Undeliverable);
    assert_eq!(store.claim(2 * DAY, 1).await, []);
    // Nor when it is added again.
    let saved = store.contacts.save(&entry(owner, "mum", 2 * DAY)).await.unwrap();
    assert_eq!(saved, SavedContact::Saved { state: ContactState::Undeliverable, confirmed_at: None });
    assert_eq!(store.claim(3 * DAY, 1).await, []);
}

pub async fn invitations_of_blocked_users_wait(store: Store) {
    let [ada, bo] = [store.register().await.id, store.register().await.id];
    let consent = store.add(ada, "mum", 0).await.consent;
    store.add(bo, "dad", 1).await;
    let block = |blocked| store.write(Write::SetBlocked { user: ada, blocked, reason: None });
    block(true).await;
    assert_eq!(store.invite_all(10).await, ["dad"]);
    assert_eq!(store.contacts.consent(consent).await.unwrap(), None);
    block(false).await;
    assert_eq!(store.invite_all(20).await, ["mum"]);
}

pub async fn invitations_that_wait_can_be_dropped(store: Store) {
    let owner = store.register().await.id;
    store.add(owner, "mum", 0).await;
    assert_eq!(store.invite_all(0).await, ["mum"]);
    let [dad, _] = [store.add(owner, "dad", 1).await, store.add(owner, "friend", 2).await];
    let claimed = store.claim(1, 1).await;
    assert_eq!(store.contacts.drop_invitations().await.unwrap(), 2);
    assert_eq!(store.contacts.drop_invitations().await.unwrap(), 0);
    store.note(claimed[0].consent, 1, InvitationNote::Retry(at(10))).await;
    assert_eq!(store.claim(2 * DAY, 10).await, []);
    let changed = ContactEntry { is_new: false, consent: id(), at: at(20), ..dad };
    assert_eq!(store.contacts.save(&changed).await.unwrap(), INVITED);
    assert_eq!(store.invite_all(20).await, ["dad"]);
}

pub async fn an_address_agrees_once(store: Store) {
    let ada = store.register().await;
    let consent = store.add(ada.id, "mum", 0).await.consent;
    let seen = store.contacts.consent(consent).await.unwrap().unwrap();
    assert_eq!((&seen.first_name, &seen.last_name), (&ada.profile.first_name, &ada.profile.last_name));
    assert_eq!(seen.state, ContactState::Invited);
    for second in [10, 20] {
        let agreed = store.contacts.confirm(consent, at(second)).await.unwrap().unwrap();
        assert_eq!(agreed.state, ContactState::Confirmed);
    }
    let [contact] = <[Contact; 1]>::try_from(store.contacts_of(ada.id).await).unwrap();
    assert_eq!((contact.state, contact.confirmed_at), (ContactState::Confirmed, Some(at(10))));
    // The consent outlives the contact.
    store.contacts.remove(ada.id, contact.id).await.unwrap();
    let saved = store.contacts.save(&entry(ada.id, "mum", 30)).await.unwrap();
    assert_eq!(saved, SavedContact::Saved { state: ContactState::Confirmed, confirmed_at: Some(at(10)) });
    assert_eq!(store.contacts.confirm(id(), at(40)).await.unwrap(), None);
}

pub async fn a_stop_holds_for_every_user(store: Store) {
    let [ada, bo, eve] = [store.register().await.id, store.register().await.id, store.register().await.id];
    let consent = store.add(ada, "mum", 0).await.consent;
    let pending = store.add(bo, "mum", 0).await.consent;
    store.contacts.confirm(consent, at(5)).await.unwrap();
    assert!(store.contacts.stop(StopTarget::Contact(consent), at(10)).await.unwrap());
    assert!(store.contacts.stop(StopTarget::Contact(consent), at(11)).await.unwrap());
    assert!(!store.contacts.stop(StopTarget::Contact(id()), at(11)).await.unwrap());
    for owner in [ada, bo] {
        assert_eq!(store.state(owner).await, ContactState::Stopped);
    }
    assert_eq!(store.claim(20, 10).await, [], "nor is an invitation sent that was planned");
    let agreed = store.contacts.confirm(pending, at(30)).await.unwrap().unwrap();
    assert_eq!(agreed.state, ContactState::Stopped, "a stop is not undone by a link");
    let saved = store.contacts.save(&entry(eve, "mum", 40)).await.unwrap();
    assert!(matches!(saved, SavedContact::Saved { state: ContactState::Stopped, .. }), "{saved:?}");
    assert_eq!(store.claim(2 * DAY, 10).await, []);
    store.add(eve, "dad", 50).await;
    assert_eq!(store.invite_all(50).await, ["dad"]);
}
