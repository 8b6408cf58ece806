//! Lists of emergencies: the history of a user, and the list of administrators.

use allynet_domain::port::{AdminPage, HistoryPage};
use allynet_domain::{
    Account, DeletedEmergency, Emergency, EmergencyId, EmergencyStatus, ResponseStatus, Timestamp, UserId, Write,
};

use super::*;

fn ids(emergencies: &[Emergency]) -> Vec<EmergencyId> {
    emergencies.iter().map(Emergency::id).collect()
}

fn newest_first(emergencies: &[Emergency]) -> Vec<EmergencyId> {
    let mut sorted: Vec<_> = emergencies.iter().map(|e| (e.call().created_at, e.id())).collect();
    sorted.sort_by(|a, b| b.cmp(a));
    sorted.into_iter().map(|(_, id)| id).collect()
}

impl Store {
    async fn history(&self, page: HistoryPage) -> Vec<Emergency> {
        self.emergencies.history(&page).await.unwrap()
    }

    async fn admin(&self, page: AdminPage) -> Vec<Emergency> {
        self.emergencies.list(&page).await.unwrap().into_iter().map(|listed| listed.emergency).collect()
    }

    async fn ended(&self, owner: &Account, created_at: Timestamp) -> Emergency {
        let raised = self.raise(call_created(owner, created_at)).await;
        self.resolve(raised.id(), created_at).await;
        raised
    }
}

fn history_of(user: UserId) -> HistoryPage {
    HistoryPage { user, status: None, before: None, limit: 100 }
}

const ALL: AdminPage = AdminPage { status: None, near: None, before: None, limit: 100 };

pub async fn history_has_the_emergencies_of_a_participant_newest_first(store: Store) {
    let [user, other] = [store.helper().await, store.register().await];
    let mut took_part = Vec::new();
    for (seconds, last) in [
        (4, Some(ResponseStatus::Completed)),
        (1, Some(ResponseStatus::Arrived)),
        (3, Some(ResponseStatus::Cancelled)),
        (2, None),
    ] {
        let raised = store.raise(call_created(&other, at(seconds))).await;
        if let Some(last) = last {
            store.accept(raised.id(), &user, at(5)).await;
            store.update_response(raised.id(), &user, last).await;
        }
        store.resolve(raised.id(), at(6)).await;
        if matches!(last, Some(ResponseStatus::Completed | ResponseStatus::Arrived)) {
            took_part.push(raised);
        }
    }
    took_part.push(store.ended(&user, at(2)).await);
    took_part.push(store.raise(call_created(&user, at(9))).await);
    let found = store.history(history_of(user.id)).await;
    assert_eq!(ids(&found), newest_first(&took_part));
    assert_eq!(found[0], store.find(found[0].id()).await, "as complete as any");
    assert_eq!(store.history(history_of(id())).await, []);
}

pub async fn history_is_filtered_by_status(store: Store) {
    let [user, helper] = [store.register().await, store.helper().await];
    store.ended(&user, at(1)).await;
    let cancelled = store.raise(call_created(&user, at(2))).await.id();
    store.cancel(cancelled, at(2)).await;
    let live = store.raise(call_created(&user, at(3))).await.id();
    for responding in [false, true] {
        if responding {
            store.accept(live, &helper, at(4)).await;
        }
        for &status in EmergencyStatus::ALL {
            let found = store.history(HistoryPage { status: Some(status), ..history_of(user.id) }).await;
            let expected = match status {
                EmergencyStatus::Active => usize::from(!responding),
                EmergencyStatus::Responding => usize::from(responding),
                EmergencyStatus::Resolved | EmergencyStatus::Cancelled => 1,
            };
            assert_eq!(found.len(), expected, "{status}");
            assert!(found.iter().all(|e| e.status() == status));
        }
    }
}

pub async fn a_page_of_history_takes_all_that_share_the_time_of_its_last(store: Store) {
    let user = store.register().await;
    let mut raised = Vec::new();
    for seconds in [1, 2, 2, 2, 2, 3, 3, 0] {
        raised.push(store.ended(&user, at(seconds)).await);
    }
    let expected = newest_first(&raised);
    for limit in [3, 4, 5, 6] {
        let page = store.history(HistoryPage { limit, ..history_of(user.id) }).await;
        assert_eq!(ids(&page), expected[..6], "{limit}");
    }
    for limit in 1..=9 {
        let mut read = Vec::new();
        let mut before = None;
        loop {
            let page = store.history(HistoryPage { before, limit, ..history_of(user.id) }).await;
            let Some(last) = page.last() else { break };
            before = Some(last.call().created_at);
            read.extend(ids(&page));
        }
        assert_eq!(read, expected, "in pages of {limit}");
    }
}

pub async fn administrators_list_live_emergencies_or_those_with_one_status(store: Store) {
    let helper = store.helper().await;
    let [active, responding, resolved, cancelled] = [
        store.emergency().await.id(),
        store.emergency().await.id(),
        store.emergency().await.id(),
        store.emergency().await.id(),
    ];
    store.accept(responding, &helper, at(1)).await;
    store.resolve(resolved, at(1)).await;
    store.cancel(cancelled, at(1)).await;
    for (status, mut expected) in [
        (None, vec![active, responding]),
        (Some(EmergencyStatus::Active), vec![active]),
        (Some(EmergencyStatus::Responding), vec![responding]),
        (Some(EmergencyStatus::Resolved), vec![resolved]),
        (Some(EmergencyStatus::Cancelled), vec![cancelled]),
    ] {
        expected.sort_by(|a, b| b.cmp(a));
        assert_eq!(ids(&store.admin(AdminPage { status, ..ALL }).await), expected, "{status:?}");
    }
}

pub async fn the_administrators_list_is_paged_without_loss_among_equal_times(store: Store) {
    let mut raised = Vec::new();
    for seconds in [2, 1, 2, 2, 3, 2, 1] {
        let owner = store.register().await;
        raised.push(store.raise(call_created(&owner, at(seconds))).await);
    }
    let expected = newest_first(&raised);
    for limit in 1..=8 {
        let mut read = Vec::new();
        let mut before = None;
        loop {
            let page = store.admin(AdminPage { before, limit, ..ALL }).await;
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            before = Some((last.call().created_at, last.id()));
            read.extend(ids(&page));
        }
        assert_eq!(read, expected, "in pages of {limit}");
    }
}

pub async fn the_administrators_list_is_searched_by_place(store: Store) {
    let centre = place(-17.0, 180.0);
    let mut within = Vec::new();
    for (seconds, longitude, near) in [(1, -179.99, true), (2, 179.99, true), (3, 179.0, false), (4, 0.0, false)] {
        let owner = store.register().await;
        let call = edited(call_created(&owner, at(seconds)), |e| {
            e.call.details.location.position = place(-17.0, longitude);
        });
        let raised = store.raise(call).await;
        within.extend(near.then_some(raised));
    }
    let near = Some((centre, metres(5_000.0)));
    let expected = newest_first(&within);
    assert_eq!(ids(&store.admin(AdminPage { near, ..ALL }).await), expected);
    assert_eq!(ids(&store.admin(AdminPage { near, limit: 1, ..ALL }).await), expected[..1]);
    let before = Some((at(2), expected[0]));
    assert_eq!(ids(&store.admin(AdminPage { near, before, ..ALL }).await), expected[1..]);

    let away = within[0].call().details.location.position.distance_to(centre).get();
    for (radius, found) in [(away - 0.001, 0), (away + 0.001, 2)] {
        let near = Some((centre, metres(radius)));
        assert_eq!(store.admin(AdminPage { near, ..ALL }).await.len(), found);
    }
}

pub async fn administrators_see_how_many_emergencies_an_owner_raised_just_before(store: Store) {
    let (owner, other) = (store.register().await, store.register().await);
    store.ended(&other, at(590)).await;
    let mut expected = Vec::new();
    for (seconds, repeats) in [(0, 0), (600, 1), (601, 1), (602, 2), (1_300, 0)] {
        let raised = store.ended(&owner, at(seconds)).await;
        expected.push((raised.id(), repeats));
    }
    // Deleted ones count, too.
    let deleted = store.find(expected[1].0).await;
    store.write(Write::DeleteEmergency(DeletedEmergency::new(&deleted, at(2_000)))).await;
    expected.remove(1);
    expected.reverse();
    let page = AdminPage { status: Some(EmergencyStatus::Resolved), ..ALL };
    let listed = store.emergencies.list(&page).await.unwrap().into_iter();
    let of_owner = listed.filter(|listed| listed.emergency.owner() == owner.id);
    assert_eq!(of_owner.map(|listed| (listed.emergency.id(), listed.repeats)).collect::<Vec<_>>(), expected);
}
