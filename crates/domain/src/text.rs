//! Texts that people write: bounded, trimmed and free of NUL. What they mean is not looked at.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text of 1 to `MAX` Unicode characters without white space at its ends.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// More characters than allowed.
    #[error("must be at most {max} characters long")]
    TooLong {
        /// The most Unicode characters allowed.
        max: usize,
    },
    /// The character U+0000, which no database of ours stores.
    #[error("must not contain NUL characters")]
    Nul,
}

impl<const MAX: usize> Text<MAX> {
    /// Trims and checks a text.
    ///
    /// # Errors
    /// When it is empty after trimming, longer than `MAX` characters or contains a NUL.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.contains('\0') {
            return Err(TextError::Nul);
        }
        // A character is at most four bytes, so most texts need no counting.
        if text.len() > MAX && text.chars().count() > MAX {
            return Err(TextError::TooLong { max: MAX });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text itself.
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
    /// Tells the length only: what people write does not belong in a log.
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
