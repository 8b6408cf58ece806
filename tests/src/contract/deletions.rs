//! The deletion of accounts.

use allynet_domain::{
    AccessKind, Account, BlockTarget, Change, ContactDetails, Device, Email, Emergency, EmergencyId, Event,
    HelperReputation, Message, Name, OutboxKind, OutboxRecipient, PlaceReading, Profile, ReadPlace, Recipient,
    Relation, ResponseStatus, Role, Score, Sender, Session, Text, To, UserAgent, UserId, Write,
    port::{Constraint, ContactEntry, Error, HelperPage, LoginSource, MessagePage, NewPasswordReset},
    testing,
};
use chrono::TimeDelta;
use futures_util::future::join;

use super::{resources::reported_by, *};
use crate::tables;

const NAMES: [&str; 2] = ["Zaphodia", "Beeblebrox"];
const EMAIL: &str = "leaver@example.org";

fn leaver() -> Account {
    let [first_name, last_name] = NAMES.map(|name| Name::parse(name).unwrap());
    let email: Email = EMAIL.parse().unwrap();
    Account { email, profile: Profile::new(first_name, Some(last_name)), ..new_account() }
}

fn former() -> UserId {
    UserId::of_former(id())
}

/// The change that deletes an account at `at(60)`.
fn leaving(user: UserId, former: UserId) -> Change {
    let revoked = Event::SessionsRevoked { user, only: None, except: None, former: Some(former) };
    Change::new(Some(user), at(60)).write(Write::DeleteAccount { user, former }).account_event(revoked)
}

impl Store {
    async fn leave(&self, user: UserId) -> UserId {
        let former = former();
        self.commit(leaving(user, former)).await;
        former
    }

    async fn reports_about(&self, user: UserId) -> u32 {
        let page = HelperPage { verification: None, after: None, limit: 100 };
        let helpers = self.accounts.helpers(&page).await.unwrap();
        helpers.into_iter().find(|helper| helper.account.id == user).unwrap().reports
    }

    async fn say(&self, emergency: &Emergency, from: Sender, to: To, second: i64) {
        let message = Message { from, to, ..message_in(emergency, at(second)) };
        let posted = Event::MessagePosted { message: message.clone() };
        self.commit(change().write(Write::PostMessage(message)).event(emergency.id(), posted)).await;
    }

    /// An emergency of the account with a contact who agreed, a message for its devices, and a message with a number of the app.
    async fn tell_contacts_and_devices(&self, account: &Account) {
        let details = ContactDetails::new(Name::parse("Trillian").unwrap(), "trillian@example.org".parse().unwrap());
        let contact = ContactEntry { owner: account.id, id: id(), details, is_new: true, consent: id(), at: at(0) };
        self.contacts.save(&contact).await.unwrap();
        self.contacts.confirm(contact.consent, at(0)).await.unwrap().unwrap();
        let emergency = self.raise(call_of(account)).await;
        let message = message_in(&emergency, at(1));
        let (request, of) = (text("tap"), emergency.id());
        let request = Write::AddMessageRequest { emergency: of, sender: account.id, request, message: message.id };
        let change = change().write(Write::ReviewContacts(of)).write(Write::PostMessage(message)).write(request);
        let (kind, recipients) = (OutboxKind::Ended, vec![OutboxRecipient::user(account.id)]);
        self.commit(change.event(of, marker(1)).send(kind, emergency.call(), recipients, TimeDelta::minutes(15))).await;
        self.resolve(of, at(5)).await;
    }

    /// An emergency of the owner that the helper was alerted to, accepted and resolved, with what both said of it.
    async fn told_by(&self, owner: &Account, helper: &Account) -> EmergencyId {
        let emergency = self.raise(call_of(owner)).await;
        let id = emergency.id();
        let created = Event::EmergencyCreated {
            call: emergency.call().clone(),
            nearby_helpers: 1,
            hidden_from: vec![],
            announced: true,
        };
        let recipients = vec![Recipient::new(helper.id, metres(1.0))];
        self.commit(change().write(Write::SendAlerts { emergency: id, wave: 1, recipients }).event(id, created)).await;
        self.accept(id, helper, at(1)).await;
        self.update_response(id, helper, ResponseStatus::Completed).await;
        self.say(&emergency, Sender::Owner(owner.person()), To::Helper(helper.id), 2).await;
        self.say(&emergency, Sender::Helper(helper.person()), To::Owner, 3).await;
        let mut ended = self.load(id).await.emergency;
        ended.resolve(helper.id, Relation::RespondingHelper, None, at(4)).unwrap();
        self.write(update(&ended, vec![])).await;
        self.write(trust(&emergency, vec![helper.id], 50)).await;
        let (score, comment) = (Score::new(4).unwrap(), Some(text("kind")));
        self.write(Write::AddRating { emergency: id, helper: helper.id, score, comment, counts: None }).await;
        for (reporter, about) in [(owner.id, helper.id), (helper.id, owner.id)] {
            self.write(Write::AddReport { emergency: id, reporter, about, reason: text("rude") }).await;
        }
        id
    }
}

/// A helper of whom every table has a row that can be of an account, and another helper, who has a part in it.
pub(super) async fn account_in_every_table(store: &Store) -> (Account, Account) {
    let (account, other) = (store.enlist(leaver(), verified()).await, store.helper().await);
    store.told_by(&account, &other).await;
    store.told_by(&other, &account).await;
    let gone = store.told_by(&account, &other).await;
    store.write(deletion(&store.find(gone).await)).await;
    // What goes with the account alone.
    let session = Session { user_agent: UserAgent::read("Heart of Gold"), ..session_of(account.id) };
    store.write(Write::OpenSession(session.clone())).await;
    let device = Device { id: id(), user: account.id, session: session.id, ..testing::device(1) };
    store.write(Write::RegisterDevice { device: Box::new(device), replaced: vec![] }).await;
    let source = LoginSource { account: keyed(1), address: keyed(2) };
    store.write(Write::RecordLogin { user: account.id, source }).await;
    store.locate(account.id, place(1.0, 2.0)).await;
    store.block(&account, BlockTarget::Email("marvin@example.org".parse().unwrap())).await;
    store.block(&other, BlockTarget::User(account.id)).await;
    let reset = NewPasswordReset { email: account.email.clone(), token: keyed(3), at: at(0) };
    store.password_resets.issue(&reset).await.unwrap();
    let places = vec![ReadPlace { user: account.id, emergency: gone }];
    let reading = PlaceReading { reader: other.id, at: at(5), what: AccessKind::Emergency, places };
    store.access_log.record(&reading).await.unwrap();
    store.tell_contacts_and_devices(&account).await;
    reported_by(store, account.id).await;
    (account, other)
}

/// The tables of which a row contains the id.
pub(super) async fn tables_with(store: &Store, user: UserId) -> Vec<String> {
    let number = uuid::Uuid::from(user).simple().to_string();
    store.dump().await.into_iter().filter(|(_, rows)| rows.contains(&number)).map(|(table, _)| table).collect()
}

pub async fn nothing_of_a_deleted_account_is_left_but_what_others_have_a_part_in(store: Store) {
    let (account, _other) = account_in_every_table(&store).await;
    let traces = NAMES.map(str::to_lowercase).into_iter().chain([EMAIL.to_owned(), "heart of gold".to_owned()]);
    let number = uuid::Uuid::from(account.id).simple().to_string();
    let traces: Vec<_> = traces.chain([number.clone(), "marvin@".to_owned()]).collect();
    let holding = async |trace: &str| -> Vec<String> {
        let tables = store.dump().await.into_iter();
        tables.filter(|(_, rows)| rows.contains(trace)).map(|(table, _)| table).collect()
    };
    let before = tables_with(&store, account.id).await;
    // Not before the deletion.
    let expected = tables::of_accounts().map(|table| table.name).filter(|name| *name != "account_erasure");
    assert_eq!(before, expected.collect::<Vec<_>>(), "what the fixture writes of the account");

    store.leave(account.id).await;
    for trace in traces.iter().filter(|trace| **trace != number) {
        assert_eq!(holding(trace).await, Vec::<String>::new(), "{trace}");
    }
    // The block of another by its id, the event that closes its sockets, and the note of a minute.
    assert_eq!(holding(&number).await, ["account_erasure", "event", "user_block"]);
    store.changes.erase_deleted(at(61), 10).await.unwrap();
    assert_eq!(holding(&number).await, ["event", "user_block"]);
}

pub async fn at_most_limit_deleted_accounts_are_erased_at_a_time(store: Store) {
    for _ in 0..3 {
        let account = store.register().await;
        store.leave(account.id).await;
    }
    for expected in [2, 1, 0] {
        assert_eq!(store.changes.erase_deleted(at(61), 2).await.unwrap(), expected);
    }
}

pub async fn a_deleted_account_is_a_former_user_to_others(store: Store) {
    let (account, other) = (store.enlist(leaver(), verified()).await, store.helper().await);
    let (own, helped) = (store.told_by(&account, &other).await, store.told_by(&other, &account).await);
    let former = store.leave(account.id).await;

    let person = store.find(own).await.call().owner.clone();
    assert_eq!((person.id, person.first_name.as_str()), (former, "Former"));
    assert_eq!(person.last_name.as_ref().map(Text::as_str), Some("user"));
    let emergency = store.find(helped).await;
    let [response] = emergency.responses() else { panic!("{emergency:?}") };
    assert_eq!((&response.helper.person, response.status), (&person, ResponseStatus::Completed));
    assert_eq!(response.helper.reputation, HelperReputation::default());
    assert_eq!(emergency.ending().and_then(|ending| ending.by), Some(former));
    for (id, is_owner) in [(own, true), (helped, false)] {
        let page = MessagePage { emergency: id, reader: other.id, before: None, limit: 10 };
        let messages = store.messages(&page).await;
        let senders: Vec<_> = messages.iter().map(|message| message.from.clone()).collect();
        let expected = if is_owner {
            [Sender::Owner(person.clone()), Sender::Helper(other.person())]
        } else {
            [Sender::Owner(other.person()), Sender::Helper(person.clone())]
        };
        assert_eq!(senders, expected);
        let events = store.events_of(id).await;
        let named = format!("{events:?}");
        assert!(named.contains(&former.to_string()) && !named.contains(NAMES[0]), "{named}");
        assert!(events.iter().all(|event| event.actor != Some(account.id)));
    }
    // Events of the deletion itself keep the id for a minute: clients know the account by it.
    let entry = Event::AlertDeclined { helper: account.id };
    let late = Change::new(Some(account.id), at(60)).event(helped, entry);
    store.commit(late).await;
    store.changes.erase_deleted(at(60), 10).await.unwrap();
    assert_eq!(store.events_of(helped).await.last().unwrap().actor, Some(account.id));
    store.changes.erase_deleted(at(61), 10).await.unwrap();
    let last = store.events_of(helped).await.pop().unwrap();
    assert_eq!((last.actor, last.event), (Some(former), Event::AlertDeclined { helper: former }));
}

pub async fn blocks_and_reports_wait_for_a_new_account_of_the_email(store: Store) {
    let (account, other) = (store.enlist(leaver(), verified()).await, store.helper().await);
    store.told_by(&account, &other).await;
    store.block(&other, BlockTarget::User(account.id)).await;
    assert_eq!(store.reports_about(account.id).await, 1);
    store.leave(account.id).await;
    assert_eq!(store.account(other.id).await.blocks, []);
    let stranger = store.helper().await;
    assert_eq!(store.reports_about(stranger.id).await, 0);
    for reports in [1, 2] {
        let new = store.enlist(Account { id: id(), ..leaver() }, verified()).await;
        assert_eq!(store.account(other.id).await.blocks, [new.id]);
        assert_eq!(store.reports_about(new.id).await, reports);
        // The reporter does not learn of the new account.
        let own = store.exports.records(other.id, 10).await.unwrap().reports;
        assert!(own.iter().all(|report| report.about.is_some_and(UserId::is_former)), "{own:?}");
        let emergency = store.raise(call_of(&new)).await;
        store.resolve(emergency.id(), at(1)).await;
        let reason = text("again");
        store.write(Write::AddReport { emergency: emergency.id(), reporter: other.id, about: new.id, reason }).await;
        store.leave(new.id).await;
    }
}

pub async fn an_account_that_is_gone_is_neither_found_nor_logged_in(store: Store) {
    let account = store.register_as(leaver()).await;
    let session = session_of(account.id);
    store.write(Write::OpenSession(session.clone())).await;
    assert!(store.sessions.recognize(session.id, account.id).await.unwrap().is_some());
    let former = store.leave(account.id).await;
    for user in [account.id, former] {
        assert_eq!(store.accounts.find(user).await.unwrap(), None);
        assert_eq!(store.sessions.recognize(session.id, user).await.unwrap(), None);
        assert_eq!(store.sessions.authenticate(session.id, user).await.unwrap(), None);
        assert!(matches!(store.try_write(Write::OpenSession(session_of(account.id))).await, Err(Error::Stale)));
    }
    assert!(store.accounts.credentials(&account.email).await.unwrap().is_none());
    let again = store.changes.commit(leaving(account.id, former_of(9))).await;
    assert!(matches!(again, Err(Error::Stale)), "{again:?}");
    // The email is free at once.
    store.register_as(Account { id: id(), ..leaver() }).await;
}

pub async fn an_account_is_not_deleted_while_it_takes_part_in_a_live_emergency(store: Store) {
    let (owner, helper) = (store.register().await, store.helper().await);
    let emergency = store.raise(call_of(&owner)).await;
    store.accept(emergency.id(), &helper, at(1)).await;
    for account in [&owner, &helper] {
        let refused = store.changes.commit(leaving(account.id, former())).await;
        assert!(matches!(refused, Err(Error::Stale)), "{refused:?}");
        assert_eq!(store.account(account.id).await.email, account.email);
    }
    store.write(Write::SetBlocked { user: helper.id, blocked: true, reason: None }).await;
    store.resolve(emergency.id(), at(2)).await;
    let refused = store.changes.commit(leaving(helper.id, former())).await;
    assert!(matches!(refused, Err(Error::Stale)), "a blocked account stays: {refused:?}");
    store.leave(owner.id).await;
}

pub async fn one_administrator_is_left(store: Store) {
    let other_node = store.another().await;
    let admin = async || store.register_as(Account { role: Role::Admin, ..new_account() }).await;
    let is_last = |outcome: &Result<(), Error>| matches!(outcome, Err(Error::Conflict(Constraint::LastAdministrator)));
    let first = admin().await;
    assert!(is_last(&store.changes.commit(leaving(first.id, former())).await));
    let blocked = admin().await;
    store.write(Write::SetBlocked { user: blocked.id, blocked: true, reason: None }).await;
    assert!(is_last(&store.changes.commit(leaving(first.id, former())).await), "a blocked one does not count");
    for _ in 0..5 {
        let second = admin().await;
        let [one, other] = store
            .accounts
            .administrators()
            .await
            .unwrap()
            .into_iter()
            .filter(|a| !a.blocked)
            .map(|a| a.id)
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let [a, b] = [(&store, one), (&other_node, other)]
            .map(|(node, user)| async move { node.changes.commit(leaving(user, former())).await });
        let outcomes: [_; 2] = join(a, b).await.into();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?} {}", second.id);
        assert!(outcomes.iter().all(|outcome| outcome.is_ok() || is_last(outcome)), "{outcomes:?}");
    }
}

pub async fn an_administrator_is_named_by_no_event_of_an_emergency(store: Store) {
    let admin = async || store.register_as(Account { role: Role::Admin, ..new_account() }).await;
    let (admin, _other) = (admin().await, admin().await);
    let emergency = store.emergency().await.id();
    // More than are changed at a time.
    let mut change = Change::new(Some(admin.id), at(1));
    for _ in 0..450 {
        change = change.event(emergency, marker(1));
    }
    store.commit(change).await;
    let former = store.leave(admin.id).await;
    let actors: Vec<_> = store.events_of(emergency).await.into_iter().map(|event| event.actor).collect();
    assert_eq!(actors, vec![Some(former); 450]);
}

pub async fn of_a_deletion_and_an_emergency_raised_at_once_the_later_knows_of_the_earlier(store: Store) {
    let other_node = store.another().await;
    for _ in 0..8 {
        let account = store.register().await;
        let call = call_of(&account);
        let outcomes =
            join(store.changes.commit(leaving(account.id, former())), other_node.try_write(raise(&call))).await;
        let is_gone = store.accounts.find(account.id).await.unwrap().is_none();
        let is_raised = store.emergencies.find(call.id()).await.unwrap().is_some();
        match outcomes {
            (Ok(()), Err(Error::Conflict(Constraint::Owner))) => assert!(is_gone && !is_raised),
            (Err(Error::Stale), Ok(())) => assert!(is_raised && !is_gone),
            other => panic!("{other:?}"),
        }
    }
}

pub async fn of_a_deletion_and_an_acceptance_at_once_the_later_knows_of_the_earlier(store: Store) {
    let other_node = store.another().await;
    for _ in 0..8 {
        let (owner, helper) = (store.register().await, store.helper().await);
        let mut emergency = store.raise(call_of(&owner)).await;
        emergency.accept(helper.helper_card(), None, testing::REACCEPT_PAUSE, at(1)).unwrap();
        let response = emergency.response(helper.id).unwrap().clone();
        let accepted = other_node.try_write(update(&emergency, vec![response]));
        let outcomes = join(store.changes.commit(leaving(helper.id, former())), accepted).await;
        let responds = !store.find(emergency.id()).await.responses().is_empty();
        match outcomes {
            (Ok(()), Err(Error::Stale)) => assert!(!responds),
            (Err(Error::Stale), Ok(())) => assert!(responds),
            other => panic!("{other:?}"),
        }
    }
}

pub async fn an_alert_that_was_held_for_a_deleted_account_stops_nothing(store: Store) {
    let (account, other) = (store.helper().await, store.helper().await);
    let emergency = store.emergency().await.id();
    store.leave(account.id).await;
    let recipients = [account.id, other.id].map(|helper| Recipient::new(helper, metres(1.0))).to_vec();
    store.write(Write::SendAlerts { emergency, wave: 1, recipients }).await;
    let alerts = store.load(emergency).await.alerts;
    assert!(alerts.iter().any(|alert| alert.helper == other.id && alert.sent_at.is_some()), "{alerts:?}");
}

pub async fn nothing_is_counted_of_a_former_user_when_an_emergency_ends(store: Store) {
    let (account, other) = (store.helper().await, store.helper().await);
    let emergency = store.emergency().await.id();
    let recipients = [account.id, other.id].map(|helper| Recipient::new(helper, metres(1.0))).to_vec();
    store.write(Write::SendAlerts { emergency, wave: 1, recipients }).await;
    for helper in [account.id, other.id] {
        store.write(Write::AcknowledgeAlert { emergency, helper }).await;
    }
    let former = store.leave(account.id).await;
    store.cancel(emergency, at(61)).await;
    let dump = store.dump().await;
    let (_, counts) = dump.iter().find(|(table, _)| table.as_str() == "helper_history").unwrap();
    let counted =
        [account.id, former, other.id].map(|helper| counts.contains(&uuid::Uuid::from(helper).simple().to_string()));
    assert_eq!(counted, [false, false, true], "{counts}");
}

pub async fn what_was_decided_before_a_deletion_is_stale(store: Store) {
    let (account, other) = (store.helper().await, store.helper().await);
    let [own, helped] = [store.told_by(&account, &other).await, store.told_by(&other, &account).await];
    let before = [store.find(own).await, store.find(helped).await];
    store.leave(account.id).await;
    for emergency in before {
        let stale = store.try_write(update(&emergency, emergency.responses().to_vec())).await;
        assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
        // A report about an account that is gone is decided again.
        let (emergency, reporter, reason) = (emergency.id(), other.id, text("late"));
        let stale = store.try_write(Write::AddReport { emergency, reporter, about: account.id, reason }).await;
        assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
    }
}

fn former_of(n: u128) -> UserId {
    UserId::of_former(uuid::Uuid::from_u128(n))
}
