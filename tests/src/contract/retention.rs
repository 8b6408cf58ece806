//! What is removed when its retention is over.

use std::collections::BTreeSet;

use allynet_domain::{
    AccessKind, Account, Change, Device, Emergency, EmergencyId, Event, PlaceReading, ReadPlace, Recipient, ResourceId,
    ResponseStatus, Score, Session, UserId, Write,
    dispatch::{Assignment, TeamRole},
    port::{EndedEmergency, Error, LoginSource, MessagePage, NewPasswordReset},
    testing,
};

use super::*;
use crate::tables::TABLES;

const WORDS: [&str; 7] = ["fractured", "staircase", "mainstreet", "backdoor", "hurrying", "grateful", "whispered"];

/// The box that a helper brings.
fn brought() -> ResourceId {
    "00000000-0000-7000-8000-0000000b0c5e".parse().unwrap()
}

impl Store {
    /// An emergency at a place, with [`WORDS`] in all that is typed about it, that its owner resolved at `second`.
    async fn told(&self, owner: &Account, helper: &Account, second: i64) -> Emergency {
        let words = WORDS.map(text::<1000>);
        let emergency = edited(call_at(owner, place(52.518_2, 13.408_1)), |e| {
            let details = &mut e.call.details;
            (details.description, details.category) = (Some(words[0].clone()), Some(text(WORDS[1])));
            (details.location.address, details.location.description) = (Some(text(WORDS[2])), Some(text(WORDS[3])));
            // It has moved, so that the place that was given is kept apart.
            e.call.movement.origin = Some(Box::new(details.location.clone()));
        });
        let (id, message) =
            (emergency.id(), allynet_domain::Message { text: words[6].clone(), ..message_in(&emergency, at(1)) });
        let created = Event::EmergencyCreated {
            call: emergency.call().clone(),
            nearby_helpers: 1,
            hidden_from: vec![],
            announced: true,
        };
        let recipients = vec![Recipient::new(helper.id, metres(1.0))];
        let said = change()
            .write(raise(&emergency))
            .write(Write::SendAlerts { emergency: id, wave: 1, recipients })
            .write(Write::PostMessage(message.clone()))
            .event(id, created)
            .event(id, Event::MessagePosted { message });
        self.commit(said).await;
        self.accept(id, helper, at(1)).await;
        let mut accepted = self.load(id).await.emergency;
        let told = allynet_domain::ResponseUpdate {
            status: ResponseStatus::Arrived,
            notes: Some(text(WORDS[4])),
            estimated_arrival: None,
            resource_state: None,
        };
        accepted.update_response(helper.id, told, testing::COMPLETION_HOLD, at(2)).unwrap();
        let resource = Some(brought());
        let accepted = edited(accepted, |e| {
            let assignment = Assignment { role: TeamRole::Aed, resource, has_collected: true, since: at(2), moves: 0 };
            let dispatch = &mut e.responses[0].record.dispatch;
            (dispatch.assignment, dispatch.suspended_role, dispatch.taken_box) =
                (Some(assignment), Some(assignment), resource);
            e.search.unavailable_boxes.extend(resource);
        });
        let response = accepted.response(helper.id).unwrap().clone();
        self.write(update(&accepted, vec![response])).await;
        self.resolve(id, at(second)).await;
        let (score, comment) = (Score::new(4).unwrap(), Some(text(WORDS[5])));
        self.write(Write::AddRating { emergency: id, helper: helper.id, score, comment, counts: None }).await;
        self.find(id).await
    }

    async fn to_be_thinned(&self, before: i64) -> Vec<EmergencyId> {
        self.retention.to_be_thinned(at(before), 10).await.unwrap().into_iter().map(|due| due.id).collect()
    }

    async fn thin(&self, emergencies: &[EmergencyId], before: i64, limit: u32) -> bool {
        let centre = |&id| EndedEmergency { id, place: place(52.5, 13.4) };
        let thinned: Vec<_> = emergencies.iter().map(centre).collect();
        self.retention.thin(&thinned, at(before), at(before), limit).await.unwrap()
    }

    async fn sessions_since(&self, user: UserId, second: i64) -> Vec<i64> {
        let sessions = self.sessions.list(user, at(second), 10).await.unwrap();
        sessions.iter().map(|session| (session.last_used_at - at(0)).num_seconds()).collect()
    }
}

pub async fn of_a_thinned_emergency_the_cell_of_its_place_times_and_numbers_are_left(store: Store) {
    let (owner, helper) = (store.register().await, store.helper().await);
    let before = store.told(&owner, &helper, 10).await;
    let kept = store.told(&store.register().await, &store.helper().await, 11).await;
    let id = before.id();
    assert_eq!(store.to_be_thinned(10).await, []);
    assert_eq!(store.to_be_thinned(11).await, [id]);
    assert_eq!(store.to_be_thinned(12).await, [id, kept.id()], "the oldest end first");
    let [due] = <[EndedEmergency; 1]>::try_from(store.retention.to_be_thinned(at(12), 1).await.unwrap()).unwrap();
    assert_eq!(due.place, before.call().details.location.position);

    assert!(store.thin(&[id], 11, 10).await);
    assert_eq!(store.to_be_thinned(12).await, [kept.id()]);
    let thinned = store.find(id).await;
    let details = &thinned.call().details;
    assert!(thinned.is_thinned() && !kept.is_thinned());
    assert_eq!(details.location.position, place(52.5, 13.4));
    assert!(thinned.call().movement.is_empty() && !before.call().movement.is_empty());
    let times = |e: &Emergency| (e.status(), e.ending().map(|end| (end.at, end.by)), e.alerts(), e.updated_at());
    assert_eq!(times(&thinned), times(&before));
    let [response] = thinned.responses() else { panic!("{thinned:?}") };
    assert_eq!((response.status, response.helper.person.id), (ResponseStatus::Arrived, helper.id));
    for person in [&thinned.call().owner, &response.helper.person] {
        assert_eq!((person.first_name.as_str(), &person.last_name), ("User", &None));
    }
    let page = MessagePage { emergency: id, reader: owner.id, before: None, limit: 10 };
    assert_eq!(store.messages(&page).await, []);
    assert_eq!(store.exports.records(helper.id, 10).await.unwrap().ratings[0].score.get(), 4);
    let stale = store.try_write(update(&before, vec![])).await;
    assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
    // The other one has all of it still.
    assert_eq!(store.find(kept.id()).await, kept);

    // The log follows a little later, but for the end.
    assert_eq!(store.changes.erase_deleted(at(12), 10).await.unwrap(), 1);
    assert_eq!(store.events_of(id).await.iter().map(|e| e.event.kind()).collect::<Vec<_>>(), ["emergency_ended"]);
    assert!(store.thin(&[kept.id()], 12, 10).await);
    store.changes.erase_deleted(at(13), 10).await.unwrap();
    let left = store.dump().await;
    let brought = brought().to_string().replace('-', "");
    for word in WORDS.into_iter().chain([brought.as_str()]) {
        let holding: Vec<_> = left.iter().filter(|(_, rows)| rows.contains(word)).map(|(table, _)| table).collect();
        assert!(holding.is_empty(), "{word} is left in {holding:?}");
    }
}

pub async fn a_report_extends_the_retention_of_an_emergency_once(store: Store) {
    let (owner, helper, other) = (store.register().await, store.helper().await, store.helper().await);
    let emergency = store.told(&owner, &helper, 10).await.id();
    let report = async |reporter: UserId, second: i64| {
        let reason = text("rude");
        let write = Write::AddReport { emergency, reporter, about: owner.id, reason };
        store.commit(Change::new(Some(reporter), at(second)).write(write)).await;
    };
    report(helper.id, 20).await;
    assert_eq!(store.to_be_thinned(20).await, []);
    report(other.id, 30).await;
    assert_eq!(store.to_be_thinned(21).await, [emergency], "only the first one does");
    assert!(store.thin(&[emergency], 21, 10).await);
    assert!(store.dump().await["report"].contains("rude"), "administrators keep the reason");
}

pub async fn what_is_live_or_was_thinned_is_not_thinned(store: Store) {
    let (owner, helper) = (store.register().await, store.helper().await);
    let live = store.emergency().await;
    let ended = store.told(&owner, &helper, 10).await;
    assert!(store.thin(&[live.id(), ended.id()], 10, 10).await);
    assert_eq!([store.find(live.id()).await, store.find(ended.id()).await], [live, ended.clone()]);
    assert!(store.thin(&[ended.id()], 11, 10).await);
    let thinned = store.find(ended.id()).await;
    assert!(store.thin(&[ended.id()], 99, 10).await);
    assert_eq!(store.find(ended.id()).await, thinned);
}

pub async fn many_messages_are_removed_in_steps(store: Store) {
    let (owner, helper) = (store.register().await, store.helper().await);
    let emergency = store.told(&owner, &helper, 10).await;
    for second in 2..6 {
        store.write(Write::PostMessage(message_in(&emergency, at(second)))).await;
    }
    let number = async || {
        let page = MessagePage { emergency: emergency.id(), reader: owner.id, before: None, limit: 10 };
        store.messages(&page).await.len()
    };
    for left in [3, 1] {
        assert!(!store.thin(&[emergency.id()], 11, 2).await);
        assert_eq!((number().await, store.find(emergency.id()).await.is_thinned()), (left, false));
    }
    assert!(store.thin(&[emergency.id()], 11, 2).await);
    assert_eq!((number().await, store.find(emergency.id()).await.is_thinned()), (0, true));
}

pub async fn old_sessions_are_neither_listed_nor_kept_unless_a_device_belongs_to_them(store: Store) {
    let account = store.register().await;
    let open = async |second: i64| {
        let session = Session { created_at: at(second), ..session_of(account.id) };
        store.write(Write::OpenSession(session.clone())).await;
        session
    };
    let [first, second, third] = [open(1).await, open(2).await, open(3).await];
    let device = Device { id: id(), user: account.id, session: first.id, ..testing::device(1) };
    store.write(Write::RegisterDevice { device: Box::new(device), replaced: vec![] }).await;
    assert_eq!(store.sessions_since(account.id, 2).await, [3, 2, 1]);
    assert_eq!(store.sessions_since(account.id, 3).await, [3, 1]);
    let revoked = Write::RevokeSessions { user: account.id, only: Some(third.id), except: None };
    store.commit(Change::new(None, at(9)).write(revoked)).await;

    assert_eq!(store.retention.forget_sessions(at(2), 10).await.unwrap(), 0);
    assert_eq!(store.retention.forget_sessions(at(9), 10).await.unwrap(), 1);
    assert_eq!(store.sessions_since(account.id, 0).await, [1]);
    assert!(store.sessions.authenticate(second.id, account.id).await.unwrap().is_none());
    assert_eq!(store.retention.forget_sessions(at(10), 10).await.unwrap(), 1, "the one that was revoked");
}

pub async fn what_counts_for_no_limit_any_more_is_removed(store: Store) {
    let (owner, helper) = (store.register().await, store.helper().await);
    store.told(&owner, &helper, 10).await;
    let source = LoginSource { account: keyed(1), address: keyed(2) };
    store.write(Write::RecordLogin { user: owner.id, source }).await;
    for second in 0..3 {
        store.logins.record_failure(source, at(second)).await.unwrap();
    }
    let reset = NewPasswordReset { email: owner.email.clone(), token: keyed(3), at: at(0) };
    store.password_resets.issue(&reset).await.unwrap();
    let (hour, day) = (3_600, 86_400);
    let filled = async || {
        let dump = store.dump().await;
        ["ring", "login_failure", "login_address", "password_reset"].map(|table| !dump[table].is_empty())
    };
    for (second, limit, removed, left) in [
        (hour, 10, 0, [true, true, true, true]),
        (hour + 1, 10, 1, [true, true, true, true]),
        (hour + 9, 1, 1, [true, true, true, true]),
        (hour + 9, 10, 1, [true, false, true, true]),
        (day, 10, 0, [true, false, true, true]),
        (day + 1, 10, 1, [true, false, true, false]),
        (2 * day + 1, 10, 1, [false, false, true, false]),
        (30 * day + 1, 10, 1, [false, false, false, false]),
    ] {
        assert_eq!(store.retention.forget_counters(at(second), limit).await.unwrap(), removed, "after {second} s");
        assert_eq!(filled().await, left, "after {second} s");
    }
}

pub async fn entries_of_access_logs_are_removed_by_their_age(store: Store) {
    let user = store.register().await.id;
    for second in [1, 7_200] {
        let places = vec![ReadPlace { user, emergency: nth(1) }];
        let reading = PlaceReading { reader: nth(2), at: at(second), what: AccessKind::List, places };
        store.access_log.record(&reading).await.unwrap();
    }
    assert_eq!(store.retention.forget_readings(at(1), 10).await.unwrap(), 0);
    assert_eq!(store.retention.forget_readings(at(7_201), 1).await.unwrap(), 1);
    let left = store.access_log.entries(user, 10).await.unwrap();
    assert_eq!(left.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(7_200)]);
}

pub async fn what_is_kept_about_deleted_accounts_ends(store: Store) {
    let owner = store.register().await;
    let [part, stranger, reported] = [store.helper().await, store.helper().await, store.helper().await];
    let emergency = store.told(&owner, &part, 10).await.id();
    for about in [part.id, reported.id] {
        let reason = text("rude");
        store.write(Write::AddReport { emergency, reporter: owner.id, about, reason }).await;
    }
    let mut rows = Vec::new();
    for (second, account) in [(20, &part), (21, &stranger), (22, &reported)] {
        let (user, former) = (account.id, UserId::of_former(id()));
        let revoked = Event::SessionsRevoked { user, only: None, except: None, former: Some(former) };
        let leave = Change::new(Some(user), at(second)).write(Write::DeleteAccount { user, former });
        store.commit(leave.account_event(revoked)).await;
        rows.push(uuid::Uuid::from(former).simple().to_string());
    }
    store.changes.erase_deleted(at(23), 10).await.unwrap();
    let rows_left = async || -> Vec<bool> {
        let dump = store.dump().await;
        rows.iter().map(|former| dump["account"].contains(former)).collect()
    };
    // A new account of the email begins with the report, as long as that is kept.
    let successor = store.enlist(Account { id: id(), ..part.clone() }, verified()).await;
    let reports = async || {
        let page = allynet_domain::port::HelperPage { verification: None, after: None, limit: 100 };
        let helpers = store.accounts.helpers(&page).await.unwrap();
        helpers.iter().find(|helper| helper.account.id == successor.id).unwrap().reports
    };
    assert_eq!((reports().await, store.retention.forget_former_users(at(20), 10).await.unwrap()), (1, 0));
    assert_eq!(store.retention.forget_former_users(at(23), 2).await.unwrap(), 2);
    assert_eq!((reports().await, rows_left().await), (0, vec![true, false, true]), "a part in an emergency is kept");
    assert_eq!(store.retention.forget_former_users(at(23), 2).await.unwrap(), 1);
    assert_eq!(rows_left().await, [true, false, false]);
    assert_eq!(store.dump().await["report"], "");
    assert_eq!(store.retention.forget_former_users(at(99), 9).await.unwrap(), 0);
    assert!(store.find(emergency).await.response(owner.id).is_none());
}

/// A new table fails this until it is decided what an export has of it, what deleting an account does to it, and how long its rows are
/// kept.
pub async fn every_table_is_classified(store: Store) {
    let live: BTreeSet<_> = store.dump().await.into_keys().collect();
    // The index of the areas of live emergencies is a table on SQLite.
    let classified = TABLES.iter().map(|table| table.name.to_owned()).filter(|name| name != "emergency_area");
    let live: BTreeSet<_> = live.into_iter().filter(|name| name != "emergency_area").collect();
    assert_eq!(live, classified.collect::<BTreeSet<_>>());
}
