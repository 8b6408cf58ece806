//! Blocks between users: making, removing and ending them.
//!
//! A block is committed together with its effects on live emergencies, on condition that these are still the same. So no
//! response, alert or room outlives it, whichever node decides first.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    Account, Actor, BlockTarget, BlockedPair, Change, Emergency, EmergencyId, Error, Event, Refusal, UserBlock, UserId,
    Write,
    port::{self, BlockContext, Constraint, EndedBlocks, Loaded},
    usecase::{
        emergencies::EmergencyPorts,
        responses::follow_response,
        retry::{refuse_conflict, retry_stale},
        team::assign_roles,
    },
};

/// Maximum number of pairs of users that [`end_due`] handles at once. If it handled as many, more may be due.
pub const MAX_ENDED_AT_ONCE: u32 = 100;

/// The ports of these use cases.
#[derive(Clone)]
pub struct BlockPorts {
    /// Blocks.
    pub blocks: Arc<dyn port::Blocks>,
    /// Accounts.
    pub accounts: Arc<dyn port::Accounts>,
    /// Emergencies.
    pub emergencies: EmergencyPorts,
}

/// Blocks a user, by id or by email, whether or not there is such an account. Blocking again changes nothing.
///
/// # Errors
/// [`Refusal::OwnAccount`], [`Refusal::TooManyBlocks`].
pub async fn block(cx: &BlockPorts, actor: &Actor, target: BlockTarget) -> Result<UserBlock, Error> {
    let by_email = match &target {
        BlockTarget::User(user) => (*user == actor.id()).then_some(false),
        BlockTarget::Email(email) => (*email == actor.account.email).then_some(true),
    };
    if let Some(by_email) = by_email {
        return Err(Refusal::OwnAccount { by_email }.into());
    }
    retry_stale(&*cx.emergencies.backoff, || try_block(cx, actor, &target)).await
}

async fn try_block(cx: &BlockPorts, actor: &Actor, target: &BlockTarget) -> Result<UserBlock, Error> {
    let (ports, by) = (&cx.emergencies, actor.id());
    let BlockContext { listed, user, emergencies } = cx.blocks.context(by, target).await?;
    if let Some(listed) = listed {
        return Ok(listed);
    }
    let now = ports.clock.now();
    let block = UserBlock { id: ports.ids.next().into(), target: target.clone(), created_at: now };
    let earliest_end = ports.rules.block_ends_after(now);
    let add = Write::AddBlock { by, block: block.clone(), user, earliest_end, emergencies: emergencies.clone() };
    let mut change = Change::new(Some(by), now).write(add);
    if let Some(user) = user {
        let pair = BlockedPair { by, user };
        change = change.account_event(Event::UserBlocked(pair));
        for id in emergencies {
            change = separate(cx, actor, change, pair, id).await?;
        }
    }
    let committed = ports.changes.commit(change).await;
    committed.map_err(|e| refuse_conflict(e, Constraint::Blocks, Refusal::TooManyBlocks))?;
    Ok(block)
}

/// Adds the effects of a new block on a live emergency in which either of the two takes part.
///
/// The emergency is written even if nothing changes: what is decided meanwhile without knowledge of the block, such as an
/// acceptance or a wave of alerts, is stale then.
async fn separate(
    cx: &BlockPorts,
    actor: &Actor,
    change: Change,
    pair: BlockedPair,
    id: EmergencyId,
) -> Result<Change, Error> {
    let (ports, BlockedPair { by, user }) = (&cx.emergencies, pair);
    // Ended and deleted since the context was read: it is read again.
    let load = async |leaving| {
        ports.load_without(id, leaving).await.map_err(|error| match error {
            Error::Refused(Refusal::EmergencyNotFound) => port::Error::Stale.into(),
            other => other,
        })
    };
    let mut loaded = load(user).await?;
    if loaded.emergency.owner() == user {
        loaded = load(by).await?;
    }
    let hidden_from = hidden_from(&loaded.emergency, pair);
    let Some(hidden) = hidden_from.filter(|_| loaded.emergency.status().is_live()) else {
        let update = Write::UpdateEmergency { emergency: Box::new(loaded.emergency), responses: Vec::new() };
        return Ok(change.write(update));
    };
    let knows = knows(cx, actor, &loaded, hidden).await?;
    // Read without the block.
    loaded.near.retain(|recipient| recipient.helper != by && recipient.helper != user);
    loaded.emergency.drop_held_alert(hidden);
    let mut change = change;
    let mut responses = Vec::new();
    // As if the helper had cancelled: others must not learn of the block.
    if let Some(updated) = loaded.emergency.withdraw_response(hidden, change.at) {
        responses.push(updated.response.clone());
        change = follow_response(ports, change, &mut loaded, updated)?;
    }
    let Loaded { mut emergency, alerts, .. } = loaded;
    if knows {
        let at = change.at;
        change = change.event(id, Event::EmergencyHidden { user: hidden, at });
    }
    if alerts.iter().any(|alert| alert.helper == hidden && alert.wave.is_some() && alert.declined_at.is_none()) {
        change = change.write(Write::SetDeclined { emergency: id, helper: hidden, declined: true });
        emergency.count_declined();
        emergency.decide_soon(change.at);
    }
    let change = change.write(Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses });
    assign_roles(ports, change, &mut emergency).await
}

/// The user of a new block from which it hides this emergency.
fn hidden_from(emergency: &Emergency, BlockedPair { by, user }: BlockedPair) -> Option<UserId> {
    let owner = emergency.owner();
    if owner == by { Some(user) } else { (owner == user && !emergency.call().details.anonymous).then_some(by) }
}

/// Whether a user may know of a live emergency that a block hides: was alerted to it, has responded, or may help and so
/// list it.
///
/// Only such a user is told that it is over. Others must not learn that there was one, and from administrators nothing is
/// hidden.
async fn knows(cx: &BlockPorts, actor: &Actor, loaded: &Loaded, user: UserId) -> Result<bool, Error> {
    let found = if user == actor.id() { None } else { cx.accounts.find(user).await? };
    let account = if user == actor.id() { Some(&actor.account) } else { found.as_ref() };
    if account.is_some_and(Account::is_admin) {
        return Ok(false);
    }
    if loaded.alerted().contains(&user) || loaded.emergency.response(user).is_some() {
        return Ok(true);
    }
    Ok(account.is_some_and(|account| account.may_help(cx.emergencies.rules.helpers)))
}

/// Removes a block from the caller's list, by its id or by the id of the blocked user. No effect without such a block.
///
/// The effects of the block last until [`Rules::unblock_after`](crate::usecase::Rules::unblock_after) after it was made.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn unblock(cx: &BlockPorts, actor: &Actor, key: Uuid) -> Result<(), Error> {
    let ports = &cx.emergencies;
    let change = Change::new(Some(actor.id()), ports.clock.now()).write(Write::RemoveBlock { by: actor.id(), key });
    Ok(ports.changes.commit(change).await?)
}

/// Ends the blocks whose effects are over.
///
/// Returns the number of pairs of users handled. If it is [`MAX_ENDED_AT_ONCE`], more may be due.
///
/// # Errors
/// Returns an error if a port fails. Blocks ended before it stay ended.
pub async fn end_due(cx: &BlockPorts) -> Result<usize, Error> {
    let ports = &cx.emergencies;
    let now = ports.clock.now();
    let ended = cx.blocks.ended(now, MAX_ENDED_AT_ONCE).await?;
    let count = ended.len();
    for ended in ended {
        let EndedBlocks { by, user, .. } = ended;
        let mut change = Change::new(None, now).write(Write::EndBlocks(ended));
        if let Some(user) = user {
            change = change.account_event(Event::UserUnblocked(BlockedPair { by, user }));
        }
        match ports.changes.commit(change).await {
            // Another node was faster, or the user has blocked the other again.
            Ok(()) | Err(port::Error::Stale) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
