//! What the timers, those who will not come and those who come near hand to the store.

mod near;
mod places;
mod waves;

use std::sync::Arc;

use super::*;
use crate::{
    Census, HelperPolicy,
    given::{Committed, OWNER, at, details, emergency, id, now, store},
    port::{MockAlerts, MockEmergencies, MockHelpers, Search},
    usecase::emergencies::tests::{holding, with_helpers},
};

/// The nearest helpers on duty, of whom as many are asked for as `limit` says, as far as alerts may go.
fn around(nearest: &[Recipient], limit: u32) -> MockHelpers {
    let nearest = nearest.to_vec();
    let mut helpers = MockHelpers::new();
    helpers.expect_census().returning(move |search, radii, most| {
        let (centre, policy) = (details().location.position, HelperPolicy::Verified);
        let fresh_since = now() - chrono::TimeDelta::hours(24);
        assert_eq!(*search, Search { centre, except: id(OWNER), policy, fresh_since });
        assert_eq!((radii, most), (&[Metres::new(15_000.0)][..], limit));
        Ok(Census { counts: vec![0], nearest: nearest.clone() })
    });
    helpers
}

/// The service with this emergency and these alerts, whoever is near.
fn service(emergency: &Emergency, alerts: &[Alert], helpers: MockHelpers) -> (Context, Committed) {
    service_that(holding(emergency, alerts), helpers, vec![])
}

fn service_that(
    emergencies: MockEmergencies,
    helpers: MockHelpers,
    outcomes: Vec<port::Result<()>>,
) -> (Context, Committed) {
    let (changes, committed) = store(outcomes);
    (with_helpers(emergencies, helpers, changes), committed)
}

/// Nobody is to be looked for.
fn nobody_asked() -> MockHelpers {
    MockHelpers::new()
}

/// These are due now.
fn due(ids: Vec<EmergencyId>) -> MockAlerts {
    let mut alerts = MockAlerts::new();
    alerts.expect_due().times(1).returning(move |_, _, limit| {
        assert_eq!(limit, BATCH);
        Ok(ids.clone())
    });
    alerts
}

/// Waits since its wave was alerted within this radius; the next one is due now.
fn waiting(radius: f64) -> Emergency {
    Emergency { alert_radius: Metres::new(radius), next_alert_at: Some(now()), ..emergency() }
}

/// A minute after now.
fn in_a_minute() -> Timestamp {
    at(90)
}

/// What a wave tells, and what is stored with it.
fn sent(emergency: &Emergency, recipients: &[Recipient]) -> (Write, Event) {
    let Emergency { call, status, alert_radius: radius, alerts, .. } = emergency;
    let (wave, recipients) = (alerts.wave, recipients.to_vec());
    let write = Write::SendAlerts { emergency: call.id, wave, recipients: recipients.clone() };
    (write, Event::HelpersAlerted { call: call.clone(), status: *status, wave, radius: *radius, recipients })
}
