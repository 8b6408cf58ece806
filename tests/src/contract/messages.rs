//! Messages: visibility, order and pages.

use allynet_domain::{
    Account, Emergency, Event, EventId, Message, MessageId, Sender, To, UserId, Write,
    port::{Before, Constraint, Error, MessagePage},
    testing,
};

use super::*;

impl Store {
    async fn post(&self, message: Message) -> Message {
        let event = Event::MessagePosted { message: message.clone() };
        self.commit(change().write(Write::PostMessage(message.clone())).event(message.emergency, event)).await;
        message
    }

    async fn page(&self, of: &Emergency, reader: UserId, before: Option<Before>, limit: u32) -> Vec<MessageId> {
        let page = MessagePage { emergency: of.id(), reader, before, limit };
        self.messages(&page).await.into_iter().map(|m| m.id).collect()
    }
}

fn from_helper(emergency: &Emergency, helper: &Account, to: To) -> Message {
    Message { from: Sender::Helper(helper.person()), to, ..message_in(emergency, at(1)) }
}

pub async fn a_message_is_read_back_as_it_was_posted(store: Store) {
    let owner = store.register().await;
    let call = testing::anonymous(call_of(&owner));
    let [emergency, plain] = [store.raise(call).await, store.emergency().await];
    let helper = store.helper().await;
    for posted in [
        Message { text: text("Ich höre \"euch\" 🙏\nKommt!"), ..message_in(&emergency, at(1)) },
        Message { to: To::Helper(helper.id), ..message_in(&emergency, at(2)) },
        Message { from: Sender::System, to: To::Creator, ..message_in(&emergency, at(3)) },
        from_helper(&emergency, &helper, To::Everyone),
        from_helper(&emergency, &helper, To::Creator),
        from_helper(&plain, &helper, To::Owner),
        message_in(&plain, at(4)),
    ] {
        let posted = store.post(posted).await;
        assert_eq!(store.message(posted.emergency, posted.id).await, Some(posted.clone()));
        let page = MessagePage { emergency: posted.emergency, reader: posted.owner, before: None, limit: 100 };
        assert!(store.messages(&page).await.contains(&posted));
    }
}

pub async fn a_page_holds_the_newest_messages_oldest_first(store: Store) {
    let [emergency, other] = [store.emergency().await, store.emergency().await];
    let owner = emergency.owner();
    store.post(message_in(&other, at(3))).await;
    let mut posted = Vec::new();
    for seconds in [3, 1, 2, 5, 4] {
        posted.push(store.post(message_in(&emergency, at(seconds))).await);
    }
    posted.sort_by_key(|m| m.created_at);
    let ids: Vec<MessageId> = posted.iter().map(|m| m.id).collect();
    for (before, limit, expected) in [
        (None, 10, &ids[..]),
        (None, 5, &ids[..]),
        (None, 2, &ids[3..]),
        (Some(Before::Time(at(4))), 2, &ids[1..3]),
        (Some(Before::Time(at(4))), 10, &ids[..3]),
        (Some(Before::Time(at(1))), 10, &[]),
        (Some(Before::Message(ids[3])), 2, &ids[1..3]),
        (Some(Before::Message(ids[0])), 10, &[]),
    ] {
        assert_eq!(store.page(&emergency, owner, before, limit).await, expected, "{before:?} {limit}");
    }
}

pub async fn a_page_of_messages_takes_all_that_share_the_time_of_its_earliest(store: Store) {
    let emergency = store.emergency().await;
    let owner = emergency.owner();
    let mut posted = Vec::new();
    for (n, seconds) in [(3, 1), (9, 2), (1, 2), (5, 2), (7, 2), (2, 3), (8, 3)] {
        posted.push(store.post(Message { id: nth(n), ..message_in(&emergency, at(seconds)) }).await);
    }
    posted.sort_by_key(|m| (m.created_at, m.id));
    let ids: Vec<MessageId> = posted.iter().map(|m| m.id).collect();
    for limit in [3, 4, 5, 6] {
        assert_eq!(store.page(&emergency, owner, None, limit).await, ids[1..], "{limit}");
    }
    let places: [fn(&Message) -> Before; 2] = [|m| Before::Time(m.created_at), |m| Before::Message(m.id)];
    for (limit, place) in (1..=8).flat_map(|limit| places.map(|place| (limit, place))) {
        let mut read: Vec<MessageId> = Vec::new();
        let mut before = None;
        loop {
            let page = store.page(&emergency, owner, before, limit).await;
            let Some(first) = page.first() else { break };
            before = posted.iter().find(|m| m.id == *first).map(place);
            read.splice(0..0, page);
        }
        assert_eq!(read, ids, "in pages of {limit}");
    }
    // Within one time the id decides.
    assert_eq!(store.page(&emergency, owner, Some(Before::Message(nth(7))), 1).await, ids[1..3]);
}

pub async fn a_page_before_a_deleted_message_continues_where_it_was(store: Store) {
    let emergency = store.emergency().await;
    // Ids as the service makes them, which hold the time.
    let made = |seconds: i64| {
        let time = uuid::Timestamp::from_unix(uuid::NoContext, u64::try_from(at(seconds).timestamp()).unwrap(), 0);
        MessageId::from(uuid::Uuid::new_v7(time))
    };
    let mut ids = Vec::new();
    for seconds in 1..=4 {
        ids.push(store.post(Message { id: made(seconds), ..message_in(&emergency, at(seconds)) }).await.id);
    }
    store.commit(change().write(Write::DeleteMessage { emergency: emergency.id(), message: ids[2] })).await;
    let before = Some(Before::Message(ids[2]));
    assert_eq!(store.page(&emergency, emergency.owner(), before, 10).await, ids[..2]);
}

pub async fn posting_is_decided_on_the_emergency_its_newest_message_and_the_number(store: Store) {
    let emergency = store.emergency().await;
    let (of, owner, stranger) = (emergency.id(), emergency.owner(), store.register().await.id);
    let context = async |sender, request: Option<&str>| {
        store.messages.post_context(of, sender, request.map(text)).await.unwrap().unwrap()
    };
    assert_eq!(store.messages.post_context(id(), owner, None).await.unwrap(), None);
    let first = context(owner, None).await;
    assert_eq!((first.emergency.id(), first.newest, first.earlier), (of, None, None));

    let message = message_in(&emergency, at(2));
    let number = |sender, message: &Message, request| Write::AddMessageRequest {
        emergency: of,
        sender,
        request: text(request),
        message: message.id,
    };
    store.commit(change().write(Write::PostMessage(message.clone())).write(number(owner, &message, "tap"))).await;
    store.post(message_in(&emergency, at(1))).await;
    for (sender, request, earlier) in [
        (owner, Some("tap"), Some(&message)),
        (owner, Some("Tap"), None),
        (owner, None, None),
        (stranger, Some("tap"), None),
    ] {
        let found = context(sender, request).await;
        assert_eq!((found.newest, found.earlier.as_ref()), (Some(at(2)), earlier), "{request:?}");
    }
    // A number is used once, and is free again with its message.
    let other = message_in(&emergency, at(3));
    let again = change().write(Write::PostMessage(other.clone())).write(number(owner, &other, "tap"));
    let outcome = store.changes.commit(again.clone()).await;
    assert!(matches!(outcome, Err(Error::Conflict(Constraint::MessageRequestId))), "{outcome:?}");
    assert_eq!(store.message(of, other.id).await, None);
    store.commit(change().write(Write::DeleteMessage { emergency: of, message: message.id })).await;
    store.commit(again).await;
}

pub async fn a_message_is_posted_only_if_none_is_newer_than_expected(store: Store) {
    let emergency = store.emergency().await;
    let of = emergency.id();
    store.post(message_in(&emergency, at(2))).await;
    for (before, is_stored) in [(at(2), false), (at(1), false), (at(3), true)] {
        let guard = Write::ExpectMessagesBefore { emergency: of, before };
        let message = message_in(&emergency, at(4));
        let outcome = store.changes.commit(change().write(guard).write(Write::PostMessage(message.clone()))).await;
        assert_eq!(outcome.is_ok(), is_stored, "{before} {outcome:?}");
        assert!(is_stored || matches!(outcome, Err(Error::Stale)));
        assert_eq!(store.message(of, message.id).await.is_some(), is_stored);
    }
}

pub async fn direct_messages_of_others_are_never_listed(store: Store) {
    let emergency = store.emergency().await;
    let owner = emergency.owner();
    let [a, b, outsider] = [store.helper().await, store.helper().await, store.helper().await];
    let everyone = [owner, a.id, b.id];
    let cases = [
        (message_in(&emergency, at(1)), &[owner, a.id, b.id, outsider.id][..]),
        (from_helper(&emergency, &a, To::Everyone), &[owner, a.id, b.id, outsider.id]),
        (from_helper(&emergency, &a, To::Creator), &[owner, a.id]),
        (from_helper(&emergency, &a, To::Owner), &[owner, a.id]),
        (from_helper(&emergency, &a, To::Helper(b.id)), &[a.id, b.id]),
        (from_helper(&emergency, &b, To::Helper(a.id)), &[a.id, b.id]),
        (Message { to: To::Helper(a.id), ..message_in(&emergency, at(1)) }, &[owner, a.id]),
        (Message { to: To::Creator, ..message_in(&emergency, at(1)) }, &[owner]),
        (Message { from: Sender::System, to: To::Creator, ..message_in(&emergency, at(1)) }, &[owner]),
    ];
    for (message, _) in &cases {
        store.post(message.clone()).await;
    }
    for reader in everyone.into_iter().chain([outsider.id]) {
        let mut expected: Vec<MessageId> =
            cases.iter().filter(|(_, readers)| readers.contains(&reader)).map(|(m, _)| m.id).collect();
        expected.sort();
        assert_eq!(store.page(&emergency, reader, None, 100).await, expected);
        for (message, _) in &cases {
            assert_eq!(expected.contains(&message.id), message.is_readable_by(reader), "as the rules say");
        }
        // Those of others do not use up the page either.
        assert_eq!(store.page(&emergency, reader, None, 1).await.len(), expected.len(), "all share one time");
    }
}

pub async fn a_message_is_found_in_its_own_emergency_only(store: Store) {
    let [emergency, other] = [store.emergency().await, store.emergency().await];
    let message = store.post(message_in(&emergency, at(1))).await;
    assert_eq!(store.message(other.id(), message.id).await, None);
    assert_eq!(store.message(emergency.id(), id()).await, None);
}

pub async fn a_deleted_message_is_gone_from_the_log_too(store: Store) {
    let emergency = store.emergency().await;
    let of = emergency.id();
    let kept = store.post(Message { text: text("kept"), ..message_in(&emergency, at(1)) }).await;
    let gone = store.post(Message { text: text("a regretted secret"), ..message_in(&emergency, at(2)) }).await;
    let deleted = Event::MessageDeleted { message: gone.id, readers: None };
    let delete = Write::DeleteMessage { emergency: of, message: gone.id };
    store.commit(change().write(delete).event(of, deleted.clone())).await;

    assert_eq!(store.message(of, gone.id).await, None);
    assert_eq!(store.page(&emergency, emergency.owner(), None, 10).await, [kept.id]);
    let timeline = store.log.events_of(of, EventId::START, 100).await.unwrap();
    let events: Vec<Event> = timeline.into_iter().map(|e| e.event).collect();
    assert!(!serde_json::to_string(&events).unwrap().contains("regretted"));
    assert_eq!(events.first(), Some(&Event::MessagePosted { message: kept }));
    assert_eq!(events.last(), Some(&deleted));
}
