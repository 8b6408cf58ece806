//! Tests of the changes that blocks commit, on live emergencies above all.

use super::*;
use crate::{
    Account, Alert, EmergencyStatus, HeldAlert, ResponseStatus,
    port::{MockAccounts, MockBlocks},
    testing::{
        ADMIN, ALAN, Committed, EMERGENCY, GRACE_HOPPER, OWNER, account, active_emergency, actor, admin, anonymous, at,
        edited, grace_hopper, helper, id, now, owner, recipient, resolved, store, with_responses,
    },
    usecase::emergencies::tests::{alert, conflict, context, empty, holding, refusal, stale, the_emergency},
};

/// The ports over a store in which [`OWNER`], [`GRACE_HOPPER`] and [`ALAN`], who may not help, have accounts.
fn ports(found: BlockContext, emergencies: EmergencyPorts) -> BlockPorts {
    let mut blocks = MockBlocks::new();
    blocks.expect_context().returning(move |_, _| Ok(found.clone()));
    let mut accounts = MockAccounts::new();
    accounts.expect_find().returning(|user| {
        let known = [account(OWNER), helper(GRACE_HOPPER), account(ALAN)];
        Ok(known.into_iter().find(|account| account.id == user))
    });
    BlockPorts { blocks: Arc::new(blocks), accounts: Arc::new(accounts), emergencies }
}

/// A store without emergencies, and without a block in the list.
fn service(user: Option<u128>, outcomes: Vec<port::Result<()>>) -> (BlockPorts, Committed) {
    let (changes, committed) = store(outcomes);
    let found = BlockContext { listed: None, user: user.map(id), emergencies: vec![] };
    (ports(found, context(empty(), changes)), committed)
}

/// A block in an emergency: the change that `by` commits by blocking `user`.
async fn blocked(emergency: &Emergency, alerts: &[Alert], by: Account, user: u128) -> Change {
    let (changes, committed) = store(vec![]);
    let found = BlockContext { listed: None, user: Some(id(user)), emergencies: vec![the_emergency()] };
    let cx = ports(found, context(holding(emergency, alerts), changes));
    block(&cx, &actor(by), BlockTarget::User(id(user))).await.unwrap();
    committed.only()
}

fn hidden_from_whom(change: &Change) -> Vec<UserId> {
    let hidden = |event: &crate::NewEvent| match event.event {
        Event::EmergencyHidden { user, .. } => Some(user),
        _ => None,
    };
    change.events.iter().filter_map(hidden).collect()
}

/// The helpers whose responses a change cancels, each with the user that the log names as its cause.
fn cancelled(change: &Change) -> Vec<(UserId, Option<UserId>)> {
    let cancelled = |event: &crate::NewEvent| match event.event {
        Event::HelperStatusUpdated { helper, status: ResponseStatus::Cancelled, .. } => Some((helper, event.actor)),
        _ => None,
    };
    change.events.iter().filter_map(cancelled).collect()
}

fn updated(change: &Change) -> (&Emergency, usize) {
    let updates = change.writes.iter().filter_map(|write| match write {
        Write::UpdateEmergency { emergency, responses } => Some((&**emergency, responses.len())),
        _ => None,
    });
    let [only] = <[_; 1]>::try_from(updates.collect::<Vec<_>>()).unwrap();
    only
}

#[tokio::test]
async fn a_block_is_stored_with_its_earliest_end_and_announced() {
    let (cx, committed) = service(Some(ALAN), vec![]);
    let block = block(&cx, &owner(), BlockTarget::User(id(ALAN))).await.unwrap();
    let add = Write::AddBlock {
        by: id(OWNER),
        block: block.clone(),
        user: Some(id(ALAN)),
        earliest_end: now() + chrono::TimeDelta::hours(24),
        emergencies: vec![],
    };
    let pair = BlockedPair { by: id(OWNER), user: id(ALAN) };
    let expected = Change::new(Some(id(OWNER)), now()).write(add).account_event(Event::UserBlocked(pair));
    assert_eq!((committed.only(), block.created_at), (expected, now()));
}

#[tokio::test]
async fn a_block_without_an_account_is_stored_and_not_announced() {
    let (cx, committed) = service(None, vec![]);
    block(&cx, &owner(), BlockTarget::Email("later@example.org".parse().unwrap())).await.unwrap();
    assert_eq!(committed.only().events, []);
}

#[tokio::test]
async fn blocking_again_changes_nothing() {
    let (changes, committed) = store(vec![]);
    let listed = UserBlock { id: id_of_block(), target: BlockTarget::User(id(ALAN)), created_at: at(0) };
    let found = BlockContext { listed: Some(listed.clone()), user: Some(id(ALAN)), emergencies: vec![] };
    let cx = ports(found, context(empty(), changes));
    assert_eq!(block(&cx, &owner(), BlockTarget::User(id(ALAN))).await.unwrap(), listed);
    assert!(committed.is_empty());
}

fn id_of_block() -> crate::BlockId {
    Uuid::from_u128(7).into()
}

#[tokio::test]
async fn users_cannot_block_themselves() {
    let (cx, committed) = service(Some(OWNER), vec![]);
    for (target, by_email) in [(BlockTarget::User(id(OWNER)), false), (BlockTarget::Email(account(OWNER).email), true)]
    {
        assert_eq!(refusal(block(&cx, &owner(), target).await), Refusal::OwnAccount { by_email });
    }
    assert!(committed.is_empty());
}

#[tokio::test]
async fn a_stale_block_is_decided_again_and_one_too_many_is_refused() {
    let (cx, committed) = service(Some(ALAN), stale(1));
    block(&cx, &owner(), BlockTarget::User(id(ALAN))).await.unwrap();
    assert_eq!(committed.attempts().len(), 2);
    let (cx, _) = service(Some(ALAN), conflict(Constraint::Blocks));
    assert_eq!(refusal(block(&cx, &owner(), BlockTarget::User(id(ALAN))).await), Refusal::TooManyBlocks);
}

#[tokio::test]
async fn an_owner_who_blocks_a_responding_helper_cuts_them_off() {
    for emergency in [
        with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]),
        anonymous(with_responses(&[(GRACE_HOPPER, ResponseStatus::Arrived)])),
    ] {
        let change = blocked(&emergency, &[alert(GRACE_HOPPER)], account(OWNER), GRACE_HOPPER).await;
        assert_eq!(cancelled(&change), [(id(GRACE_HOPPER), Some(id(GRACE_HOPPER)))], "as if she had cancelled");
        assert_eq!(hidden_from_whom(&change), [id(GRACE_HOPPER)]);
        let (after, responses) = updated(&change);
        assert_eq!((after.status(), responses), (EmergencyStatus::Active, 1));
        let declined = Write::SetDeclined { emergency: the_emergency(), helper: id(GRACE_HOPPER), declined: true };
        assert!(change.writes.contains(&declined), "not alerted again");
        let wave = |e: &crate::NewEvent| matches!(e.event, Event::HelpersAlerted { .. });
        assert!(change.events.iter().any(wave), "the search is renewed");
    }
}

#[tokio::test]
async fn a_responding_helper_who_blocks_the_owner_is_cut_off_unless_the_owner_is_anonymous() {
    let responding = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    let change = blocked(&responding, &[], helper(GRACE_HOPPER), OWNER).await;
    assert_eq!((cancelled(&change).len(), hidden_from_whom(&change)), (1, vec![id(GRACE_HOPPER)]));
    let change = blocked(&anonymous(responding), &[], helper(GRACE_HOPPER), OWNER).await;
    assert_eq!((cancelled(&change).len(), hidden_from_whom(&change)), (0, vec![]));
}

#[tokio::test]
async fn only_a_user_that_may_know_of_the_emergency_is_told_of_its_end() {
    for (user, alerts, told) in [(GRACE_HOPPER, vec![], true), (ALAN, vec![], false), (ALAN, vec![alert(ALAN)], true)] {
        let change = blocked(&active_emergency(), &alerts, account(OWNER), user).await;
        assert_eq!(hidden_from_whom(&change), if told { vec![id(user)] } else { vec![] }, "{user}");
    }
}

#[tokio::test]
async fn an_alert_that_is_held_back_is_dropped() {
    let held = |n| HeldAlert { recipient: recipient(n, 100.0), due_at: at(99) };
    let emergency = edited(active_emergency(), |e| e.search.held = vec![held(GRACE_HOPPER), held(ALAN)]);
    let change = blocked(&emergency, &[], account(OWNER), GRACE_HOPPER).await;
    assert_eq!(updated(&change).0.search().held, [held(ALAN)]);
}

#[tokio::test]
async fn an_administrator_is_told_of_no_end() {
    let (changes, committed) = store(vec![]);
    let found = BlockContext { listed: None, user: Some(id(OWNER)), emergencies: vec![the_emergency()] };
    let cx = ports(found, context(holding(&active_emergency(), &[alert(ADMIN)]), changes));
    block(&cx, &actor(admin()), BlockTarget::User(id(OWNER))).await.unwrap();
    assert_eq!(hidden_from_whom(&committed.only()), []);
}

#[tokio::test]
async fn a_block_between_two_helpers_of_a_third_user_only_writes_the_emergency() {
    let both = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay), (ALAN, ResponseStatus::Arrived)]);
    let change = blocked(&both, &[], helper(GRACE_HOPPER), ALAN).await;
    assert_eq!((cancelled(&change), hidden_from_whom(&change)), (vec![], vec![]));
    assert_eq!(updated(&change), (&both, 0), "so that what is decided without the block is stale");
}

#[tokio::test]
async fn an_emergency_that_ended_meanwhile_makes_the_block_stale_by_its_revision() {
    let change = blocked(&resolved(active_emergency()), &[], account(OWNER), GRACE_HOPPER).await;
    assert_eq!(hidden_from_whom(&change), []);
    let revision = updated(&change).0.revision();
    assert_eq!(revision, edited(active_emergency(), |_| ()).revision());
}

#[tokio::test]
async fn a_block_is_removed_by_its_key() {
    let (cx, committed) = service(None, vec![]);
    let key = Uuid::from_u128(EMERGENCY);
    unblock(&cx, &grace_hopper(), key).await.unwrap();
    let remove = Write::RemoveBlock { by: id(GRACE_HOPPER), key };
    assert_eq!(committed.only(), Change::new(Some(id(GRACE_HOPPER)), now()).write(remove));
}

#[tokio::test]
async fn due_blocks_are_ended_and_stale_ones_skipped() {
    let (changes, committed) = store(stale(1));
    let ended = |user: Option<u128>| EndedBlocks { by: id(OWNER), user: user.map(id), blocks: vec![id_of_block()] };
    let due = vec![ended(Some(GRACE_HOPPER)), ended(Some(ALAN)), ended(None)];
    let mut blocks = MockBlocks::new();
    let found = due.clone();
    blocks.expect_ended().returning(move |at, _| if at == now() { Ok(found.clone()) } else { Ok(vec![]) });
    let emergencies = context(empty(), changes);
    let cx = BlockPorts { blocks: Arc::new(blocks), accounts: Arc::new(MockAccounts::new()), emergencies };
    assert_eq!(end_due(&cx).await.unwrap(), 3);
    let unblocked = |user| Event::UserUnblocked(BlockedPair { by: id(OWNER), user: id(user) });
    let change = |ended: &EndedBlocks| Change::new(None, now()).write(Write::EndBlocks(ended.clone()));
    assert_eq!(
        committed.attempts(),
        [
            change(&due[0]).account_event(unblocked(GRACE_HOPPER)),
            change(&due[1]).account_event(unblocked(ALAN)),
            change(&due[2]),
        ]
    );
}
