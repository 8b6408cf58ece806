//! A lexer for Rust source, as far as module structure needs one: words, `::`, and punctuation.
//!
//! Comments, string, character and byte literals and lifetimes are dropped, so that nothing in them looks like a path.

/// A token of Rust source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An identifier, a keyword or a number.
    Word(String),
    /// `::`
    PathSeparator,
    /// Any other character that is not white space.
    Punctuation(char),
}

impl Token {
    /// Whether this is the word `word`.
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found == word)
    }

    /// Whether this is the punctuation character `character`.
    pub(super) fn is(&self, character: char) -> bool {
        *self == Self::Punctuation(character)
    }
}

/// Splits Rust source into tokens. The source must compile: no error is reported for anything unterminated.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let source: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let word = rest.iter().take_while(|&&c| is_word_character(c)).count();
        at += match rest {
            ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => quoted(rest, '"'),
            ['\'', ..] => character_or_lifetime(rest),
            [':', ':', ..] => {
                tokens.push(Token::PathSeparator);
                2
            }
            _ if word > 0 => literal_with_prefix(rest, word).unwrap_or_else(|| {
                tokens.push(Token::Word(rest[..word].iter().collect()));
                word
            }),
            [white, ..] if white.is_whitespace() => 1,
            [other, ..] => {
                tokens.push(Token::Punctuation(*other));
                1
            }
            [] => unreachable!("the loop ends with the source"),
        };
    }
    tokens
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a comment that may contain others.
fn block_comment(source: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < source.len() {
        match &source[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a literal between two `quote`s, with backslashes as escapes.
fn quoted(source: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < source.len() && source[at] != quote {
        at += if source[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// `'a'` is a character, `'a` a lifetime: only the third character decides.
fn character_or_lifetime(source: &[char]) -> usize {
    match source {
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => quoted(source, '\''),
        _ => 1 + source[1..].iter().take_while(|&&c| is_word_character(c)).count(),
    }
}

/// The length of a literal like `b"…"`, `r#"…"#` or `b'…'`, if the word at the start is the prefix of one.
fn literal_with_prefix(source: &[char], word: usize) -> Option<usize> {
    let prefix: String = source[..word].iter().collect();
    let rest = &source[word..];
    match (prefix.as_str(), rest.first()?) {
        ("b" | "c", '"') => Some(word + quoted(rest, '"')),
        ("b", '\'') => Some(word + quoted(rest, '\'')),
        ("r" | "br" | "cr", '"' | '#') => {
            let hashes = rest.iter().take_while(|&&c| c == '#').count();
            // `r#type` is an identifier.
            (rest.get(hashes) == Some(&'"')).then(|| word + raw_string(rest, hashes))
        }
        _ => None,
    }
}

fn raw_string(source: &[char], hashes: usize) -> usize {
    let mut end = vec!['"'];
    end.extend(std::iter::repeat_n('#', hashes));
    let body = hashes + 1;
    let length = source[body..].windows(end.len()).position(|window| window == end);
    body + length.map_or(source.len() - body, |length| length + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_comments_and_literals_are_dropped() {
        let source = r##"
            // crate::a
            /* crate::b /* crate::c */ crate::d */
            let x: &'static str = "crate::e \" crate::f";
            let y = (r#"crate::g " crate::h"#, b"crate::i", ':', '\'', b'\\', 'x');
            crate::real
        "##;
        let tokens = tokens(source);
        assert_eq!(tokens.iter().filter(|token| token.is_word("crate")).count(), 1);
        assert_eq!(tokens.last(), Some(&Token::Word("real".to_owned())));
    }
}
