//! Tests of the changes that the use cases of an emergency commit.

mod contention;
mod ending;
mod judging;
mod raising;
mod reading;

use std::sync::Arc;

use super::*;
use crate::{
    Alert, EmergencyStatus, EventId, Metres,
    dispatch::Transport,
    port::{AcceptanceContext, MockChanges, MockEmergencies, MockHelpers},
    testing::{EMERGENCY, clock, id, ids, no_access_log, no_backoff, no_queue, no_resources},
};

/// The ports over a store that holds `emergency` and its `alerts`.
pub(in crate::usecase) fn holding(emergency: &Emergency, alerts: &[Alert]) -> MockEmergencies {
    let mut emergencies = MockEmergencies::new();
    let loaded = Loaded {
        emergency: emergency.clone(),
        alerts: alerts.to_vec(),
        near: Vec::new(),
        hidden_from: vec![],
        rings: vec![],
        skipped: vec![],
        census: Vec::new(),
    };
    let (found, read, only) = (emergency.clone(), emergency.clone(), emergency.id());
    let alerted: Vec<_> =
        alerts.iter().filter(|a| a.wave.is_some() && a.declined_at.is_none()).map(|a| a.helper).collect();
    emergencies.expect_find().returning(move |id| Ok((id == only).then(|| found.clone())));
    emergencies.expect_read().returning(move |id, reader| {
        let read = || ReadEmergency { emergency: read.clone(), alerted: alerted.contains(&reader), hidden: false };
        Ok((id == only).then(read))
    });
    let for_acceptance = loaded.clone();
    emergencies.expect_load().returning(move |id, _| Ok((id == only).then(|| loaded.clone())));
    emergencies
        .expect_load_for_acceptance()
        .returning(move |id, _| Ok((id == only).then(|| for_accepting(for_acceptance.clone(), vec![]))));
    emergencies
}

/// What is read for an acceptance by a helper without a position who blocks these users.
pub(in crate::usecase) fn for_accepting(loaded: Loaded, blocks: Vec<UserId>) -> AcceptanceContext {
    AcceptanceContext { loaded, blocks, transport: Transport::default(), last_fix: None }
}

/// A store without emergencies.
pub(in crate::usecase) fn empty() -> MockEmergencies {
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_find().returning(|_| Ok(None));
    emergencies.expect_read().returning(|_, _| Ok(None));
    emergencies.expect_load().returning(|_, _| Ok(None));
    emergencies.expect_load_for_acceptance().returning(|_, _| Ok(None));
    emergencies.expect_find_for_rating().returning(|_, _| Ok(None));
    emergencies
}

pub(in crate::usecase) fn context(emergencies: MockEmergencies, changes: Arc<MockChanges>) -> EmergencyPorts {
    EmergencyPorts {
        access_log: no_access_log(),
        emergencies: Arc::new(emergencies),
        helpers: Arc::new(MockHelpers::new()),
        resources: no_resources(),
        changes,
        clock: clock(),
        ids: ids(),
        queue: no_queue(),
        backoff: no_backoff(),
        rules: Rules::default(),
    }
}

pub(in crate::usecase) fn alert(helper: u128) -> Alert {
    let sent_at = Some(crate::testing::at(-30));
    Alert {
        helper: id(helper),
        wave: Some(1),
        first_sent_at: sent_at,
        sent_at,
        repeats: 0,
        received_at: None,
        acknowledged_at: None,
        declined_at: None,
    }
}

pub(in crate::usecase) fn declined(helper: u128) -> Alert {
    Alert { declined_at: Some(crate::testing::at(2)), ..alert(helper) }
}

/// The refusal in an outcome.
#[track_caller]
pub(in crate::usecase) fn refusal<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("no refusal: {other:?}"),
    }
}

pub(in crate::usecase) fn stale(times: usize) -> Vec<port::Result<()>> {
    std::iter::repeat_with(|| Err(port::Error::Stale)).take(times).collect()
}

pub(in crate::usecase) fn conflict(constraint: Constraint) -> Vec<port::Result<()>> {
    vec![Err(port::Error::Conflict(constraint))]
}

pub(in crate::usecase) fn the_emergency() -> EmergencyId {
    id(EMERGENCY)
}
