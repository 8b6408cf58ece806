//! JSON from clients, in which a lone surrogate is replaced instead of refused.
//!
//! Strings of JavaScript, Java and Swift are UTF-16. One that was cut within an emoji ends with half of a surrogate pair,
//! which clients send as an escape (`\ud83d`) or as the three bytes that UTF-8 forbids. Both are invalid to
//! [`serde_json`], and a call for help must not fail for it.

use serde_json::Value;

/// Parses JSON. Each lone surrogate becomes U+FFFD.
///
/// # Errors
/// Those of [`serde_json::from_slice`]. The nesting is bounded at 128.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    // Valid JSON, which is nearly all of it, is read once and not copied.
    serde_json::from_slice(bytes).or_else(|error| match replace_lone_surrogates(bytes) {
        Some(replaced) => serde_json::from_slice(&replaced),
        None => Err(error),
    })
}

/// The same JSON with U+FFFD in place of each lone surrogate; `None` if there is none.
///
/// Every replacement has the length of what it replaces.
pub fn replace_lone_surrogates(json: &[u8]) -> Option<Vec<u8>> {
    let mut replaced = None;
    let mut at = 0;
    while at < json.len() {
        let (length, is_lone) = match json[at] {
            b'\\' => match escaped_unit(json, at) {
                Some(0xd800..=0xdbff) if matches!(escaped_unit(json, at + 6), Some(0xdc00..=0xdfff)) => (12, false),
                Some(0xd800..=0xdfff) => (6, true),
                // Any other escape. Its second byte is no backslash that begins another one.
                _ => (2, false),
            },
            // The bytes of a surrogate in the encoding that UTF-8 forbids.
            0xed if matches!(json.get(at + 1..at + 3), Some([0xa0..=0xbf, 0x80..=0xbf])) => (3, true),
            _ => (1, false),
        };
        if is_lone {
            let replacement = if length == 6 { &b"\\ufffd"[..] } else { "\u{fffd}".as_bytes() };
            replaced.get_or_insert_with(|| json.to_vec())[at..at + length].copy_from_slice(replacement);
        }
        at += length;
    }
    replaced
}

/// The UTF-16 code unit that is escaped as `\uXXXX` at this place.
fn escaped_unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    // `from_str_radix` would accept a sign.
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(json: &[u8]) -> String {
        parse(json).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        for (json, expected) in [
            (&br#""\ud83d""#[..], "\u{fffd}"),
            (br#""help \uD83D""#, "help \u{fffd}"),
            (br#""\ude91""#, "\u{fffd}"),
            (br#""\ud83d\ud83d\ude91""#, "\u{fffd}\u{1f691}"),
            (br#""\ud83d\ude91\ude91""#, "\u{1f691}\u{fffd}"),
            (br#""\ud83d\n""#, "\u{fffd}\n"),
            (br#""\ud83dx\ude91""#, "\u{fffd}x\u{fffd}"),
            (b"\"\xed\xa0\xbd\"", "\u{fffd}"),
            (b"\"\xed\xba\x91\xc3\xa4\"", "\u{fffd}ä"),
        ] {
            assert_eq!(text(json), expected, "{}", String::from_utf8_lossy(json));
        }
    }

    #[test]
    fn other_text_is_not_changed() {
        for json in
            [&br#""\ud83d\ude91""#[..], br#""\\ud83d""#, br#""\\\\ude91\n""#, "\"\u{d7ff}\u{e000}\u{fffd}\"".as_bytes()]
        {
            assert_eq!(replace_lone_surrogates(json), None, "{}", String::from_utf8_lossy(json));
        }
        assert_eq!(text(br#""\\ud83d""#), "\\ud83d");
        assert_eq!(parse(br#"{"a\ud83d": ["\ude91"]}"#).unwrap(), serde_json::json!({ "a\u{fffd}": ["\u{fffd}"] }));
    }

    #[test]
    fn anything_else_that_is_invalid_stays_invalid() {
        for json in [
            &b""[..],
            b"{",
            br#""\ud83"#,
            br#""\u+d83""#,
            b"\"\xed\xa0\"",
            b"\"\xff\"",
            b"\"\xed",
            br#""\"#,
            br#"{"a":"\ud83d""#,
        ] {
            assert!(parse(json).is_err(), "{}", String::from_utf8_lossy(json));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(json in proptest::collection::vec(prop_oneof![
            Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'8'), Just(b'"'), Just(0xed), Just(0xa0), any::<u8>(),
        ], 0..40)) {
            if let Some(replaced) = replace_lone_surrogates(&json) {
                prop_assert_eq!(replaced.len(), json.len());
                prop_assert_eq!(replace_lone_surrogates(&replaced), None);
            }
        }

        #[test]
        fn any_utf16_in_escapes_is_parsed_as_its_lossy_text(units in proptest::collection::vec(
            prop_oneof![0xd7f0_u16..0xe010, any::<u16>()], 0..20,
        )) {
            let escapes = units.iter().fold(String::new(), |text, unit| text + &format!("\\u{unit:04x}"));
            prop_assert_eq!(text(format!("\"{escapes}\"").as_bytes()), String::from_utf16_lossy(&units));
        }
    }
}
