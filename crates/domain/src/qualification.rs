//! What an administrator has checked of a helper: a tier, and skills until they expire.

use serde::{Deserialize, Serialize};

use crate::{Text, Timestamp, string_enum};

/// A skill of a helper, as free text.
pub type Skill = Text<40>;
/// Maximum number of skills of a helper, of those that the helper names and of those that were checked.
pub const MAX_SKILLS: usize = 20;

string_enum! {
    /// How far an account was checked, in growing order.
    Tier { Public = "public", Registered = "registered", Professional = "professional" }
}

/// A skill that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedSkill {
    /// Its name.
    pub name: Skill,
    /// When it expires; `None` if it does not.
    pub until: Option<Timestamp>,
}

impl CheckedSkill {
    /// Whether the skill has not expired.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}
