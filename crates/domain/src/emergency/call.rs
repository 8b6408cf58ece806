//! The call: the data that the owner gives when raising an emergency. Some of the details can be changed afterwards.

use serde::{Deserialize, Serialize};

use crate::{EmergencyId, Person, Position, SessionFix, Text, Timestamp, string_enum};

string_enum! {
    /// The kind of trouble.
    EmergencyType {
        Medical = "medical", Safety = "safety", Accident = "accident", Assault = "assault",
        NaturalDisaster = "natural_disaster", Other = "other",
    }
}

string_enum! {
    /// How urgent it is, in the owner's judgement.
    Priority { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

/// How severe an emergency is, in the owner's judgement: 1 (least) to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Severity(u8);

/// A number that is not a [`Severity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("severity must be from 1 to 10")]
pub struct SeverityError;

impl Severity {
    /// The severity of an emergency for which the owner gives none: 5.
    pub const DEFAULT: Self = Self(5);

    /// Parses a severity.
    ///
    /// # Errors
    /// Returns an error unless `severity` is in `1..=10`.
    pub const fn new(severity: u8) -> Result<Self, SeverityError> {
        if matches!(severity, 1..=10) { Ok(Self(severity)) } else { Err(SeverityError) }
    }

    /// The severity as a number, `1..=10`.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Severity {
    type Error = SeverityError;

    fn try_from(severity: u8) -> Result<Self, SeverityError> {
        Self::new(severity)
    }
}

impl From<Severity> for u8 {
    fn from(severity: Severity) -> Self {
        severity.get()
    }
}

/// Where help is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// The position.
    pub position: Position,
    /// The postal address, as resolved by the owner's device.
    pub address: Option<Text<300>>,
    /// How to find the place.
    pub description: Option<Text<300>>,
}

/// The details of an emergency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// The kind of trouble.
    pub kind: EmergencyType,
    /// A finer, free-form category.
    pub category: Option<Text<50>>,
    /// What happened.
    pub description: Option<Text<1000>>,
    /// Where.
    pub location: Location,
    /// How urgent.
    pub priority: Priority,
    /// How severe.
    pub severity: Severity,
    /// Helpers must not call or ring.
    pub silent: bool,
    /// The owner's identity is shown to administrators only.
    pub anonymous: bool,
}

/// What an owner changes of the details; `None` leaves a value as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DetailsChange {
    /// The kind of trouble.
    pub kind: Option<EmergencyType>,
    /// The category; `Some(None)` clears it.
    pub category: Option<Option<Text<50>>>,
    /// The description; `Some(None)` clears it.
    pub description: Option<Option<Text<1000>>>,
    /// How urgent.
    pub priority: Option<Priority>,
    /// How severe.
    pub severity: Option<Severity>,
}

/// Severity from which on an emergency is critical.
const CRITICAL_SEVERITY: u8 = 8;

impl Details {
    /// The details after a change.
    #[must_use]
    pub fn with(&self, change: DetailsChange) -> Self {
        let DetailsChange { kind, category, description, priority, severity } = change;
        Self {
            kind: kind.unwrap_or(self.kind),
            category: category.unwrap_or_else(|| self.category.clone()),
            description: description.unwrap_or_else(|| self.description.clone()),
            priority: priority.unwrap_or(self.priority),
            severity: severity.unwrap_or(self.severity),
            ..self.clone()
        }
    }

    /// Whether the emergency is critical, by its priority or severity: then it may reach helpers that others do not reach.
    pub fn is_critical(&self) -> bool {
        self.priority == Priority::Critical || self.severity.get() >= CRITICAL_SEVERITY
    }
}

/// What the place of an emergency has to do with its owner's positions. Stored as JSON: fields may be added, never renamed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Movement {
    /// The newest position that the place is known to have followed, at first that from when the emergency was raised. Only
    /// positions of its session count. `None` if the place stays where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed: Option<SessionFix>,
    /// The place that was given when the emergency was raised. `None` until it moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<Location>>,
    /// When the place moved last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_at: Option<Timestamp>,
}

impl Movement {
    /// Whether the place stays where it was given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The form to store: nothing for a place that stays.
    pub fn stored(&self) -> Option<&Self> {
        (!self.is_empty()).then_some(self)
    }
}

/// The part of an emergency that its owner decides, not what becomes of it; alerts carry it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The id of the emergency.
    pub id: EmergencyId,
    /// The user that needs help. Shown to others only when [`Details::anonymous`] is not set.
    pub owner: Person,
    /// What happened, and where. As of now: the owner may have changed what happened.
    pub details: Details,
    /// When the emergency was raised.
    pub created_at: Timestamp,
    /// What its place has to do with where the owner is.
    #[serde(default, skip_serializing_if = "Movement::is_empty")]
    pub movement: Movement,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, details, id, position};

    #[test]
    fn a_movement_survives_storage_and_that_of_a_place_that_stays_is_not_stored() {
        let movement = Movement {
            followed: Some(SessionFix { session: id(400), position: position(52.5, 13.4), at: at(2) }),
            origin: Some(Box::new(details().location)),
            moved_at: Some(at(3)),
        };
        let json = serde_json::to_value(&movement).unwrap();
        assert_eq!(serde_json::from_value::<Movement>(json).unwrap(), movement);
        assert_eq!(serde_json::to_value(Movement::default()).unwrap(), serde_json::json!({}));
        assert_eq!((movement.stored(), Movement::default().stored()), (Some(&movement), None));
    }
}
