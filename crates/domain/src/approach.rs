//! A helper on the way to an emergency, as its participants see them.

use crate::{EmergencyId, Metres, Timestamp, port::Fix};

/// The position of a helper on the way to an emergency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Approach {
    /// The emergency that the helper responds to.
    pub emergency: EmergencyId,
    /// The helper, their position and its time.
    pub fix: Fix,
    /// The length of the geodesic from the helper to the emergency.
    pub distance: Metres,
    /// The arrival: as the helper stated it, else by their way and speed; `None` if it is more than a day away.
    pub estimated_arrival: Option<Timestamp>,
    /// Whether the helper is within 50 m of the emergency.
    pub arrived: bool,
}
