//! Counts messages that push services reject, and notices when a push service rejects everything: that is a fault of this
//! service, most likely of its VAPID key.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
};

use allynet_domain::port::PushOutcome;
use metrics::{counter, describe_counter};
use parking_lot::Mutex;

const REJECTIONS: &str = "allynet_push_rejections_total";
/// This many devices of a host, rejected in a row, raise the alarm.
const DEVICES_BEFORE_ALARM: usize = 10;
/// Most hosts whose rejections are remembered.
const MAX_HOSTS: usize = 1_024;
/// Names of the push services of browsers. The domains below them count as the same.
const PUSH_SERVICES: [&str; 4] =
    ["fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com"];
/// The label of all other hosts. Strangers choose them, so that each of them as a label would have no bound.
const OTHER: &str = "other";

/// Describes the metrics of this module.
pub(super) fn describe() {
    describe_counter!(REJECTIONS, "Pushes that a push service rejected with 400, 401 or 403, by its host");
}

/// The devices that each host has rejected since it last accepted a message.
#[derive(Default)]
pub(super) struct Rejections {
    hosts: Mutex<HashMap<String, HashSet<u64>>>,
    hasher: RandomState,
}

impl Rejections {
    /// Notes the outcome of a message, and logs when the last ten devices of its host were all rejected: once, until the
    /// host accepts a message.
    pub(super) fn note(&self, host: &str, endpoint: &str, outcome: PushOutcome) {
        match outcome {
            PushOutcome::Sent { .. } => {
                self.hosts.lock().remove(host);
            }
            PushOutcome::Refused { status: status @ (400 | 401 | 403) } => {
                counter!(REJECTIONS, "host" => label(host)).increment(1);
                if self.add(host, self.hasher.hash_one(endpoint)) {
                    tracing::error!(host, status, "push service rejects all messages: check the VAPID key and subject");
                }
            }
            PushOutcome::Gone
            | PushOutcome::Unknown
            | PushOutcome::RetryAfter(_)
            | PushOutcome::Failed
            | PushOutcome::Refused { .. }
            | PushOutcome::Busy => {}
        }
    }

    /// Adds a rejected device. Whether it is the one that raises the alarm.
    fn add(&self, host: &str, device: u64) -> bool {
        let mut hosts = self.hosts.lock();
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(host) {
            hosts.clear();
        }
        let devices = hosts.entry(host.to_owned()).or_default();
        devices.len() < DEVICES_BEFORE_ALARM && devices.insert(device) && devices.len() == DEVICES_BEFORE_ALARM
    }
}

/// The label of a host in metrics.
fn label(host: &str) -> &'static str {
    let below = |service: &str| host.strip_suffix(service).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    PUSH_SERVICES.into_iter().find(|service| below(service)).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_device_in_a_row_raises_the_alarm_once() {
        let rejections = Rejections::default();
        let add = |device| rejections.add("push.example.org", device);
        assert!(!(0..9).chain(0..9).any(add), "nine devices, each twice");
        assert!(add(9));
        assert!(!(0..20).any(add), "once");
        rejections.note("push.example.org", "endpoint", PushOutcome::Sent { stored: true });
        assert!(!(0..9).any(add));
        assert!(add(9));
    }

    #[test]
    fn other_outcomes_do_not_count() {
        let rejections = Rejections::default();
        for outcome in [PushOutcome::Gone, PushOutcome::Failed, PushOutcome::Refused { status: 413 }] {
            rejections.note("push.example.org", "endpoint", outcome);
        }
        assert!(rejections.hosts.lock().is_empty());
        for host in 0..5_000 {
            rejections.note(&host.to_string(), "endpoint", PushOutcome::Refused { status: 401 });
        }
        assert!(rejections.hosts.lock().len() <= MAX_HOSTS);
    }

    #[test]
    fn only_push_services_of_browsers_are_labels() {
        assert_eq!(label("fcm.googleapis.com"), "fcm.googleapis.com");
        assert_eq!(label("updates.push.services.mozilla.com"), "push.services.mozilla.com");
        assert_eq!(label("web.push.apple.com"), "push.apple.com");
        assert_eq!(label("notpush.apple.com"), "other");
        assert_eq!(label("push.apple.com.example.org"), "other");
    }
}
