//! The expected time without help, as a function of who may come when.
//!
//! `J = Σ W(t)·P(t)·Δt` over the hour that follows, in seconds: P is the probability that no helper is there at t, W what help is
//! worth then. Where further pairs of hands count, P is P(none) + ¼ P(at most one) + ⅛ P(at most two), for the number of helpers
//! at the place. A helper whose probability of being at the place at t is a lowers P(at most k) by a·P(exactly k). So the gain of each further
//! helper is one sum of products, and it only shrinks with every helper that is added: J is submodular, and the greedy choice near the best.

use chrono::TimeDelta;

use super::lognormal::Normal;

/// Number of the times that are looked at.
const STEPS: usize = 60;
/// The weight of P(at most one helper): what a second helper is worth beside the first.
const SECOND_HELPER_WEIGHT: f64 = 0.25;
/// The weight of P(at most two helpers): what a third helper is worth beside the first.
const THIRD_HELPER_WEIGHT: f64 = 0.125;
/// Spread of arrivals: the standard deviation of their logarithm. Assumed.
const ARRIVAL_SPREAD: f64 = 0.4;

/// The times that are looked at, in seconds from the decision: each 30 s for 20 minutes, then each two minutes up to an hour.
pub const TIMES: [f64; STEPS] = times();

const fn times() -> [f64; STEPS] {
    let (mut times, mut index, mut at) = ([0.0; STEPS], 0, 0.0);
    while index < STEPS {
        at += if index < 40 { 30.0 } else { 120.0 };
        times[index] = at;
        index += 1;
    }
    times
}

/// When an ambulance comes. Each field names the source of its default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AmbulanceModel {
    /// Median time until it arrives, as if called at the decision. 9.5 minutes: a call of 90 s and a drive of 8 minutes.
    pub median: TimeDelta,
    /// Standard deviation of the logarithm. 0.35: assumed.
    pub spread: f64,
    /// The share of emergencies to which none comes. One in twenty: assumed.
    pub never: f64,
}

impl Default for AmbulanceModel {
    fn default() -> Self {
        Self { median: TimeDelta::seconds(570), spread: 0.35, never: 0.05 }
    }
}

/// The probability that a helper is there, at each of [`TIMES`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Presence([f64; STEPS]);

impl Presence {
    /// A helper who comes with a probability, expected to arrive in `arrival` seconds: log-normal around it.
    pub fn coming(probability: f64, arrival: f64) -> Self {
        let (normal, log_arrival) = (Normal::table(), libm::log(arrival.max(1.0)));
        let ln_times = ln_times();
        Self(std::array::from_fn(|step| {
            probability * normal.probability_up_to((ln_times[step] - log_arrival) / ARRIVAL_SPREAD)
        }))
    }

    /// Presence of a helper who has already arrived: 1 at every step.
    pub const fn there() -> Self {
        Self([1.0; STEPS])
    }
}

fn ln_times() -> &'static [f64; STEPS] {
    static LN_TIMES: std::sync::LazyLock<[f64; STEPS]> = std::sync::LazyLock::new(|| TIMES.map(libm::log));
    &LN_TIMES
}

/// The helpers who may come, and the expected time without help that follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// What a second without help costs, times the seconds since the time before.
    weights: [f64; STEPS],
    needs_team: bool,
    /// The probabilities that no helper, exactly one, and exactly two helpers are there, at each time.
    exactly: [[f64; STEPS]; 3],
    /// What the presence of one more helper is worth at each time.
    values: [f64; STEPS],
}

impl Coverage {
    /// The state without any helper. `ambulance` is `None` for an emergency that an ambulance does not end; `needs_team` if a second and a
    /// third helper count.
    pub fn new(ambulance: Option<&AmbulanceModel>, needs_team: bool) -> Self {
        let mut weights = [0.0; STEPS];
        let mut before = 0.0;
        for (weight, (time, ln_time)) in weights.iter_mut().zip(TIMES.iter().zip(ln_times())) {
            let worth = ambulance.map_or(1.0, |model| {
                let z = (ln_time - libm::log(model.median.as_seconds_f64())) / model.spread;
                model.never + (1.0 - model.never) * (1.0 - Normal::table().probability_up_to(z))
            });
            *weight = worth * (time - before);
            before = *time;
        }
        let mut coverage =
            Self { weights, needs_team, exactly: [[1.0; STEPS], [0.0; STEPS], [0.0; STEPS]], values: [0.0; STEPS] };
        coverage.update_values();
        coverage
    }

    /// The expected time without help, in seconds.
    pub fn seconds(&self) -> f64 {
        let [none, one, two] = &self.exactly;
        let missing = |step: usize| {
            let further = SECOND_HELPER_WEIGHT * (none[step] + one[step])
                + THIRD_HELPER_WEIGHT * (none[step] + one[step] + two[step]);
            none[step] + if self.needs_team { further } else { 0.0 }
        };
        (0..STEPS).map(|step| self.weights[step] * missing(step)).sum()
    }

    /// By how many seconds one more helper lowers [`Self::seconds`].
    pub fn gain(&self, presence: &Presence) -> f64 {
        // Four sums, which the compiler computes at once: the order of additions is part of the result.
        let mut sums = [0.0; 4];
        for (values, present) in self.values.as_chunks::<4>().0.iter().zip(presence.0.as_chunks::<4>().0) {
            for ((sum, value), present) in sums.iter_mut().zip(values).zip(present) {
                *sum += value * present;
            }
        }
        sums.iter().sum()
    }

    /// Adds a helper.
    pub fn add(&mut self, presence: &Presence) {
        let [none, one, two] = &mut self.exactly;
        for (step, present) in presence.0.iter().enumerate() {
            let absent = 1.0 - present;
            two[step] = two[step] * absent + one[step] * present;
            one[step] = one[step] * absent + none[step] * present;
            none[step] *= absent;
        }
        self.update_values();
    }

    fn update_values(&mut self) {
        let [none, one, two] = &self.exactly;
        let (second, third) = if self.needs_team { (SECOND_HELPER_WEIGHT, THIRD_HELPER_WEIGHT) } else { (0.0, 0.0) };
        for (step, value) in self.values.iter_mut().enumerate() {
            *value = self.weights[step] * (none[step] + second * one[step] + third * two[step]);
        }
    }
}
