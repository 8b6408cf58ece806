//! Joining and leaving the room of an emergency, and the rooms of a new connection.

use crate::{
    Account, Actor, AlertScope, Emergency, EmergencyId, Error, EventId, Refusal, Relation, Room, UserId,
    port::{AccessAsOf, EventLog, Live},
    rooms_of,
    usecase::{Rules, emergencies::EmergencyPorts},
};

/// The emergency that a client names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The emergency with this id.
    Id(EmergencyId),
    /// The live emergency that the user owns or responds to.
    Current,
    /// A text that is not an emergency id.
    Unknown,
}

/// Finds the emergency whose room a user leaves, and the position in the log at which it was read.
///
/// The user need not be allowed to read the emergency. A connection may leave the room only after the log was followed
/// up to this position: an earlier event would move it into the room again.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`].
pub async fn leave(
    cx: &EmergencyPorts,
    log: &dyn EventLog,
    user: UserId,
    which: Which,
) -> Result<(EmergencyId, EventId), Error> {
    match which {
        Which::Id(id) => {
            let access = log.access(id, user).await?;
            Ok((id, access.map_or(EventId::START, |access| access.as_of)))
        }
        Which::Current => {
            let (current, as_of) = current(cx, user).await?;
            Ok((current.id(), as_of))
        }
        Which::Unknown => Err(Refusal::EmergencyNotFound.into()),
    }
}

async fn current(cx: &EmergencyPorts, user: UserId) -> Result<(Emergency, EventId), Error> {
    let Live { emergencies, as_of } = cx.emergencies.live_of(user).await?;
    Ok((emergencies.into_iter().next().ok_or(Refusal::EmergencyNotFound)?, as_of))
}

/// Rooms that a user may be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rooms {
    /// The rooms.
    pub rooms: Vec<Room>,
    /// The position in the log at which the rooms were read.
    ///
    /// A connection may enter them only after the log was followed up to here: earlier events would be missed, or move
    /// it again.
    pub as_of: EventId,
}

/// Finds the rooms that a user enters by joining an emergency. Records that an administrator reads the places of those who take
/// part in it.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`].
pub async fn join(
    cx: &EmergencyPorts,
    log: &dyn EventLog,
    actor: &Actor,
    which: Which,
) -> Result<(EmergencyId, Rooms), Error> {
    let (id, access, as_of) = match which {
        Which::Id(id) => {
            let AccessAsOf { access, as_of } = log.access(id, actor.id()).await?.ok_or(Refusal::EmergencyNotFound)?;
            (id, access, as_of)
        }
        Which::Current => {
            let (current, as_of) = current(cx, actor.id()).await?;
            (current.id(), current.access(actor.id()), as_of)
        }
        Which::Unknown => return Err(Refusal::EmergencyNotFound.into()),
    };
    let relation = access.admit(&actor.account, cx.rules.helpers)?;
    if relation == Relation::Admin {
        let emergency = cx.emergencies.find(id).await?.ok_or(Refusal::EmergencyNotFound)?;
        cx.record_room(actor, &emergency).await?;
    }
    Ok((id, Rooms { rooms: rooms_of(relation, id), as_of }))
}

/// The room of dispatchers, which an administrator may enter.
///
/// # Errors
/// [`Refusal::NotAuthorized`].
pub fn join_dispatchers(actor: &Actor) -> Result<Room, Refusal> {
    if actor.account.is_admin() { Ok(Room::Dispatchers) } else { Err(Refusal::NotAuthorized) }
}

/// Finds the rooms of a new connection of this account.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn restore(cx: &EmergencyPorts, account: &Account) -> Result<Rooms, Error> {
    let mut rooms = account_rooms(account, &cx.rules);
    let Live { emergencies, as_of } = cx.emergencies.live_of(account.id).await?;
    for emergency in emergencies {
        let relation = emergency.relation(account, cx.rules.helpers);
        rooms.extend(rooms_of(relation, emergency.id()));
    }
    Ok(Rooms { rooms, as_of })
}

fn account_rooms(account: &Account, rules: &Rules) -> Vec<Room> {
    let helpers = match account.broadcast_scope(rules.helpers) {
        AlertScope::All => Some(Room::Helpers),
        AlertScope::Critical => Some(Room::CriticalHelpers),
        AlertScope::None => None,
    };
    [Room::User(account.id)].into_iter().chain(helpers).collect()
}

#[cfg(test)]
mod tests;
