//! A queue that serves its callers in turn: the algorithm behind the scheduler of requests and the queue of passwords.
//!
//! Each caller has a queue of its own, and the queues are served round-robin. So the time for which a caller waits
//! depends on how many callers there are, not on how much one of them asks for. Knows neither requests nor users.

use std::{
    collections::{BTreeMap, HashMap, VecDeque, hash_map::Entry},
    fmt,
    hash::Hash,
    sync::Arc,
};

use allynet_wire::scheduling::{Overflow, Priority};
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use parking_lot::Mutex;
use tokio::sync::oneshot;

const QUEUE_WAITING: &str = "allynet_queue_waiting";
const IN_PROGRESS: &str = "allynet_queue_in_progress";
const REFUSED: &str = "allynet_queue_refused_total";

/// The bounds of a [`FairQueue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Permits in use.
    pub total: usize,
    /// Permits in use with [`Priority::Normal`]; the rest of `total` is kept for [`Priority::High`].
    pub normal: usize,
    /// Permits of [`Priority::High`] in use by one caller.
    pub high_per_caller: usize,
    /// Permits of [`Priority::Normal`] in use by one caller.
    pub normal_per_caller: usize,
    /// Permits of one priority in use by all callers of a group.
    pub per_group: usize,
    /// Waiting requests of one priority of one caller, above which more may be refused.
    pub waiting_per_caller: usize,
    /// Waiting requests of one priority, above which more may be refused.
    pub waiting: usize,
}

/// The source of a request: a caller, and the group to which it belongs for this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source<K> {
    /// The caller, whose requests have one turn in each round.
    pub caller: K,
    /// Bounded like a caller, but without a turn of its own.
    pub group: Option<K>,
}

/// Too many requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// When requests of high priority wait, one of normal priority is served after this many of them, so that those always
/// go on.
const HIGH_PER_NORMAL: u32 = 3;

/// A fair queue in front of a bounded number of permits. Clones share it.
pub struct FairQueue<K: Copy + Eq + Hash>(Arc<Shared<K>>);

struct Shared<K: Copy + Eq + Hash> {
    state: Mutex<State<K>>,
    metrics: [ClassMetrics; 2],
}

struct State<K: Copy + Eq + Hash> {
    bounds: Bounds,
    /// Indexed by [`index`].
    classes: [Class<K>; 2],
    /// Requests of high priority that were served one after the other.
    high_in_a_row: u32,
}

/// The requests of one priority.
///
/// A source with a queue in `queues` is in exactly one list: in `ready`, or in the list of the caller or the group that
/// is at its bound. So looking for the next request never passes those that cannot begin.
struct Class<K: Copy + Eq + Hash> {
    /// Permits in use by one caller.
    per_caller: usize,
    in_use: usize,
    waiting: usize,
    queues: HashMap<Source<K>, VecDeque<oneshot::Sender<Permit<K>>>>,
    /// By turn.
    ready: BTreeMap<Turn, Source<K>>,
    next_turn: Turn,
    usage: HashMap<Member<K>, Usage<K>>,
}

/// The place of a source in the order in which sources are served. It keeps its turn from one list to the other: otherwise those
/// that come later would overtake it each time that its group reaches a bound.
type Turn = u64;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Member<K> {
    Caller(K),
    Group(K),
}

/// What one caller or group uses.
struct Usage<K> {
    in_use: usize,
    waiting: usize,
    /// Sources that wait until `in_use` falls below its bound, by turn.
    blocked: BTreeMap<Turn, Source<K>>,
}

/// A permit to go ahead. Dropping it lets the next request begin.
pub struct Permit<K: Copy + Eq + Hash> {
    source: Source<K>,
    priority: Priority,
    queue: FairQueue<K>,
}

/// Counts a waiting request until it is dropped.
struct WaitingGuard<'a, K: Copy + Eq + Hash> {
    queue: &'a FairQueue<K>,
    caller: K,
    priority: Priority,
}

struct ClassMetrics {
    waiting: Gauge,
    in_use: Gauge,
    refused: Counter,
}

type Grant<K> = (oneshot::Sender<Permit<K>>, Source<K>, Priority);

const fn index(priority: Priority) -> usize {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
    }
}

impl<K: Copy + Eq + Hash> Clone for FairQueue<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Copy + Eq + Hash> fmt::Debug for FairQueue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FairQueue").finish_non_exhaustive()
    }
}

impl<K: Copy + Eq + Hash> fmt::Debug for Permit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("priority", &self.priority).finish_non_exhaustive()
    }
}

impl<K: Copy + Eq + Hash> FairQueue<K> {
    /// An empty queue. `name` is the value of the label `queue` of its metrics.
    pub fn new(name: &'static str, bounds: Bounds) -> Self {
        let classes = [bounds.high_per_caller, bounds.normal_per_caller].map(Class::new);
        let state = State { bounds, classes, high_in_a_row: 0 };
        let metrics = ["high", "normal"].map(|priority| ClassMetrics::new(name, priority));
        Self(Arc::new(Shared { state: Mutex::new(state), metrics }))
    }

    /// Waits for the turn of this request. Cancel-safe.
    ///
    /// # Errors
    /// [`Full`], only with [`Overflow::Refused`].
    pub async fn acquire(&self, source: Source<K>, priority: Priority, overflow: Overflow) -> Result<Permit<K>, Full> {
        let (granted, _waiting) = {
            let mut state = self.0.state.lock();
            if state.may_begin(source, priority) {
                state.begin(source, priority);
                drop(state);
                self.0.metrics[index(priority)].in_use.increment(1);
                return Ok(Permit { source, priority, queue: self.clone() });
            }
            if overflow == Overflow::Refused && state.is_full(source, priority) {
                drop(state);
                self.0.metrics[index(priority)].refused.increment(1);
                return Err(Full);
            }
            let granted = state.enqueue(source, priority);
            drop(state);
            self.0.metrics[index(priority)].waiting.increment(1);
            (granted, WaitingGuard { queue: self, caller: source.caller, priority })
        };
        // The sender is dropped only with the whole queue.
        granted.await.map_err(|_| Full)
    }

    /// Takes back a permit, and gives it to the next request.
    fn release(&self, source: Source<K>, priority: Priority) {
        let mut grants = Vec::new();
        {
            let mut state = self.0.state.lock();
            state.end(source, priority);
            state.grant(&mut grants);
        }
        self.0.metrics[index(priority)].in_use.decrement(1);
        // Sent after the lock is released: if the receiver is gone, the permit is dropped here, and its drop calls this
        // function again.
        for (granted, source, priority) in grants {
            self.0.metrics[index(priority)].in_use.increment(1);
            granted.send(Permit { source, priority, queue: self.clone() }).ok();
        }
    }
}

impl<K: Copy + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        self.queue.release(self.source, self.priority);
    }
}

impl<K: Copy + Eq + Hash> Drop for WaitingGuard<'_, K> {
    fn drop(&mut self) {
        let mut state = self.queue.0.state.lock();
        let class = &mut state.classes[index(self.priority)];
        class.waiting -= 1;
        class.update(Member::Caller(self.caller), |usage| usage.waiting -= 1);
        drop(state);
        self.queue.0.metrics[index(self.priority)].waiting.decrement(1);
    }
}

impl<K: Copy + Eq + Hash> State<K> {
    fn has_permit(&self, priority: Priority) -> bool {
        let [high, normal] = &self.classes;
        let is_below_total = high.in_use + normal.in_use < self.bounds.total;
        is_below_total && (priority == Priority::High || normal.in_use < self.bounds.normal)
    }

    /// Whether a new request need not wait. Then none that waits could begin: it would have begun with the last release.
    fn may_begin(&self, source: Source<K>, priority: Priority) -> bool {
        self.has_permit(priority) && self.classes[index(priority)].bounded_by(source, &self.bounds).is_none()
    }

    fn is_full(&self, source: Source<K>, priority: Priority) -> bool {
        let class = &self.classes[index(priority)];
        let own = class.usage.get(&Member::Caller(source.caller)).map_or(0, |usage| usage.waiting);
        own >= self.bounds.waiting_per_caller || class.waiting >= self.bounds.waiting
    }

    fn begin(&mut self, source: Source<K>, priority: Priority) {
        let class = &mut self.classes[index(priority)];
        class.in_use += 1;
        for member in source.members() {
            class.usage.entry(member).or_default().in_use += 1;
        }
    }

    fn enqueue(&mut self, source: Source<K>, priority: Priority) -> oneshot::Receiver<Permit<K>> {
        let class = &mut self.classes[index(priority)];
        let (grant, granted) = oneshot::channel();
        class.waiting += 1;
        class.usage.entry(Member::Caller(source.caller)).or_default().waiting += 1;
        match class.queues.entry(source) {
            Entry::Occupied(mut queue) => queue.get_mut().push_back(grant),
            Entry::Vacant(vacant) => {
                vacant.insert(VecDeque::from([grant]));
                class.line_up(source);
            }
        }
        granted
    }

    fn end(&mut self, source: Source<K>, priority: Priority) {
        let class = &mut self.classes[index(priority)];
        class.in_use -= 1;
        for member in source.members() {
            class.update(member, |usage| usage.in_use -= 1);
            class.unblock(member, &self.bounds);
        }
    }

    /// Gives all free permits to requests that wait.
    fn grant(&mut self, grants: &mut Vec<Grant<K>>) {
        while let Some(priority) = self.next_priority() {
            let Some((source, grant)) = self.classes[index(priority)].next(&self.bounds) else { continue };
            self.begin(source, priority);
            self.high_in_a_row = if priority == Priority::High { self.high_in_a_row + 1 } else { 0 };
            grants.push((grant, source, priority));
        }
    }

    /// The class from which the next request is taken; `None` when there is no permit or none waits for one.
    fn next_priority(&self) -> Option<Priority> {
        let may_take = |priority| !self.classes[index(priority)].ready.is_empty() && self.has_permit(priority);
        match (may_take(Priority::High), may_take(Priority::Normal)) {
            (true, true) if self.high_in_a_row >= HIGH_PER_NORMAL => Some(Priority::Normal),
            (true, _) => Some(Priority::High),
            (false, true) => Some(Priority::Normal),
            (false, false) => None,
        }
    }
}

impl<K: Copy + Eq + Hash> Class<K> {
    fn new(per_caller: usize) -> Self {
        Self {
            per_caller,
            in_use: 0,
            waiting: 0,
            queues: HashMap::new(),
            ready: BTreeMap::new(),
            next_turn: 0,
            usage: HashMap::new(),
        }
    }

    /// Gives a source the last turn.
    fn line_up(&mut self, source: Source<K>) {
        self.ready.insert(self.next_turn, source);
        self.next_turn += 1;
    }

    /// The caller or the group because of which a request of this source cannot begin.
    fn bounded_by(&self, source: Source<K>, bounds: &Bounds) -> Option<Member<K>> {
        source.members().find(|member| !self.is_below_bound(*member, bounds))
    }

    fn is_below_bound(&self, member: Member<K>, bounds: &Bounds) -> bool {
        let bound = match member {
            Member::Caller(_) => self.per_caller,
            Member::Group(_) => bounds.per_group,
        };
        self.usage.get(&member).is_none_or(|usage| usage.in_use < bound)
    }

    /// Takes the next request that may begin out of `ready`. `None` when `ready` is empty.
    fn next(&mut self, bounds: &Bounds) -> Option<(Source<K>, oneshot::Sender<Permit<K>>)> {
        while let Some((turn, source)) = self.ready.pop_first() {
            let bounded_by = self.bounded_by(source, bounds);
            let Entry::Occupied(mut queue) = self.queues.entry(source) else { continue };
            while queue.get().front().is_some_and(oneshot::Sender::is_closed) {
                queue.get_mut().pop_front();
            }
            if queue.get().is_empty() {
                queue.remove();
            } else if let Some(member) = bounded_by {
                self.usage.entry(member).or_default().blocked.insert(turn, source);
            } else if let Some(grant) = queue.get_mut().pop_front() {
                if queue.get().is_empty() {
                    queue.remove();
                } else {
                    self.line_up(source);
                }
                return Some((source, grant));
            }
            // This source was perhaps taken out of a list of blocked ones for a permit that it does not use: the next
            // of that list may use it. Where the bound is reached, `unblock` does nothing, so this ends.
            for member in source.members() {
                self.unblock(member, bounds);
            }
        }
        None
    }

    /// Makes the next source ready that waits for this caller or group to fall below its bound.
    fn unblock(&mut self, member: Member<K>, bounds: &Bounds) {
        if self.is_below_bound(member, bounds) {
            let next = self.usage.get_mut(&member).and_then(|usage| usage.blocked.pop_first());
            self.ready.extend(next);
        }
        self.update(member, |_| {});
    }

    /// Changes a usage, and forgets one that is zero.
    fn update(&mut self, member: Member<K>, change: impl FnOnce(&mut Usage<K>)) {
        let Entry::Occupied(mut usage) = self.usage.entry(member) else { return };
        change(usage.get_mut());
        let Usage { in_use, waiting, blocked } = usage.get();
        if *in_use == 0 && *waiting == 0 && blocked.is_empty() {
            usage.remove();
        }
    }
}

impl<K> Default for Usage<K> {
    fn default() -> Self {
        Self { in_use: 0, waiting: 0, blocked: BTreeMap::new() }
    }
}

impl<K: Copy> Source<K> {
    fn members(self) -> impl Iterator<Item = Member<K>> {
        [Some(Member::Caller(self.caller)), self.group.map(Member::Group)].into_iter().flatten()
    }
}

/// Registers the description of every metric of a queue.
pub(crate) fn describe_metrics() {
    describe_gauge!(
        QUEUE_WAITING,
        "Requests that wait for their turn: for the database, or for a password to be hashed"
    );
    describe_gauge!(IN_PROGRESS, "Requests that had their turn and are carried out");
    describe_counter!(REFUSED, "Requests refused because too many of the same caller were waiting");
}

impl ClassMetrics {
    fn new(queue: &'static str, priority: &'static str) -> Self {
        Self {
            waiting: gauge!(QUEUE_WAITING, "queue" => queue, "priority" => priority),
            in_use: gauge!(IN_PROGRESS, "queue" => queue, "priority" => priority),
            refused: counter!(REFUSED, "queue" => queue, "priority" => priority),
        }
    }
}

#[cfg(test)]
mod tests;
