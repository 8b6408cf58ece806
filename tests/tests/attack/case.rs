//! A node on a database of its own, under attack while a [`Victim`] calls for help.

use std::net::Ipv4Addr;

use allynet_tests::service::{
    node::Node,
    world::{Kind, Person, World},
};

use crate::{
    form::{is_long, pick},
    victim::{Record, Victim},
};

/// Helpers near all emergencies: that of the victim, the hostile one, and two others.
const HELPERS: usize = 4;
/// How often the victim's rounds may run: without an attack, under it, and once more.
const RUNS: usize = 3;
/// The memory that an attack may take at its peak, in bytes.
const MAX_GROWTH: u64 = 96 << 20;

/// How a case differs from others.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CaseOptions<'a> {
    /// Settings of the node, beside rate limits as in production.
    pub(crate) settings: &'a [(&'a str, &'a str)],
    /// The descriptors of the node.
    pub(crate) descriptors: Option<u32>,
    /// The address of the victim; `None` for one that nobody else uses.
    pub(crate) from: Option<Ipv4Addr>,
}

/// A node whose victim has called for help without an attack.
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) node: Node,
    victim: Victim,
    quiet: Record,
    resident: u64,
}

/// The victim's rounds without and with an attack.
fn rounds() -> usize {
    pick(6, 60)
}

impl Case {
    /// Starts a node with rate limits as in production, and measures the victim's calls.
    pub(crate) async fn begin(kind: &Kind, settings: &[(&str, &str)]) -> Self {
        Self::begin_with(kind, CaseOptions { settings, ..CaseOptions::default() }).await
    }

    /// Starts a node with these options, and measures the victim's calls.
    pub(crate) async fn begin_with(kind: &Kind, options: CaseOptions<'_>) -> Self {
        let world = World::new(kind, HELPERS, HELPERS, RUNS * rounds() + 1).await;
        let settings = [&[("ALLYNET_RATE_LIMITS", "on")][..], options.settings].concat();
        let node = match options.descriptors {
            Some(descriptors) => Node::start_with_descriptors(descriptors, &world.url(), &settings).await,
            None => Node::start_with(&world.url(), &settings).await,
        };
        let from = options.from.unwrap_or(Ipv4Addr::LOCALHOST);
        let owners = world.owners[..world.owners.len() - 1].to_vec();
        let mut victim = Victim::new(node.address, from, world.helpers[0].clone(), owners);
        let quiet = victim.rounds(rounds()).await;
        quiet.was_granted("without an attack");
        let resident = node.resident();
        Self { world, node, victim, quiet, resident }
    }

    /// An owner without an emergency, beside those of the victim.
    pub(crate) fn hostile_owner(&self) -> &Person {
        self.world.owners.last().unwrap()
    }

    /// A helper near all emergencies.
    pub(crate) fn hostile_helper(&self) -> &Person {
        &self.world.helpers[1]
    }

    /// A helper near all emergencies who does nothing.
    pub(crate) fn bystander(&self) -> &Person {
        &self.world.helpers[2]
    }

    /// The memory of the node before an attack, in bytes.
    pub(crate) fn resident_before(&self) -> u64 {
        self.resident
    }

    /// Takes the present memory of the node for that before the attack.
    pub(crate) fn measure_memory(&mut self) {
        self.resident = self.node.resident();
    }

    /// Lets the victim call for help during an attack: nothing of theirs is refused or takes much longer than without it, and
    /// the memory of the node is bounded.
    pub(crate) async fn judge(&mut self, what: &str) {
        self.judge_within(MAX_GROWTH, what).await;
    }

    /// The same with another bound of memory, in bytes.
    pub(crate) async fn judge_within(&mut self, max_growth: u64, what: &str) {
        let mut under_attack = self.victim.rounds(rounds()).await;
        if !is_long() && !under_attack.is_as_fast_as(&self.quiet) {
            // A single call may be slow for something else that the machine does. What an attack delays, it delays again.
            under_attack.was_granted(what);
            under_attack = self.victim.rounds(rounds()).await;
        }
        let grown = self.node.memory().saturating_sub(self.resident);
        println!("{what}: {} MB more memory at the peak", grown >> 20);
        under_attack.did_not_suffer(&self.quiet, what);
        assert!(grown < max_growth, "{what}: {grown} bytes more at the peak");
    }

    /// Stops the node and removes its database.
    pub(crate) async fn end(self) {
        self.node.stop().await;
        self.world.remove().await;
    }
}
