//! Names as people type them: on one line, without characters that are not seen.
//!
//! Knows nothing of accounts. A stored name is only a [`Text`]: older versions accepted more than [`parse`] does.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::text::{Text, TextError};

/// A given name, a family name, or the name of a contact.
pub type Name = Text<100>;

/// U+200C and U+200D join or separate the letters of many scripts, and the parts of many emoji.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];
/// Letters, symbols and marks that are rendered as nothing or as a blank: fillers of Hangul, inherent vowels of Khmer,
/// the empty Braille pattern, the grapheme joiner.
const BLANKS: [char; 9] =
    ['\u{034f}', '\u{115f}', '\u{1160}', '\u{17b4}', '\u{17b5}', '\u{2800}', '\u{3164}', '\u{ffa0}', '\u{1d159}'];

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No character of it is visible.
    #[error("must have at least one visible character")]
    Invisible,
    /// It contains a control character or a line break.
    #[error("must not contain control characters or line breaks")]
    Control,
    /// It is too long.
    #[error(transparent)]
    Text(TextError),
}

/// Parses a name that was typed.
///
/// Removes format characters (Cf), which could reverse or hide the text around the name. A joiner between two visible
/// characters stays.
///
/// # Errors
/// [`NameError`].
pub fn parse(typed: &str) -> Result<Name, NameError> {
    name(&clean(typed)?)
}

/// Parses a name that was typed whole, and splits it at its first white space into given and family name.
///
/// # Errors
/// [`NameError`], for either part.
pub fn parse_full(typed: &str) -> Result<(Name, Option<Name>), NameError> {
    let whole = clean(typed)?;
    let whole = whole.trim();
    let (first, last) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
    let last = match name(last) {
        Err(NameError::Invisible) => None,
        last => Some(last?),
    };
    Ok((name(first)?, last))
}

fn clean(typed: &str) -> Result<String, NameError> {
    let typed = typed.trim();
    if typed.chars().any(breaks_lines) { Err(NameError::Control) } else { Ok(without_format_characters(typed)) }
}

fn name(clean: &str) -> Result<Name, NameError> {
    if clean.chars().any(is_visible) { Name::parse(clean).map_err(NameError::Text) } else { Err(NameError::Invisible) }
}

/// Whether this is a format character (Cf), which is not seen but may change how the text around it is shown.
pub(crate) fn is_format_character(c: char) -> bool {
    c.general_category() == GeneralCategory::Format
}

fn breaks_lines(c: char) -> bool {
    use GeneralCategory::{Control, LineSeparator, ParagraphSeparator};
    matches!(c.general_category(), Control | LineSeparator | ParagraphSeparator)
}

fn is_visible(c: char) -> bool {
    is_part_of_visible(c) && !matches!(c, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a joiner may follow this character: also a variation selector, which belongs to the character before it.
fn is_part_of_visible(c: char) -> bool {
    use GeneralCategory::{Control, Format, Unassigned};
    let hidden = matches!(c.general_category(), Control | Format | Unassigned);
    !hidden && !c.is_whitespace() && !BLANKS.contains(&c)
}

fn without_format_characters(typed: &str) -> String {
    let mut name = String::with_capacity(typed.len());
    let mut rest = typed.chars();
    while let Some(c) = rest.next() {
        // What follows is looked for behind further format characters, which are going to be removed.
        let joins = || {
            let follows = rest.clone().find(|&next| !is_format_character(next));
            JOINERS.contains(&c)
                && name.chars().next_back().is_some_and(is_part_of_visible)
                && follows.is_some_and(is_visible)
        };
        if !is_format_character(c) || joins() {
            name.push(c);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(typed: &str) -> Result<String, NameError> {
        parse(typed).map(|name| name.as_str().to_owned())
    }

    #[test]
    fn control_characters_and_line_breaks_are_refused() {
        for typed in
            ["An\nna", "An\r\nna", "An\tna", "An\0na", "\u{1b}[31mAnna", "An\u{85}na", "An\u{2028}na", "An\u{2029}na"]
        {
            assert_eq!(parsed(typed), Err(NameError::Control), "{typed:?}");
        }
    }

    #[test]
    fn format_characters_are_removed() {
        for (typed, name) in [
            ("\u{202e}annA", "annA"),
            ("An\u{2066}na\u{2069}", "Anna"),
            ("An\u{ad}na", "Anna"),
            ("\u{feff}Anna\u{200b}", "Anna"),
            ("Anna\u{e0041}", "Anna"),
            (" Anna ", "Anna"),
            ("\u{202e} Anna \u{202c}", "Anna"),
        ] {
            assert_eq!(parsed(typed).as_deref(), Ok(name), "{typed:?}");
        }
    }

    #[test]
    fn joiners_stay_between_visible_characters_only() {
        for (typed, name) in [
            // Persian, Sinhala, a family, a heart on fire with a variation selector.
            ("علی\u{200c}رضا", "علی\u{200c}رضا"),
            ("ක්\u{200d}ෂ", "ක්\u{200d}ෂ"),
            ("👨\u{200d}👩\u{200d}👧", "👨\u{200d}👩\u{200d}👧"),
            ("❤\u{fe0f}\u{200d}🔥", "❤\u{fe0f}\u{200d}🔥"),
            ("\u{200d}Anna\u{200c}", "Anna"),
            ("Anna \u{200d}Berg", "Anna Berg"),
            ("An\u{200d}\u{200d}\u{200c}na", "An\u{200d}na"),
            ("An\u{200d}\u{202e}na", "An\u{200d}na"),
            ("An\u{200d}\u{202e}", "An"),
        ] {
            assert_eq!(parsed(typed).as_deref(), Ok(name), "{typed:?}");
        }
    }

    #[test]
    fn a_name_has_a_visible_character() {
        for typed in ["", "  ", "\u{200d}", "\u{2800}", "\u{3164}\u{3164}", "\u{fe0f}", "\u{a0}\u{2003}", "\u{378}"] {
            assert_eq!(parsed(typed), Err(NameError::Invisible), "{typed:?}");
        }
        assert_eq!(parsed(&"a".repeat(101)), Err(NameError::Text(TextError::TooLong { max: 100 })));
        for typed in ["李", "O’Neill", "Ğrace 🚑", "-", "X Æ A-12", "🏳\u{fe0f}\u{200d}🌈"] {
            assert_eq!(parsed(typed).as_deref(), Ok(typed));
        }
    }

    #[test]
    fn a_whole_name_is_split_at_its_first_white_space() {
        for (typed, first, last) in [
            ("Ada Lovelace", "Ada", Some("Lovelace")),
            (" Ada\u{a0}King  of\u{202e} L. ", "Ada", Some("King  of L.")),
            ("\u{202e} Ada", "Ada", None),
            ("Ada \u{200b}", "Ada", None),
            ("Ada \u{3164}", "Ada", None),
        ] {
            let (a, b) = parse_full(typed).unwrap();
            assert_eq!((a.as_str(), b.as_ref().map(Name::as_str)), (first, last), "{typed:?}");
        }
        assert_eq!(parse_full("Ada\nLovelace"), Err(NameError::Control));
        assert_eq!(parse_full("\u{3164} Lovelace"), Err(NameError::Invisible));
    }

    #[test]
    fn parsing_a_name_again_changes_nothing() {
        for typed in ["An\u{200d}\u{202e}\u{200c}na", "\u{200c}a\u{200d}\u{2800}\u{200d}b", "❤\u{fe0f}\u{200d}🔥"] {
            let once = parsed(typed).unwrap();
            assert_eq!(parsed(&once).as_deref(), Ok(once.as_str()));
        }
    }
}
