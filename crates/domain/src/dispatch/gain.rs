//! The decision by gain: alerts the helper that lowers the expected time without help the most, as long as it is worth the price.

use super::{
    Choice, Coverage, Decision, DispatchPolicy, Passed, Presence, Reason, Situation, TypeRule, Why,
    policy::GainPolicy,
    situation::{AlertedHelper, Candidate, HelperProgress, MAX_CANDIDATES},
};
use crate::Timestamp;

impl DispatchPolicy for GainPolicy {
    fn decide(&self, now: Timestamp, situation: &Situation) -> Decision {
        decide(now, situation, self)
    }
}

/// Decides whom to alert to an emergency at `now`.
///
/// Proven helpers are chosen as if no unproven one had been alerted; unproven ones are chosen afterwards, beside all others.
/// Ties go to the earlier arrival, then to the smaller id. Time: about 60 µs for 60 candidates.
pub fn decide(now: Timestamp, situation: &Situation, policy: &GainPolicy) -> Decision {
    let rule = (policy.rules)(situation.kind);
    let (pool, relaxed) = pool(now, situation, policy, rule);
    let (proven, unproven): (Vec<Prospect>, Vec<Prospect>) = pool.into_iter().partition(|p| p.candidate.is_proven);
    let price = price(now, situation, policy);
    let mut chosen = Vec::new();
    let mut choose = |prospects, may_count: &dyn Fn(&AlertedHelper) -> bool| {
        let mut round = Round::new(now, situation, policy, rule, prospects, may_count);
        for choice in &chosen {
            round.take_earlier(choice);
        }
        round.choose(price);
        chosen.append(&mut round.chosen);
        round.best_open()
    };
    let passed_proven = choose(proven, &|helper| helper.is_proven);
    let passed_unproven = choose(unproven, &|_| true);
    let passed = passed_proven.or(passed_unproven);
    let decide_again_at = (!situation.is_helped()).then(|| now.checked_add_signed(policy.interval)).flatten();
    let chosen = chosen.into_iter().map(|chosen| chosen.choice).collect();
    Decision { chosen, passed, relaxed, decide_again_at, wave: None }
}

/// What an alert costs now, in seconds.
fn price(now: Timestamp, situation: &Situation, policy: &GainPolicy) -> f64 {
    let is_free = !situation.is_responded() && now - situation.search_started_at >= policy.free_after;
    match (is_free, situation.is_critical) {
        (true, _) => 0.0,
        (false, true) => policy.price / 2.0,
        (false, false) => policy.price,
    }
}

/// A candidate with what is expected of them.
struct Prospect<'a> {
    candidate: &'a Candidate,
    arrival: f64,
    probability: f64,
    presence: Presence,
    /// The factor on the gain.
    factor: f64,
}

impl Prospect<'_> {
    fn why(&self, coverage: &Coverage) -> Why {
        let gain = self.factor * coverage.gain(&self.presence);
        Why { arrival: self.arrival, probability: self.probability, gain }
    }
}

/// A helper that was chosen earlier in the same decision, or now.
struct ChosenHelper {
    choice: Choice,
    presence: Presence,
    is_within_cap: bool,
}

/// Candidates that may be alerted, by arrival, then by id; and the required skills that were dropped.
fn pool<'a>(
    now: Timestamp,
    situation: &'a Situation,
    policy: &GainPolicy,
    rule: TypeRule,
) -> (Vec<Prospect<'a>>, Vec<&'static str>) {
    let may_help = |candidate: &&Candidate| {
        let has_tier = !policy.requires_tiers || rule.tier.is_none_or(|tier| candidate.tier >= Some(tier));
        let is_alerted = situation.alerted.iter().any(|helper| helper.helper == candidate.helper);
        candidate.excluded.is_none() && has_tier && !is_alerted
    };
    let arrival =
        |candidate: &Candidate| policy.travel.arrival(now, candidate.facts.distance, candidate.facts.transport);
    let mut able: Vec<(f64, &Candidate)> =
        situation.candidates.iter().filter(may_help).map(|candidate| (arrival(candidate), candidate)).collect();
    let mut relaxed = Vec::new();
    if !rule.required.is_empty() {
        let has = |candidate: &Candidate| has_one_of(candidate, rule.required);
        let soon = able.iter().filter(|(arrival, c)| has(c) && *arrival <= policy.required_within).count();
        if soon < policy.min_helpers {
            relaxed = rule.required.to_vec();
        } else {
            able.retain(|(_, candidate)| has(candidate));
        }
    }
    // Unproven ones fill only the room that proven ones leave.
    able.sort_by(|(a, x), (b, y)| y.is_proven.cmp(&x.is_proven).then(a.total_cmp(b)).then(x.helper.cmp(&y.helper)));
    able.truncate(MAX_CANDIDATES);
    let prospect = |(arrival, candidate): (f64, &'a Candidate)| {
        let facts = &candidate.facts;
        let probability = policy.acceptance.before_alert(now, facts.distance, facts.history, &facts.device);
        let factor = if has_one_of(candidate, rule.preferred) { policy.skill_factor } else { 1.0 };
        Prospect { candidate, arrival, probability, presence: Presence::coming(probability, arrival), factor }
    };
    (able.into_iter().map(prospect).collect(), relaxed)
}

fn has_one_of(candidate: &Candidate, skills: &[&str]) -> bool {
    candidate.skills.iter().any(|skill| skills.contains(&skill.as_str()))
}

/// The choice among the candidates of one kind: proven or unproven.
struct Round<'a> {
    policy: &'a GainPolicy,
    open: Vec<Prospect<'a>>,
    coverage: Coverage,
    /// How many alerted helpers have neither declined, cancelled, stalled nor gone elsewhere.
    asked: usize,
    is_helped: bool,
    left_in_decision: usize,
    left_in_search: usize,
    chosen: Vec<ChosenHelper>,
}

impl<'a> Round<'a> {
    fn new(
        now: Timestamp,
        situation: &Situation,
        policy: &'a GainPolicy,
        rule: TypeRule,
        open: Vec<Prospect<'a>>,
        may_count: &dyn Fn(&AlertedHelper) -> bool,
    ) -> Self {
        let needs_team = rule.has_ambulance && situation.severity.get() >= policy.team_severity;
        let mut coverage = Coverage::new(rule.has_ambulance.then_some(&policy.ambulance), needs_team);
        let mut counted: Vec<&AlertedHelper> = situation.alerted.iter().filter(|helper| may_count(helper)).collect();
        // Sums in f64 depend on the order.
        counted.sort_by_key(|helper| helper.helper);
        for helper in &counted {
            if let Some(presence) = presence(now, helper.progress, policy) {
                coverage.add(&presence);
            }
        }
        let alerted = counted.iter().filter(|helper| helper.counts_towards_cap).count();
        Self {
            policy,
            open,
            coverage,
            asked: counted.iter().filter(|helper| helper.progress != HelperProgress::Gone).count(),
            is_helped: counted.iter().any(|helper| helper.progress == HelperProgress::There),
            left_in_decision: policy.max_per_decision,
            left_in_search: policy.max_per_search.saturating_sub(alerted),
            chosen: Vec::new(),
        }
    }

    /// Counts a helper that this decision has already chosen.
    fn take_earlier(&mut self, earlier: &ChosenHelper) {
        self.count(&earlier.presence, earlier.is_within_cap);
    }

    fn count(&mut self, presence: &Presence, is_within_cap: bool) {
        self.coverage.add(presence);
        self.asked += 1;
        if is_within_cap {
            self.left_in_decision = self.left_in_decision.saturating_sub(1);
            self.left_in_search = self.left_in_search.saturating_sub(1);
        }
    }

    fn choose(&mut self, price: f64) {
        while let Some((index, why)) = self.best(|prospect| self.may_take(prospect))
            && why.gain >= price
        {
            self.take(index, why, Reason::Gain);
        }
        while !self.is_helped
            && self.asked < self.policy.min_helpers
            && let Some(index) = self.open.iter().position(|prospect| self.may_take(prospect))
        {
            let why = self.open[index].why(&self.coverage);
            self.take(index, why, Reason::Minimum);
        }
    }

    fn may_take(&self, prospect: &Prospect<'_>) -> bool {
        prospect.candidate.joined_later || (self.left_in_decision > 0 && self.left_in_search > 0)
    }

    /// The first of the open candidates with the greatest gain. They are in the order that decides ties.
    fn best(&self, may_take: impl Fn(&Prospect<'_>) -> bool) -> Option<(usize, Why)> {
        let mut best: Option<(usize, Why)> = None;
        for (index, prospect) in self.open.iter().enumerate().filter(|(_, prospect)| may_take(prospect)) {
            let why = prospect.why(&self.coverage);
            if best.is_none_or(|(_, best)| why.gain > best.gain) {
                best = Some((index, why));
            }
        }
        best
    }

    fn best_open(&self) -> Option<Passed> {
        let (index, why) = self.best(|_| true)?;
        let candidate = self.open[index].candidate;
        Some(Passed { helper: candidate.helper, distance: candidate.facts.distance, why })
    }

    fn take(&mut self, index: usize, why: Why, reason: Reason) {
        let Prospect { candidate, presence, .. } = self.open.remove(index);
        let is_within_cap = !candidate.joined_later;
        self.count(&presence, is_within_cap);
        let choice = Choice { helper: candidate.helper, distance: candidate.facts.distance, why, reason: Some(reason) };
        self.chosen.push(ChosenHelper { choice, presence, is_within_cap });
    }
}

/// When an alerted helper may be there. `None` for one who does not come.
fn presence(now: Timestamp, progress: HelperProgress, policy: &GainPolicy) -> Option<Presence> {
    let GainPolicy { travel, acceptance, .. } = policy;
    match progress {
        HelperProgress::Silent { facts, alerted_at, acknowledged_at } => {
            let before = acceptance.before_alert(now, facts.distance, facts.history, &facts.device);
            let probability = before * acceptance.silence(now, alerted_at, acknowledged_at);
            let arrival = travel.arrival_of_silent(now, alerted_at, facts.distance, facts.transport);
            Some(Presence::coming(probability, arrival))
        }
        HelperProgress::Coming(journey) => {
            Some(Presence::coming(acceptance.accepted, travel.arrival_of_accepted(now, &journey)))
        }
        HelperProgress::There => Some(Presence::there()),
        HelperProgress::Gone => None,
    }
}
