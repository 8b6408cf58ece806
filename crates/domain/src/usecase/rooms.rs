//! Who may enter which room of an emergency, and what a connection is in from the start.

use crate::{
    Account, Actor, EmergencyId, Error, Refusal, Room, UserId, rooms_of,
    usecase::{Rules, emergencies::Context},
};

/// Which emergency somebody means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one with this id.
    Id(EmergencyId),
    /// The one in progress that they own or respond to.
    Current,
    /// A text that is no emergency's id.
    Unknown,
}

/// Finds the emergency somebody means, without saying whether they may see it.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`].
pub async fn find(cx: &Context, user: UserId, which: Which) -> Result<EmergencyId, Error> {
    match which {
        Which::Id(id) => Ok(id),
        Which::Current => {
            let live = cx.emergencies.live_of(user).await?;
            Ok(live.first().ok_or(Refusal::EmergencyNotFound)?.id())
        }
        Which::Unknown => Err(Refusal::EmergencyNotFound.into()),
    }
}

/// The rooms that somebody enters by joining an emergency.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`].
pub async fn join(cx: &Context, actor: &Actor, which: Which) -> Result<(EmergencyId, Vec<Room>), Error> {
    let id = find(cx, actor.id(), which).await?;
    let (_, relation) = cx.read(actor, id).await?;
    Ok((id, rooms_of(relation, id)))
}

/// The rooms in which a connection of this account is from the start.
///
/// # Errors
/// When a port fails.
pub async fn restore(cx: &Context, account: &Account) -> Result<Vec<Room>, Error> {
    let mut rooms = standing_rooms(account, &cx.rules);
    for emergency in cx.emergencies.live_of(account.id).await? {
        let relation = emergency.relation(account, cx.rules.helpers);
        rooms.extend(rooms_of(relation, emergency.id()));
    }
    Ok(rooms)
}

fn standing_rooms(account: &Account, rules: &Rules) -> Vec<Room> {
    let helpers = account.on_duty(rules.helpers).then_some(Room::Helpers);
    [Room::User(account.id)].into_iter().chain(helpers).collect()
}

#[cfg(test)]
mod tests;
