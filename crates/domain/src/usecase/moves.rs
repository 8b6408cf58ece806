//! The place of an emergency follows its owner.

use crate::{
    Change, EmergencyId, Error, Event, PlaceMove, Position, SessionId, Write,
    usecase::{emergencies::EmergencyPorts, team::assign_roles},
};

/// A position of an owner that counts for the place of their emergency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnerPosition {
    /// The emergency.
    pub emergency: EmergencyId,
    /// The session that sent the position.
    pub session: SessionId,
    /// The position.
    pub position: Position,
}

/// Moves the place of an emergency to where its owner is, if it follows them there. Helpers are given other roles by the way that each has
/// from then on.
///
/// The commit is conditional on the revision of the emergency: of several nodes that see the owner move, one moves the place,
/// and the others find that it has moved.
///
/// # Errors
/// Returns an error if a port fails. An emergency that is gone [stays](PlaceMove::Stays).
pub async fn follow(cx: &EmergencyPorts, owner: OwnerPosition) -> Result<PlaceMove, Error> {
    let OwnerPosition { emergency: id, session, position } = owner;
    cx.in_turn(id, || async {
        let Some(mut loaded) = cx.emergencies.load(id, None).await? else { return Ok(PlaceMove::Stays) };
        let now = cx.clock.now();
        let moved = loaded.emergency.move_place(session, position, now, cx.rules.move_interval);
        if moved != PlaceMove::Moved {
            return Ok(moved);
        }
        let emergency = &loaded.emergency;
        let finished = emergency.participants().filter(|user| emergency.has_finished(*user, now)).collect();
        let event = Event::EmergencyMoved { owner: emergency.owner(), position, at: now, finished };
        let call = emergency.call();
        let (location, movement) = (Box::new(call.details.location.clone()), Box::new(call.movement.clone()));
        let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses: Vec::new() };
        let change = Change::new(Some(emergency.owner()), now).write(update);
        let change = change.write(Write::MovePlace { emergency: id, location, movement }).event(id, event);
        cx.changes.commit(assign_roles(cx, change, &mut loaded.emergency).await?).await?;
        Ok(moved)
    })
    .await
}

#[cfg(test)]
mod tests;
