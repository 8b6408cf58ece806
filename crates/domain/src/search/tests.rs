//! What holds of all searches of a small town, after any sequence of calls and answers.

use std::collections::{BTreeMap, HashSet};

use proptest::{collection::vec, prelude::*};

use super::{RenewalCause, Search, Step, Surroundings, Weighed};
use crate::{
    Alert, AlertPolicy, HelpersInRange, Metres, RecentRings, Recipient, Timestamp, UserId,
    dispatch::{Choice, Decision, Reason, Why},
    testing::{at, id},
};

/// The state of one emergency, as a store would hold it.
struct Emergency {
    owner: usize,
    search: Search,
    radius: Metres,
    alerts: Vec<Alert>,
    responded: HashSet<UserId>,
    engaged: HashSet<UserId>,
    is_live: bool,
    /// The times of all rings of each helper.
    rung: BTreeMap<UserId, Vec<Timestamp>>,
}

struct Town {
    policy: AlertPolicy,
    /// In the order of preference: proven ones first, each group nearest first.
    helpers: Vec<Recipient>,
    emergencies: Vec<Emergency>,
    seconds: i64,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Raise(usize),
    End(usize),
    Accept(usize, usize),
    CancelResponse(usize),
    Decline(usize, usize),
    Acknowledge(usize, usize),
    Wait(i64),
}

const HELPERS: usize = 4;
const OWNERS: usize = 2;

fn helper(n: usize, metres: f64) -> Recipient {
    Recipient::new(id(100 + n as u128), Metres::new(metres))
}

fn alert(helper: UserId, now: Timestamp) -> Alert {
    Alert {
        helper,
        wave: Some(1),
        first_sent_at: Some(now),
        sent_at: Some(now),
        repeats: 0,
        received_at: None,
        acknowledged_at: None,
        declined_at: None,
    }
}

impl Emergency {
    fn ring(&mut self, helpers: &[Recipient], now: Timestamp) {
        for helper in helpers.iter().map(|recipient| recipient.helper) {
            self.rung.entry(helper).or_default().push(now);
            match self.alerts.iter_mut().find(|alert| alert.helper == helper) {
                Some(alert) => (alert.sent_at, alert.repeats) = (Some(now), alert.repeats + 1),
                None => self.alerts.push(alert(helper, now)),
            }
        }
    }

    fn alert_of(&mut self, helper: UserId) -> Option<&mut Alert> {
        self.alerts.iter_mut().find(|alert| alert.helper == helper)
    }
}

impl Town {
    fn new(policy: AlertPolicy, helpers: Vec<Recipient>) -> Self {
        Self { policy, helpers, emergencies: Vec::new(), seconds: 0 }
    }

    fn now(&self) -> Timestamp {
        at(self.seconds)
    }

    fn near(&self) -> Vec<Recipient> {
        let is_free = |r: &&Recipient| !self.emergencies.iter().any(|e| e.engaged.contains(&r.helper));
        self.helpers.iter().filter(is_free).copied().collect()
    }

    /// The first rings of an owner's emergencies at a helper, oldest first.
    fn first_rings(&self, owner: usize, helper: UserId) -> Vec<Timestamp> {
        let own = self.emergencies.iter().filter(|e| e.owner == owner);
        let mut rings: Vec<_> = own.filter_map(|e| e.rung.get(&helper)?.first().copied()).collect();
        rings.sort_unstable();
        rings
    }

    fn recent_rings(&self, owner: usize) -> Vec<RecentRings> {
        let since = self.policy.storm.since(self.now());
        let recent = |recipient: &Recipient| {
            let mut rings = self.first_rings(owner, recipient.helper);
            rings.retain(|ring| *ring > since);
            let count = u32::try_from(rings.len()).unwrap();
            rings.last().map(|&last| RecentRings { helper: recipient.helper, count, last })
        };
        self.helpers.iter().filter_map(recent).collect()
    }

    fn live(&self, owner: usize) -> Option<usize> {
        self.emergencies.iter().position(|e| e.owner == owner && e.is_live)
    }

    fn raise(&mut self, owner: usize) {
        if self.live(owner).is_some() {
            return;
        }
        let (near, now) = (self.near(), self.now());
        let within = |radius: &Metres| near.iter().filter(|r| r.distance <= *radius).count();
        let counts = self.policy.radii().iter().map(|radius| u32::try_from(within(radius)).unwrap()).collect();
        let wave = self.policy.first_wave(&HelpersInRange { counts, nearest: near, skipped: vec![] });
        let rings = self.recent_rings(owner);
        let (search, ring) = Search::begin(now, &self.policy, wave.radius, wave.recipients, &rings);
        let mut emergency = Emergency {
            owner,
            search,
            radius: wave.radius,
            alerts: Vec::new(),
            responded: HashSet::new(),
            engaged: HashSet::new(),
            is_live: true,
            rung: BTreeMap::new(),
        };
        emergency.ring(&ring, now);
        self.emergencies.push(emergency);
    }

    /// Lets a search of one emergency decide with the present surroundings, and rings as it decides.
    fn decide(
        &mut self,
        of: usize,
        decide: impl FnOnce(&mut Search, &AlertPolicy, Surroundings<'_>) -> Vec<Recipient>,
    ) {
        let (near, now, rings) = (self.near(), self.now(), self.recent_rings(self.emergencies[of].owner));
        let emergency = &mut self.emergencies[of];
        let around = Surroundings {
            radius: emergency.radius,
            alerts: &emergency.alerts,
            near: &near,
            skipped: &[],
            rings: &rings,
            responded: &emergency.responded,
            weighed: None,
        };
        let ring = decide(&mut emergency.search, &self.policy, around);
        emergency.ring(&ring, now);
    }

    fn step_if_due(&mut self, of: usize) {
        let now = self.now();
        for attempt in 0.. {
            if self.emergencies[of].search.due_at.is_none_or(|due| due > now) {
                return;
            }
            assert!(attempt < 3, "a step that is due stays due: {:?}", self.emergencies[of].search);
            let mut radius = self.emergencies[of].radius;
            self.decide(of, |search, policy, around| {
                let step: Step = search.step(now, policy, around);
                radius = step.radius;
                step.ring
            });
            self.emergencies[of].radius = radius;
        }
    }

    fn wait(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.seconds += 1;
            for of in 0..self.emergencies.len() {
                self.step_if_due(of);
            }
        }
    }

    fn act(&mut self, action: Action) {
        let now = self.now();
        match action {
            Action::Wait(seconds) => self.wait(seconds),
            Action::Raise(owner) => self.raise(owner),
            Action::End(owner) => {
                if let Some(of) = self.live(owner) {
                    let emergency = &mut self.emergencies[of];
                    emergency.is_live = false;
                    emergency.engaged.clear();
                    emergency.search.end();
                }
            }
            Action::Accept(n, owner) => {
                let helper = self.helpers[n].helper;
                let is_engaged = self.emergencies.iter().any(|e| e.engaged.contains(&helper));
                if let Some(of) = self.live(owner).filter(|_| !is_engaged) {
                    let emergency = &mut self.emergencies[of];
                    emergency.responded.insert(helper);
                    emergency.engaged.insert(helper);
                    emergency.search.stop();
                }
            }
            Action::CancelResponse(n) => {
                let helper = self.helpers[n].helper;
                let Some(of) = self.emergencies.iter().position(|e| e.engaged.contains(&helper)) else { return };
                self.emergencies[of].engaged.remove(&helper);
                if self.emergencies[of].engaged.is_empty() {
                    self.emergencies[of].search.renew(now, &self.policy, RenewalCause::HelperCancelled);
                    self.step_if_due(of);
                }
            }
            Action::Decline(n, owner) => {
                let helper = self.helpers[n].helper;
                let Some(of) = self.live(owner) else { return };
                let Some(alert) = self.emergencies[of].alert_of(helper) else { return };
                if alert.declined_at.replace(now).is_none() {
                    self.decide(of, |search, policy, around| {
                        search.substitute(now, policy, around).into_iter().collect()
                    });
                }
            }
            Action::Acknowledge(n, owner) => {
                let helper = self.helpers[n].helper;
                let Some(of) = self.live(owner) else { return };
                if let Some(alert) = self.emergencies[of].alert_of(helper) {
                    alert.acknowledged_at.get_or_insert(now);
                }
            }
        }
    }

    /// No helper is rung for more emergencies of one owner than the limit, but for one a minute, and none for one emergency
    /// more than five times again, but for one in ten minutes.
    fn holds(&self) -> Result<(), TestCaseError> {
        let storm = &self.policy.storm;
        for owner in 0..OWNERS {
            for recipient in &self.helpers {
                let rings = self.first_rings(owner, recipient.helper);
                let limit = storm.rings as usize;
                for n in limit..rings.len() {
                    let is_storm = rings[n] - rings[n - limit] < storm.window;
                    prop_assert!(!is_storm || rings[n] - rings[n - 1] >= storm.fold, "{rings:?}");
                }
            }
        }
        for emergency in &self.emergencies {
            for rings in emergency.rung.values() {
                for pair in rings.windows(2).skip(5) {
                    prop_assert!(pair[1] - pair[0] >= self.policy.timing.repeat_late, "{rings:?}");
                }
            }
        }
        Ok(())
    }
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let (helper, owner) = (|| 0..HELPERS, || 0..OWNERS);
    let action = prop_oneof![
        8 => owner().prop_map(Action::Raise),
        6 => owner().prop_map(Action::End),
        6 => (helper(), owner()).prop_map(|(helper, owner)| Action::Accept(helper, owner)),
        6 => helper().prop_map(Action::CancelResponse),
        1 => (helper(), owner()).prop_map(|(helper, owner)| Action::Decline(helper, owner)),
        2 => (helper(), owner()).prop_map(|(helper, owner)| Action::Acknowledge(helper, owner)),
        4 => (1..20_i64).prop_map(Action::Wait),
        2 => (20..400_i64).prop_map(Action::Wait),
    ];
    vec(action, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_calls_and_answers_rings_a_helper_too_often(actions in actions()) {
        let distances: [f64; HELPERS] = [1_000.0, 2_000.0, 3_000.0, 9_000.0];
        let helpers = distances.into_iter().enumerate().map(|(n, metres)| helper(n, metres)).collect();
        let mut town = Town::new(AlertPolicy::default(), helpers);
        for action in actions {
            town.act(action);
        }
        town.holds()?;
        // What is held back is made up while the emergency is live and its helper free.
        town.wait(200);
        town.holds()?;
        let free: HashSet<UserId> = town.near().iter().map(|recipient| recipient.helper).collect();
        for emergency in town.emergencies.iter().filter(|e| e.is_live) {
            let is_held = |held: &super::HeldAlert| free.contains(&held.recipient.helper);
            prop_assert!(!emergency.search.held.iter().any(is_held), "{:?}", emergency.search);
        }
    }

    #[test]
    fn no_number_of_unproven_accounts_stands_between_a_caller_and_a_proven_helper(
        unproven in 0..300_usize,
        mut proven in vec(1.0..15_000.0_f64, 1..50),
    ) {
        proven.sort_by(f64::total_cmp);
        let first: Vec<_> = proven.iter().enumerate().map(|(n, &metres)| helper(n, metres)).collect();
        // As many as a search of the store returns: the limit is the size of a wave.
        let others = (0..unproven.min(50)).map(|n| helper(1_000 + n, 0.5));
        let mut town = Town::new(AlertPolicy::default(), first.iter().copied().chain(others).collect());
        town.raise(0);
        // Two intervals: three waves.
        town.wait(120);
        for recipient in &first {
            prop_assert!(town.emergencies[0].rung.contains_key(&recipient.helper), "{recipient:?}");
        }
    }
}

#[test]
fn a_search_that_was_decided_by_gain_before_is_not_due_for_ever_with_waves() {
    let mut town = Town::new(AlertPolicy::default(), vec![helper(0, 100.0)]);
    town.raise(0);
    let search = &mut town.emergencies[0].search;
    search.by_gain = true;
    search.decide_now(at(0));
    // Fails if a step leaves itself due.
    town.wait(1);
    assert!(!town.emergencies[0].search.by_gain);
}

#[test]
fn a_helper_whom_a_decision_takes_anew_after_a_renewal_is_rung_once() {
    let mut town = Town::new(AlertPolicy::default(), vec![helper(0, 100.0)]);
    town.raise(0);
    town.seconds = 100;
    let why = Why { arrival: 60.0, probability: 0.4, gain: 9.0 };
    let taken =
        Choice { helper: helper(0, 100.0).helper, distance: Metres::new(100.0), why, reason: Some(Reason::Gain) };
    let weighed = Weighed {
        decision: Decision { chosen: vec![taken], passed: None, relaxed: vec![], decide_again_at: None, wave: None },
        has_silent: false,
        created_at: at(0),
        joined: None,
    };
    let mut rung = Vec::new();
    town.decide(0, |search, policy, around| {
        search.renew(at(100), policy, RenewalCause::Other);
        rung = search.step(at(100), policy, Surroundings { weighed: Some(&weighed), ..around }).ring;
        Vec::new()
    });
    assert_eq!(rung, [helper(0, 100.0)]);
}
