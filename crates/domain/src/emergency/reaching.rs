//! Which participants are told of an emergency when they have no connection.

use super::Emergency;
use crate::UserId;

impl Emergency {
    /// The owner, unless nothing may be pushed or mailed to them: a device that sounds could give a silent call away.
    pub fn reachable_owner(&self) -> Option<UserId> {
        (!self.call().details.silent).then(|| self.owner())
    }

    /// The participants that are told what this helper does: the owner and the responding helpers, except a silent owner and
    /// helpers that a block separates.
    pub fn reachable_partners(&self, helper: UserId) -> Vec<UserId> {
        let separated = self.separated_helpers(helper);
        let others = self.participants().filter(|&user| user != helper && user != self.owner());
        others.filter(|user| !separated.contains(user)).chain(self.reachable_owner()).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        ResponseStatus,
        testing::{ALAN, GRACE_HOPPER, OWNER, edited, id, with_responses},
    };

    #[test]
    fn the_owner_of_a_silent_emergency_is_sent_nothing() {
        let responding = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay), (ALAN, ResponseStatus::Responding)]);
        assert_eq!(responding.reachable_owner(), Some(id(OWNER)));
        assert_eq!(responding.reachable_partners(id(ALAN)), [id(GRACE_HOPPER), id(OWNER)]);
        let silent = edited(responding, |e| e.call.details.silent = true);
        assert_eq!(silent.reachable_owner(), None);
        assert_eq!(silent.reachable_partners(id(ALAN)), [id(GRACE_HOPPER)]);
    }
}
