//! The revision of an emergency, on which conditional changes are based.

/// The revision of an emergency. It grows with every stored change; a change is committed on condition that the store
/// still holds the revision it was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub i64);
