//! Messages: visibility, order and pages.

use allynet_domain::{
    Account, Emergency, Event, EventId, Message, MessageId, Sender, Timestamp, To, UserId, Write, port::MessagePage,
    testing,
};

use super::*;

impl Store {
    async fn post(&self, message: Message) -> Message {
        let event = Event::MessagePosted { message: message.clone() };
        self.commit(change().write(Write::PostMessage(message.clone())).event(message.emergency, event)).await;
        message
    }

    async fn page(&self, of: &Emergency, reader: UserId, before: Option<Timestamp>, limit: u32) -> Vec<MessageId> {
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
        (Some(at(4)), 2, &ids[1..3]),
        (Some(at(4)), 10, &ids[..3]),
        (Some(at(1)), 10, &[]),
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
    for limit in 1..=8 {
        let mut read: Vec<MessageId> = Vec::new();
        let mut before = None;
        loop {
            let page = store.page(&emergency, owner, before, limit).await;
            let Some(first) = page.first() else { break };
            before = posted.iter().find(|m| m.id == *first).map(|m| m.created_at);
            read.splice(0..0, page);
        }
        assert_eq!(read, ids, "in pages of {limit}");
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
