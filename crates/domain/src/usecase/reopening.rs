//! Undoing an end by a helper.

use crate::{
    Actor, Change, Emergency, EmergencyId, Error, Event, Refusal, Relation, Reopened, Write,
    port::{self, Constraint},
    usecase::{
        alerts::{RenewalCause, follow_search},
        emergencies::EmergencyPorts,
        stalls::{ask, status_updated},
        team::assign_roles,
    },
};

/// Undoes the end of an emergency by a helper, for its owner, a helper whose response was open at the end, or an
/// administrator. The search for helpers is renewed, and the trust of that end is taken back.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`]; [`Refusal::NotReopenable`], also for a user from whom a block
/// would hide the live emergency;
/// [`Refusal::ActiveEmergencyExists`] for an owner with another live emergency.
pub async fn reopen(cx: &EmergencyPorts, actor: &Actor, id: EmergencyId) -> Result<(Emergency, Relation), Error> {
    cx.at_once(id, || async {
        let mut loaded = cx.load_with(id, cx.nearest()).await?;
        if loaded.is_hidden_from(&actor.account) {
            return Err(Refusal::NotReopenable.into());
        }
        let (alerted, hidden_from) = (loaded.alerted(), loaded.hidden_from.clone());
        let emergency = &mut loaded.emergency;
        let relation = emergency.relation(&actor.account, cx.rules.helpers);
        let available = cx.emergencies.available_again(id, cx.rules.helpers).await?;
        let now = cx.clock.now();
        let Reopened { mut responses, search } =
            emergency.reopen(actor.id(), relation, &available, cx.rules.reopen_within, now)?;
        let participants: Vec<_> = emergency.participants().collect();
        // The rights of each may have ended since they were read.
        let helpers = participants.iter().copied().filter(|user| *user != emergency.owner());
        let policy = cx.rules.helpers;
        let expected: Vec<_> = helpers.map(|user| Write::ExpectMayHelp { user, policy }).collect();
        let reopened = Event::EmergencyReopened {
            call: emergency.call().clone(),
            status: emergency.status(),
            at: now,
            alerted,
            participants,
            separated: emergency.separated_pairs(),
            hidden_from,
            announced: emergency.is_announced(),
        };
        let change = Change::new(Some(actor.id()), now).write(Write::RevokeTrust(id)).event(id, reopened);
        let mut change = cx.review_contacts(change, id);
        change.writes.extend(expected);
        for response in responses.iter().filter(|r| r.updated_at == now) {
            let updated = status_updated(emergency, response, now);
            change = change.event_by(response.helper.person.id, id, updated);
        }
        // Positions of the time after the end were not looked at.
        let asked = emergency.ask_all(cx.rules.stalls, now);
        change = ask(cx, change, emergency, &asked);
        for asked in asked {
            match responses.iter_mut().find(|response| response.helper.person.id == asked.helper.person.id) {
                Some(response) => *response = asked,
                None => responses.push(asked),
            }
        }
        emergency.schedule_checks(cx.rules.stalls, now);
        // `emergency:reopened` tells the status already.
        let search = crate::SearchEffect { became_active: false, ..search };
        change = follow_search(cx, change, &mut loaded, search, RenewalCause::Other)?;
        let mut emergency = loaded.emergency;
        let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses };
        let change = assign_roles(cx, change.write_first(update), &mut emergency).await?;
        match cx.changes.commit(change).await {
            Ok(()) => Ok((emergency, relation)),
            // A helper has accepted another emergency, or was rejected, since they were found to be available.
            Err(port::Error::Conflict(Constraint::Engaged | Constraint::MayHelp)) => Err(port::Error::Stale.into()),
            Err(port::Error::Conflict(Constraint::LiveEmergency)) => {
                Err(other_is_live(cx, &emergency, relation).await?.into())
            }
            Err(other) => Err(other.into()),
        }
    })
    .await
}

/// The refusal because the owner has another live emergency, of which only the owner may learn: it may be anonymous.
async fn other_is_live(cx: &EmergencyPorts, emergency: &Emergency, relation: Relation) -> Result<Refusal, Error> {
    if relation != Relation::Owner {
        return Ok(Refusal::NotReopenable);
    }
    let owner = emergency.owner();
    let live = cx.emergencies.live_of(owner).await?.emergencies;
    let other = live.into_iter().find(|e| e.owner() == owner && e.id() != emergency.id());
    // It may have ended since the conflict.
    Ok(other.map_or(Refusal::Contended, |other| Refusal::ActiveEmergencyExists { emergency: other.id() }))
}

#[cfg(test)]
mod tests;
