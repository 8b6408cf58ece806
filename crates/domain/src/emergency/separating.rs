//! Blocks between helpers that respond to the emergency of another user.

use super::{Emergency, Response, ResponseStatus};
use crate::{Account, UserId};

impl Emergency {
    /// Records the users that a responding helper blocks, as of now.
    pub fn record_blocks(&mut self, helper: UserId, blocks: Vec<UserId>) {
        if let Some(response) = self.responses.iter_mut().find(|r| r.helper.person.id == helper) {
            response.blocks = blocks;
        }
    }

    /// The other helpers with a response that is not cancelled that a block separates from this helper. Empty for a user
    /// without such a response.
    ///
    /// Neither of two such helpers is shown the position, the distance, the presence or the role of the other.
    pub fn separated_helpers(&self, helper: UserId) -> Vec<UserId> {
        let responses = || self.responses.iter().filter(|r| r.status != ResponseStatus::Cancelled);
        let id = |response: &Response| response.helper.person.id;
        let Some(own) = responses().find(|r| id(r) == helper) else { return Vec::new() };
        let is_separated = |r: &&Response| own.blocks.contains(&id(r)) || r.blocks.contains(&helper);
        responses().filter(|r| id(r) != helper).filter(is_separated).map(id).collect()
    }

    /// The helpers whose position, distance, presence and role the user of this account is not shown, because of blocks.
    /// Administrators are shown all.
    pub fn separated_from(&self, account: &Account) -> Vec<UserId> {
        if account.is_admin() { Vec::new() } else { self.separated_helpers(account.id) }
    }

    /// The pairs of helpers that a block separates, each once.
    pub fn separated_pairs(&self) -> Vec<(UserId, UserId)> {
        let helpers = self.responses.iter().map(|r| r.helper.person.id);
        let pairs = helpers.flat_map(|a| self.separated_helpers(a).into_iter().map(move |b| (a, b)));
        pairs.filter(|(a, b)| a < b).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, ALAN, GRACE_HOPPER, OWNER, account, admin, edited, helper, id, with_responses};

    #[test]
    fn a_block_in_either_direction_separates_helpers_whose_responses_are_not_cancelled() {
        use ResponseStatus::{Cancelled, Completed, OnWay};
        for (status, by, user, separated) in [
            (OnWay, GRACE_HOPPER, ALAN, true),
            (OnWay, ALAN, GRACE_HOPPER, true),
            (Completed, ALAN, GRACE_HOPPER, true),
            (Cancelled, ALAN, GRACE_HOPPER, false),
            (OnWay, ALAN, OWNER, false),
        ] {
            let mut emergency = with_responses(&[(GRACE_HOPPER, OnWay), (ALAN, status)]);
            emergency.record_blocks(id(by), vec![id(user)]);
            let others = |of: u128, other: u128| (emergency.separated_from(&helper(of)), separated.then(|| id(other)));
            for (found, expected) in [others(GRACE_HOPPER, ALAN), others(ALAN, GRACE_HOPPER)] {
                assert_eq!(found, Vec::from_iter(expected), "{status:?} {by} {user}");
            }
            assert_eq!(emergency.separated_pairs().len(), usize::from(separated));
            assert_eq!(emergency.separated_from(&account(OWNER)), []);
        }
    }

    #[test]
    fn an_administrator_is_shown_all() {
        let mut emergency = with_responses(&[(ADMIN, ResponseStatus::OnWay), (ALAN, ResponseStatus::OnWay)]);
        emergency.record_blocks(id(ADMIN), vec![id(ALAN)]);
        assert_eq!(emergency.separated_from(&admin()), []);
        assert_eq!(emergency.separated_from(&helper(ALAN)), [id(ADMIN)]);
        let unchanged = edited(emergency.clone(), |_| ());
        emergency.record_blocks(id(OWNER), vec![id(ALAN)]);
        assert_eq!(emergency, unchanged, "the owner has no response");
    }
}
