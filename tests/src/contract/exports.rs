//! Exports of what is stored of a user.

use allynet_domain::{
    EmergencyId, ResponseStatus, UserId, Write,
    port::{ExportedRating, ExportedRecords, ExportedReport},
};

use super::*;

impl Store {
    async fn exported(&self, user: UserId) -> ExportedRecords {
        self.exports.records(user, 10).await.unwrap()
    }

    async fn report(&self, emergency: EmergencyId, reporter: UserId, about: UserId) {
        self.write(Write::AddReport { emergency, reporter, about, reason: text("rude") }).await;
    }
}

pub async fn an_export_has_the_records_of_a_user_and_of_nobody_else(store: Store) {
    let (owner, helper, stranger) = (store.register().await, store.helper().await, store.helper().await);
    let emergency = store.raise(call_of(&owner)).await;
    store.accept(emergency.id(), &helper, at(1)).await;
    let message = message_in(&emergency, at(2));
    store.write(Write::PostMessage(message.clone())).await;
    store.resolve(emergency.id(), at(3)).await;
    store.write(counted_rating(&emergency, helper.id, 4)).await;
    store.report(emergency.id(), helper.id, owner.id).await;
    store.report(emergency.id(), owner.id, helper.id).await;

    let (hers, his) = (store.exported(owner.id).await, store.exported(helper.id).await);
    assert_eq!(hers.messages.iter().map(|m| (m.id, m.text.clone())).collect::<Vec<_>>(), [(message.id, message.text)]);
    assert_eq!(hers.responses, []);
    let [response] = his.responses.as_slice() else { panic!("{his:?}") };
    assert_eq!((response.emergency, response.responded_at), (emergency.id(), at(1)));
    assert_ne!(response.status, ResponseStatus::Cancelled);
    assert_eq!(his.messages, []);
    // Both are shown the rating, and each only the report that they made themselves.
    let rated = |rating: &ExportedRating| (rating.emergency, rating.helper, rating.score.get());
    assert_eq!(hers.ratings.iter().map(rated).collect::<Vec<_>>(), [(emergency.id(), helper.id, 4)]);
    assert_eq!(his.ratings, hers.ratings);
    let made = |report: &ExportedReport| (report.emergency, report.about);
    assert_eq!(hers.reports.iter().map(made).collect::<Vec<_>>(), [(emergency.id(), Some(helper.id))]);
    assert_eq!(his.reports.iter().map(made).collect::<Vec<_>>(), [(emergency.id(), Some(owner.id))]);
    assert_eq!(store.exported(stranger.id).await, ExportedRecords::default());
}

pub async fn an_export_does_not_tell_who_owns_an_anonymous_emergency(store: Store) {
    let (owner, helper) = (store.register().await, store.helper().await);
    let anonymous = edited(call_of(&owner), |e| e.call.details.anonymous = true);
    let emergency = store.raise(anonymous).await;
    store.accept(emergency.id(), &helper, at(1)).await;
    store.resolve(emergency.id(), at(2)).await;
    store.report(emergency.id(), helper.id, owner.id).await;
    store.report(emergency.id(), owner.id, helper.id).await;
    let abouts = async |user| -> Vec<_> { store.exported(user).await.reports.iter().map(|r| r.about).collect() };
    assert_eq!(abouts(helper.id).await, [None]);
    assert_eq!(abouts(owner.id).await, [Some(helper.id)], "the owner knows the helper");
    // What is left of a deleted one does not say whether it was anonymous.
    store.write(deletion(&store.find(emergency.id()).await)).await;
    assert_eq!(abouts(helper.id).await, [None]);
}

pub async fn an_export_has_the_newest_records_first_and_no_more_than_asked_for(store: Store) {
    let owner = store.register().await;
    let emergency = store.raise(call_of(&owner)).await;
    let mut written: Vec<_> = (0..5).map(|second| message_in(&emergency, at(second))).collect();
    for message in &written {
        store.write(Write::PostMessage(message.clone())).await;
    }
    written.reverse();
    let exported = store.exports.records(owner.id, 3).await.unwrap().messages;
    let ids: Vec<_> = exported.iter().map(|message| message.id).collect();
    assert_eq!(ids, written[..3].iter().map(|message| message.id).collect::<Vec<_>>());
}
