//! What follows from the alert preferences of helpers as time passes.

use std::sync::Arc;

use crate::{
    Account, Change, Error, HelperRecord, Timestamp, Write,
    port::{self, UnderReview},
    usecase::helpers::{HelperPorts, rights_event},
};

/// Maximum number of helpers that [`review_due`] looks at in one call, and in one commit.
pub const MAX_REVIEWED_AT_ONCE: u32 = 100;

/// Looks at the helpers whose quiet hours, pause or limit begins or ends now, and records whom broadcasts reach from now on.
///
/// `rung_since` is a time before which the rings of limited helpers have been looked at already. Returns the number of helpers looked
/// at. If it is [`MAX_REVIEWED_AT_ONCE`], more may be due.
///
/// # Errors
/// Returns an error if a port fails. What was recorded before it stays recorded.
pub async fn review_due(
    cx: &HelperPorts,
    helpers: &Arc<dyn port::Helpers>,
    rung_since: Timestamp,
) -> Result<usize, Error> {
    let now = cx.clock.now();
    let due = helpers.due_for_review(now, rung_since, MAX_REVIEWED_AT_ONCE).await?;
    let reviews: Vec<Change> = due.iter().filter_map(|due| review(cx, due, now)).collect();
    if reviews.is_empty() {
        return Ok(due.len());
    }
    match cx.changes.commit(together(&reviews, now)).await {
        Ok(()) => {}
        // One of them was changed meanwhile, or another node was faster.
        Err(port::Error::Stale) => {
            for review in reviews {
                match cx.changes.commit(review).await {
                    Ok(()) | Err(port::Error::Stale) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(due.len())
}

fn together(reviews: &[Change], now: Timestamp) -> Change {
    let mut all = Change::new(None, now);
    for review in reviews {
        all.writes.extend(review.writes.iter().cloned());
        all.events.extend(review.events.iter().cloned());
    }
    all
}

/// The change of one helper; `None` for an account without a helper record, which nothing can be due for.
fn review(cx: &HelperPorts, due: &UnderReview, now: Timestamp) -> Option<Change> {
    let UnderReview { account, limit_ends_at } = due;
    let before = account.helper.as_ref()?;
    let schedule = before.preferences.schedule(now, *limit_ends_at);
    let helper = HelperRecord { scope: schedule.scope, ..before.clone() };
    let preferences = Box::new(helper.preferences.clone());
    let after = Account { helper: Some(helper), ..account.clone() };
    let change = Change::new(None, now)
        .write(Write::ExpectAccount(Box::new(account.clone())))
        .write(Write::SetAlertPreferences { user: account.id, preferences, schedule });
    let [was, is] = [account, &after].map(|account| rights_event(account, cx.rules.helpers));
    Some(if was == is { change } else { change.account_event(is) })
}

#[cfg(test)]
mod tests;
