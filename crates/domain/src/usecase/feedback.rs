//! Feedback on the other party of an emergency: ratings of helpers, and reports.

use crate::{
    Actor, Change, EmergencyId, EmergencyStatus, Error, RatingCounts, Refusal, Relation, ResponseStatus, Score, Text,
    UserId, Write,
    port::{self, Constraint},
    usecase::{
        emergencies::EmergencyPorts,
        retry::{refuse_conflict, retry_stale},
    },
};

/// An owner's rating of a helper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    /// The helper; `None` for a text that is not a user id.
    pub helper: Option<UserId>,
    /// The score.
    pub score: Score,
    /// A comment.
    pub comment: Option<Text<500>>,
}

/// The outcome of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rated {
    /// The rated helper.
    pub helper: UserId,
    /// Whether it counts for the helper's average.
    pub counted: bool,
}

/// Rates a helper of a resolved emergency, for its owner.
///
/// The rating counts under the conditions of trust: once per pair of owner and helper in a while, not in an anonymous
/// emergency, and not for a helper that never came near.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`], [`Refusal::EmergencyNotResolved`],
/// [`Refusal::HelperNotFound`], [`Refusal::AlreadyRated`].
pub async fn rate(cx: &EmergencyPorts, actor: &Actor, id: EmergencyId, rating: Rating) -> Result<Rated, Error> {
    // Stale if another rating of this pair was stored meanwhile: then this one does not count.
    retry_stale(&*cx.backoff, || async {
        let now = cx.clock.now();
        let since = cx.rules.reputation_counted_since(now);
        let found = cx.emergencies.find_for_rating(id, since).await?.ok_or(Refusal::EmergencyNotFound)?;
        let port::ToBeRated { emergency, rated_since } = found;
        if emergency.owner() != actor.id() {
            return Err(Refusal::NotAuthorized.into());
        }
        if emergency.status() != EmergencyStatus::Resolved {
            return Err(Refusal::EmergencyNotResolved.into());
        }
        let Rating { helper, score, comment } = rating.clone();
        let comment = comment.filter(|_| !emergency.is_thinned());
        let response = helper.and_then(|h| emergency.response(h)).filter(|r| r.status != ResponseStatus::Cancelled);
        let response = response.ok_or(Refusal::HelperNotFound)?;
        let helper = response.helper.person.id;
        let counted = emergency.may_gain_reputation(response) && !rated_since.contains(&helper);
        let counts = counted.then_some(RatingCounts { owner: emergency.owner(), unless_since: since });
        let rating = Write::AddRating { emergency: id, helper, score, comment, counts };
        let committed = cx.changes.commit(Change::new(Some(actor.id()), now).write(rating)).await;
        committed.map_err(|e| refuse_conflict(e, Constraint::Rating, Refusal::AlreadyRated))?;
        Ok(Rated { helper, counted })
    })
    .await
}

/// The subject of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accused {
    /// The owner, without naming them.
    Owner,
    /// This user.
    User(UserId),
    /// A text that is not a user id.
    Unknown,
}

/// Reports the other party of an emergency: a helper that responded, for the owner, or the owner, for a helper.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`], [`Refusal::PartyMissing`], [`Refusal::PartyNotFound`],
/// [`Refusal::AlreadyReported`].
pub async fn report(
    cx: &EmergencyPorts,
    actor: &Actor,
    id: EmergencyId,
    accused: Accused,
    reason: Text<500>,
) -> Result<(), Error> {
    // Stale if the account of the other party was deleted meanwhile.
    retry_stale(&*cx.backoff, || async {
        let emergency = cx.emergencies.find(id).await?.ok_or(Refusal::EmergencyNotFound)?;
        let reporter = actor.id();
        let about = match (emergency.relation(&actor.account, cx.rules.helpers), accused) {
            (Relation::Owner, Accused::User(user)) if emergency.response(user).is_some() => user,
            (Relation::Owner, Accused::Owner) => return Err(Refusal::PartyMissing.into()),
            (Relation::RespondingHelper, Accused::Owner) => emergency.owner(),
            (Relation::RespondingHelper, Accused::User(user))
                if user == emergency.owner() && !emergency.call().details.anonymous =>
            {
                user
            }
            (Relation::Owner | Relation::RespondingHelper, _) => return Err(Refusal::PartyNotFound.into()),
            (Relation::Admin | Relation::Helper | Relation::Stranger, _) => return Err(Refusal::NotAuthorized.into()),
        };
        let change = Change::new(Some(reporter), cx.clock.now()).write(Write::AddReport {
            emergency: id,
            reporter,
            about,
            reason: reason.clone(),
        });
        let committed = cx.changes.commit(change).await;
        committed.map_err(|e| refuse_conflict(e, Constraint::Report, Refusal::AlreadyReported))
    })
    .await
}
