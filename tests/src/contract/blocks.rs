//! Cases of the port `Blocks`, and of the writes behind it.

use allynet_domain::{
    Account, BlockTarget, EmergencyId, EmergencyType, HelperPolicy, MAX_BLOCKS, MAX_BLOCKS_IN_EFFECT, PlacePolicy,
    Recipient, Role, UserBlock, UserId, Write,
    port::{
        AcceptanceContext, BlockContext, Constraint, EndedBlocks, Error, HelperSelection, ListReader, MessagePage,
        Near, OnDuty, RaiseQuery, Vicinity,
    },
};

use super::{Store, at, call_of, edited, exact_reader, id, metres, new_account, place, response_of, update};

/// When the effects of blocks of these cases may end.
const EARLIEST_END: i64 = 100;

fn by_email(account: &Account) -> BlockTarget {
    BlockTarget::Email(account.email.clone())
}

fn by_id(account: &Account) -> BlockTarget {
    BlockTarget::User(account.id)
}

fn block(target: BlockTarget, seconds: i64) -> UserBlock {
    UserBlock { id: id(), target, created_at: at(seconds) }
}

impl Store {
    async fn try_block(&self, by: &Account, block: &UserBlock) -> Result<(), Error> {
        let BlockContext { user, emergencies, .. } = self.blocks.context(by.id, &block.target).await.unwrap();
        self.try_write(add(by, block, user, emergencies)).await
    }

    /// Stores a new block with this target.
    pub(super) async fn block(&self, by: &Account, target: BlockTarget) -> UserBlock {
        let block = block(target, 0);
        self.try_block(by, &block).await.unwrap();
        block
    }

    async fn listed(&self, by: &Account) -> Vec<UserBlock> {
        self.blocks.list(by.id).await.unwrap().unwrap()
    }

    /// The users that an account blocks, as its callers know.
    async fn blocked_by(&self, by: &Account) -> Vec<UserId> {
        self.account(by.id).await.blocks
    }

    async fn ended_blocks(&self, seconds: i64) -> Vec<EndedBlocks> {
        self.blocks.ended(at(seconds), 100).await.unwrap()
    }
}

fn add(by: &Account, block: &UserBlock, user: Option<UserId>, emergencies: Vec<EmergencyId>) -> Write {
    Write::AddBlock { by: by.id, block: block.clone(), user, earliest_end: at(EARLIEST_END), emergencies }
}

pub async fn blocks_are_listed_oldest_first_as_they_were_named(store: Store) {
    let [owner, ada, bo] = [store.register().await, store.register().await, store.register().await];
    let blocks = [block(by_email(&bo), 2), block(by_id(&ada), 1), block(BlockTarget::User(new_account().id), 3)];
    for block in &blocks {
        store.try_block(&owner, block).await.unwrap();
    }
    let [of_bo, of_ada, of_nobody] = blocks;
    assert_eq!(store.listed(&owner).await, [of_ada, of_bo, of_nobody]);
    assert_eq!(store.listed(&ada).await, []);
    assert_eq!(store.blocks.list(new_account().id).await.unwrap(), None);
    let mut blocked = store.blocked_by(&owner).await;
    blocked.sort_unstable();
    let mut expected = vec![ada.id, bo.id];
    expected.sort_unstable();
    assert_eq!(blocked, expected, "not the account that does not exist");
}

pub async fn a_block_in_the_list_is_not_replaced(store: Store) {
    let [owner, ada] = [store.register().await, store.register().await];
    for target in [by_id(&ada), by_email(&ada)] {
        let first = store.block(&owner, target.clone()).await;
        let context = store.blocks.context(owner.id, &target).await.unwrap();
        assert_eq!(context.listed, Some(first.clone()));
        store.block(&owner, target).await;
        assert!(store.listed(&owner).await.contains(&first));
    }
    assert_eq!(store.listed(&owner).await.len(), 2, "by id and by email are two blocks");
}

pub async fn a_block_by_email_applies_to_an_account_that_is_registered_later(store: Store) {
    let (owner, later) = (store.register().await, new_account());
    store.block(&owner, by_email(&later)).await;
    assert_eq!(store.blocks.context(owner.id, &by_email(&later)).await.unwrap().user, None);
    assert_eq!(store.blocked_by(&owner).await, []);
    store.register_as(later.clone()).await;
    assert_eq!(store.blocked_by(&owner).await, [later.id]);
    assert_eq!(store.blocks.context(owner.id, &by_email(&later)).await.unwrap().user, Some(later.id));
}

pub async fn of_a_block_and_a_registration_of_its_email_at_once_neither_misses_the_other(store: Store) {
    let owner = store.register().await;
    for _ in 0..20 {
        let later = new_account();
        let block = block(by_email(&later), 0);
        let blocking = async {
            while let Err(error) = store.try_block(&owner, &block).await {
                assert!(matches!(error, Error::Stale), "{error:?}");
            }
        };
        tokio::join!(blocking, store.register_as(later.clone()));
        assert!(store.blocked_by(&owner).await.contains(&later.id));
    }
}

pub async fn a_removed_block_leaves_the_list_at_once_and_has_effect_until_its_earliest_end(store: Store) {
    let [owner, ada, bo] = [store.register().await, store.register().await, store.register().await];
    let (of_ada, of_bo) = (store.block(&owner, by_id(&ada)).await, store.block(&owner, by_email(&bo)).await);
    for (by, key) in [(&ada, ada.id.into()), (&owner, new_account().id.into()), (&owner, bo.id.into())] {
        store.write(Write::RemoveBlock { by: by.id, key }).await;
    }
    assert_eq!(store.listed(&owner).await.len(), 2, "removed by another, unknown, and a block by email by the user");
    for key in [ada.id.into(), of_bo.id.into()] {
        store.write(Write::RemoveBlock { by: owner.id, key }).await;
    }
    assert_eq!(store.listed(&owner).await, []);
    assert_eq!(store.blocked_by(&owner).await.len(), 2);

    assert_eq!(store.ended_blocks(EARLIEST_END - 1).await, []);
    let mut ended = store.ended_blocks(EARLIEST_END).await;
    ended.sort_by_key(|ended| ended.user != Some(ada.id));
    let expected = [(&ada, &of_ada), (&bo, &of_bo)].map(|(user, block)| EndedBlocks {
        by: owner.id,
        user: Some(user.id),
        blocks: vec![block.id],
    });
    assert_eq!(ended, expected);
    let end = |ended: &EndedBlocks, seconds| {
        let change = allynet_domain::Change::new(None, at(seconds)).write(Write::EndBlocks(ended.clone()));
        store.changes.commit(change)
    };
    assert!(matches!(end(&ended[0], EARLIEST_END - 1).await, Err(Error::Stale)), "too early");
    end(&ended[0], EARLIEST_END).await.unwrap();
    assert!(matches!(end(&ended[0], EARLIEST_END).await, Err(Error::Stale)), "ended already");
    assert_eq!(store.blocked_by(&owner).await, [bo.id]);
}

pub async fn a_pair_stays_blocked_while_another_block_applies(store: Store) {
    let [owner, ada] = [store.register().await, store.register().await];
    let (_, of_email) = (store.block(&owner, by_id(&ada)).await, store.block(&owner, by_email(&ada)).await);
    store.write(Write::RemoveBlock { by: owner.id, key: ada.id.into() }).await;
    assert_eq!(store.ended_blocks(EARLIEST_END).await, [], "the block by email is in the list");
    store.write(Write::RemoveBlock { by: owner.id, key: of_email.id.into() }).await;
    let ended = store.ended_blocks(EARLIEST_END).await;
    assert_eq!(ended.iter().map(|ended| ended.blocks.len()).collect::<Vec<_>>(), [2]);
    // Blocked again before the end is stored.
    let again = store.block(&owner, by_id(&ada)).await;
    assert_eq!(store.listed(&owner).await, [again]);
    let change = allynet_domain::Change::new(None, at(EARLIEST_END)).write(Write::EndBlocks(ended[0].clone()));
    assert!(matches!(store.changes.commit(change).await, Err(Error::Stale)));
    assert_eq!(store.ended_blocks(EARLIEST_END).await, []);
}

pub async fn the_list_and_the_blocks_in_effect_have_a_limit(store: Store) {
    let owner = store.register().await;
    let one_more = || block(BlockTarget::User(new_account().id), 0);
    for _ in 0..MAX_BLOCKS {
        store.try_block(&owner, &one_more()).await.unwrap();
    }
    let too_many = |outcome| assert!(matches!(outcome, Err(Error::Conflict(Constraint::Blocks))), "{outcome:?}");
    too_many(store.try_block(&owner, &one_more()).await);
    let listed = store.listed(&owner).await;
    assert_eq!(listed.len(), MAX_BLOCKS as usize);
    store.try_block(&owner, &listed[0]).await.unwrap();
    for block in &listed {
        store.write(Write::RemoveBlock { by: owner.id, key: block.id.into() }).await;
    }
    for _ in MAX_BLOCKS..MAX_BLOCKS_IN_EFFECT {
        store.try_block(&owner, &one_more()).await.unwrap();
    }
    store.write(Write::RemoveBlock { by: owner.id, key: store.listed(&owner).await[0].id.into() }).await;
    too_many(store.try_block(&owner, &one_more()).await);
}

pub async fn a_block_decided_on_other_emergencies_is_stale(store: Store) {
    let [owner, ada, bo] = [store.register().await, store.helper().await, store.register().await];
    let new = block(by_id(&ada), 0);
    let stale = |outcome| assert!(matches!(outcome, Err(Error::Stale)), "{outcome:?}");
    let context = || async { store.blocks.context(owner.id, &by_id(&ada)).await.unwrap() };
    assert_eq!(context().await, BlockContext { listed: None, user: Some(ada.id), emergencies: vec![] });
    stale(store.try_write(add(&owner, &new, None, vec![])).await);

    let raised = store.raise(call_of(&owner)).await;
    stale(store.try_write(add(&owner, &new, Some(ada.id), vec![])).await);
    let other = store.raise(call_of(&bo)).await;
    assert_eq!(context().await.emergencies, [raised.id()]);
    store.write(update(&other, vec![response_of(&ada, at(0))])).await;
    stale(store.try_write(add(&owner, &new, Some(ada.id), vec![raised.id()])).await);
    let mut both = vec![raised.id(), other.id()];
    both.sort_unstable();
    assert_eq!(context().await.emergencies, both);
    store.try_write(add(&owner, &new, Some(ada.id), both)).await.unwrap();
    store.cancel(raised.id(), at(1)).await;
    assert_eq!(context().await.emergencies, [other.id()], "the end of the other is not read");
}

pub async fn of_a_block_and_an_emergency_raised_at_once_the_later_knows_of_the_earlier(store: Store) {
    for _ in 0..20 {
        let [owner, ada] = [store.register().await, store.register().await];
        let (new, call) = (block(by_id(&ada), 0), call_of(&owner));
        let blocked = store.try_write(add(&owner, &new, Some(ada.id), vec![]));
        let (blocked, _) = tokio::join!(blocked, store.raise(call.clone()));
        // Otherwise the block was stored first, and the emergency may know of it.
        if let Err(error) = blocked {
            assert!(matches!(error, Error::Stale), "{error:?}");
            let context = store.blocks.context(owner.id, &new.target).await.unwrap();
            assert_eq!(context.emergencies, [call.id()]);
        }
    }
}

pub async fn every_read_says_whether_a_block_hides_an_emergency(store: Store) {
    for (by_owner, by_helper, anonymous, hidden) in [
        (false, false, false, false),
        (true, false, false, true),
        (true, false, true, true),
        (false, true, false, true),
        (false, true, true, false),
        (true, true, true, true),
    ] {
        let case = format!("{by_owner} {by_helper} {anonymous}");
        let [owner, helper, other] = [store.register().await, store.helper().await, store.helper().await];
        for helper in [&helper, &other] {
            store.locate(helper.id, place(0.0, 0.01)).await;
        }
        let call = edited(call_of(&owner), |e| e.call.details.anonymous = anonymous);
        let of = store.raise(call).await.id();
        let recipients = vec![Recipient::new(helper.id, metres(1.0)), Recipient::new(other.id, metres(1.0))];
        store.write(Write::SendAlerts { emergency: of, wave: 1, recipients }).await;
        if by_owner {
            store.block(&owner, by_email(&helper)).await;
        }
        if by_helper {
            store.block(&helper, by_id(&owner)).await;
        }
        for (reader, hidden) in [(&helper, hidden), (&other, false), (&owner, false)] {
            assert_eq!(store.emergencies.read(of, reader.id).await.unwrap().unwrap().hidden, hidden, "{case}");
            assert_eq!(store.log.access(of, reader.id).await.unwrap().unwrap().access.hidden, hidden, "{case}");
            let page = MessagePage { emergency: of, reader: reader.id, before: None, limit: 1 };
            assert_eq!(store.messages.list(&page).await.unwrap().unwrap().0.hidden, hidden, "{case}");
            assert_eq!(store.messages.find(of, id(), reader.id).await.unwrap().unwrap().0.hidden, hidden, "{case}");
            let on_duty = OnDuty { policy: HelperPolicy::Verified, fresh_since: at(0), now: at(0) };
            let (radius, places) = (metres(500.0), PlacePolicy::default());
            let vicinity = Vicinity { emergency: of, reader: reader.id, on_duty, radius, places };
            assert_eq!(store.helpers.around(&vicinity).await.unwrap().unwrap().hidden, hidden, "{case}");
            assert_eq!(store.load(of).await.is_hidden_from(&store.account(reader.id).await), hidden, "{case}");
        }
        for reader in [&helper, &other] {
            for administers in [false, true] {
                let list = ListReader { administers, ..exact_reader(reader.id) };
                let listed = reader.id != helper.id || !hidden || administers;
                let nearby = store.emergencies.nearby(&list, place(0.0, 0.0), metres(5_000.0), 100).await.unwrap();
                assert_eq!(nearby.iter().any(|near| near.emergency.id() == of), listed, "{case}");
                let pending = store.emergencies.pending_for(&list, 100).await.unwrap();
                assert_eq!(pending.iter().any(|near| near.emergency.id() == of), listed, "{case}");
            }
        }
        store.cancel(of, at(1)).await;
    }
}

pub async fn an_acceptance_is_decided_on_the_blocks_that_the_helper_has_by_then(store: Store) {
    let [owner, helper] = [store.register().await, store.register().await];
    let others = [store.register().await, store.register().await];
    let of = store.raise(call_of(&owner)).await.id();
    let blocks = async || {
        let read = store.emergencies.load_for_acceptance(of, helper.id).await.unwrap().unwrap();
        let AcceptanceContext { loaded, mut blocks, .. } = read;
        assert_eq!(loaded, store.load(of).await);
        blocks.sort_unstable();
        blocks
    };
    assert_eq!(blocks().await, []);
    store.block(&others[0], by_id(&helper)).await;
    store.block(&helper, by_id(&others[0])).await;
    store.block(&helper, by_email(&others[1])).await;
    store.block(&helper, BlockTarget::User(new_account().id)).await;
    let mut expected = others.map(|other| other.id);
    expected.sort_unstable();
    assert_eq!(blocks().await, expected);
    assert_eq!(store.emergencies.load_for_acceptance(id(), helper.id).await.unwrap(), None);
    store.cancel(of, at(1)).await;
}

pub async fn a_block_between_two_responding_helpers_is_read_with_the_emergency(store: Store) {
    let owner = store.register().await;
    let mut helpers = Vec::new();
    for _ in 0..3 {
        helpers.push(store.helper_at(place(0.0, 0.01)).await);
    }
    let [a, b, c] = <[Account; 3]>::try_from(helpers).unwrap();
    let of = store.raise(call_of(&owner)).await.id();
    for helper in [&a, &b, &c] {
        store.accept(of, helper, at(1)).await;
    }
    let pairs = async |reader: &Account| {
        let read = store.emergencies.read(of, reader.id).await.unwrap().unwrap();
        assert!(!read.hidden);
        let pairs = read.emergency.separated_pairs();
        assert_eq!(store.load(of).await.emergency.separated_pairs(), pairs);
        let live = store.emergencies.live_of(reader.id).await.unwrap().emergencies;
        assert!(live.iter().all(|live| live.separated_pairs() == pairs));
        pairs
    };
    assert_eq!(pairs(&a).await, []);
    store.block(&b, by_email(&a)).await;
    store.block(&c, by_id(&owner)).await;
    let separated = vec![(a.id.min(b.id), a.id.max(b.id))];
    for reader in [&a, &b, &owner] {
        assert_eq!(pairs(reader).await, separated);
    }
    let mut emergency = store.load(of).await.emergency;
    assert_eq!(emergency.separated_from(&b), [a.id]);
    let cancelled = emergency.withdraw_response(b.id, at(2)).unwrap().response;
    store.write(Write::UpdateEmergency { emergency: Box::new(emergency), responses: vec![cancelled] }).await;
    assert_eq!(pairs(&a).await, [], "the other does not take part any more");
}

pub async fn blocks_leave_helpers_out_of_alerts_and_not_out_of_counts(store: Store) {
    let [owner, responder] = [store.register().await, store.helper().await];
    let mut helpers = Vec::new();
    for _ in 0..5 {
        helpers.push(store.helper_at(place(0.0, 0.01)).await);
    }
    let [plain, blocked, blocking, with_responder, by_responder] = <[Account; 5]>::try_from(helpers).unwrap();
    store.block(&owner, by_email(&blocked)).await;
    store.block(&blocking, by_id(&owner)).await;
    store.block(&with_responder, by_id(&responder)).await;
    store.block(&responder, by_id(&by_responder)).await;
    // From administrators nothing is hidden.
    let [admin, other_admin] = [store.register().await, store.register().await];
    for admin in [&admin, &other_admin] {
        store.write(Write::SetRole { user: admin.id, role: Role::Admin }).await;
    }
    store.block(&owner, by_id(&admin)).await;
    store.block(&other_admin, by_id(&owner)).await;
    let ids = |recipients: &[Recipient]| {
        let mut ids: Vec<_> = recipients.iter().map(|recipient| recipient.helper).collect();
        ids.sort();
        ids
    };
    // Whether a block against an anonymous owner counts depends on how old it was at the begin of the emergency.
    for (anonymous, raised_at, is_lured) in
        [(false, 0, false), (true, EARLIEST_END - 1, true), (true, EARLIEST_END, false)]
    {
        let case = format!("{anonymous} {raised_at}");
        let on_duty = OnDuty { policy: HelperPolicy::Verified, fresh_since: at(0), now: at(raised_at) };
        let call = edited(call_of(&owner), |e| {
            e.call.details.anonymous = anonymous;
            e.call.created_at = at(raised_at);
        });
        let mut alertable = vec![plain.id, with_responder.id, by_responder.id];
        alertable.extend(is_lured.then_some(blocking.id));
        alertable.sort();
        let places = PlacePolicy::default();
        let query = RaiseQuery {
            owner: owner.id,
            request_id: None,
            place: places.alert_place(&call.call().details),
            anonymous,
            kind: EmergencyType::Medical,
            critical: false,
            on_duty,
            radii: &[metres(5_000.0)],
            enough: 9,
            limit: 9,
            rings_since: at(-600),
            census: None,
        };
        let context = store.emergencies.raise_context(&query).await.unwrap();
        assert_eq!((ids(&context.helpers.nearest), context.helpers.counts), (alertable.clone(), vec![5]), "{case}");
        let mut hidden_from = context.hidden_from;
        hidden_from.sort();
        let expected = if anonymous { vec![blocked.id] } else { vec![blocked.id, blocking.id] };
        assert_eq!(hidden_from, expected, "{case}");

        let of = store.raise(call).await.id();
        let mut loaded = store.load(of).await.hidden_from;
        loaded.sort();
        assert_eq!(loaded, expected, "{case}");
        let near_without = async |selection, leaving| {
            let near = Near { on_duty, within: metres(5_000.0), selection, leaving, places, rings_since: at(-600) };
            ids(&store.emergencies.load(of, Some(near)).await.unwrap().unwrap().near)
        };
        let near = async |selection| near_without(selection, None).await;
        let before = alertable.clone();
        assert_eq!(near(HelperSelection::Nearest(9)).await, alertable, "{case}");
        assert_eq!(near(HelperSelection::Nearest(3)).await.len(), 3, "others are found in their place: {case}");
        assert_eq!(near(HelperSelection::Only(blocked.id)).await, [], "{case}");
        store.accept(of, &responder, at(raised_at)).await;
        alertable.retain(|helper| *helper != with_responder.id && *helper != by_responder.id);
        assert_eq!(near(HelperSelection::Nearest(9)).await, alertable, "{case}");
        assert_eq!(near(HelperSelection::Only(by_responder.id)).await, [], "{case}");
        let once_gone = near_without(HelperSelection::Nearest(9), Some(responder.id)).await;
        assert_eq!(once_gone, before, "as if the responder had left: {case}");
        store.cancel(of, at(raised_at + 1)).await;
    }
}
