//! Free text: bounded, trimmed and without NUL.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text of 1 to `MAX` Unicode characters, without white space at its ends.
///
/// `Debug` shows only its length: what users write does not belong in a log.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

/// Why a text is not a [`Text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Too many characters.
    #[error("must be at most {max} characters long")]
    TooLong {
        /// Maximum number of Unicode characters.
        max: usize,
    },
    /// Contains U+0000, which PostgreSQL cannot store.
    #[error("must not contain NUL characters")]
    Nul,
}

impl<const MAX: usize> Text<MAX> {
    /// Parses a text, trimming it.
    ///
    /// # Errors
    /// Returns an error if it is empty after trimming, longer than `MAX` characters, or contains NUL.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.contains('\0') {
            return Err(TextError::Nul);
        }
        // No text has more characters than bytes, so most texts need no counting.
        if text.len() > MAX && text.chars().count() > MAX {
            return Err(TextError::TooLong { max: MAX });
        }
        Ok(Self(text.to_owned()))
    }

    /// A text of the program itself. It MUST be one that [`Self::parse`] accepts.
    pub(crate) fn of_program(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        Self::parse(&text)
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> Self {
        text.0
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_count_characters_after_trimming() {
        assert_eq!(Text::<3>::parse(" äöü ").unwrap().as_str(), "äöü");
        assert_eq!(Text::<3>::parse("äöüx"), Err(TextError::TooLong { max: 3 }));
        assert_eq!(Text::<3>::parse(" \n "), Err(TextError::Empty));
        assert_eq!(Text::<3>::parse("a\0"), Err(TextError::Nul));
    }
}
