//! A helper on the way to an emergency, as the participants see them.

use crate::{EmergencyId, Metres, Timestamp, port::Fix};

/// Where a helper on their way is, as the participants are told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Approach {
    /// To which emergency.
    pub emergency: EmergencyId,
    /// Who is where, since when.
    pub fix: Fix,
    /// The geodesic to the emergency.
    pub distance: Metres,
    /// When the helper may be there: as they said themselves, else from their speed; none if that is no use.
    pub estimated_arrival: Option<Timestamp>,
    /// They are as good as there.
    pub arrived: bool,
    /// Where their position was stored.
    pub origin: Origin,
}

/// Which node stored a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This one.
    Here,
    /// Another, which told this one.
    Elsewhere,
}
