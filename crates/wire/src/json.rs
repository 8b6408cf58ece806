//! JSON from clients, in which some text and numbers that [`serde_json`] refuses are replaced.
//!
//! Strings of JavaScript, Java and Swift are UTF-16. One that was cut within an emoji ends with half of a surrogate pair,
//! which clients send as an escape (`\ud83d`) or as the three bytes that UTF-8 forbids. A number may be too large for a
//! double, and a byte order mark may come first. All of them are invalid to [`serde_json`], wherever they are, and a call for
//! help must not fail for the contents of a field that the service does not even know.

use serde_json::Value;

/// The byte order mark that some clients put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Replaces the digits of a number that is too large. No such number is shorter.
const LARGE_NUMBER: &[u8] = b"1e308";

/// Parses JSON, which may begin with a byte order mark. Each lone surrogate becomes U+FFFD, and a number that is too large
/// becomes ±10^308.
///
/// # Errors
/// Those of [`serde_json::from_slice`]. The nesting is bounded at 128.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let json = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    // Valid JSON, which is nearly all of it, is read once and not copied.
    serde_json::from_slice(json).or_else(|error| match replace_invalid(json) {
        Some(replaced) => serde_json::from_slice(&replaced),
        None => Err(error),
    })
}

/// The same JSON with U+FFFD in place of each lone surrogate, and with a number in place of each that is too large; `None` if
/// it contains neither.
///
/// Every replacement has the length of what it replaces.
pub fn replace_invalid(json: &[u8]) -> Option<Vec<u8>> {
    let mut replaced = None;
    let mut is_in_string = false;
    let mut at = 0;
    while at < json.len() {
        let rest = &json[at..];
        let (length, replacement) = match rest[0] {
            b'"' => {
                is_in_string = !is_in_string;
                (1, None)
            }
            b'\\' => match escaped_unit(json, at) {
                Some(0xd800..=0xdbff) if matches!(escaped_unit(json, at + 6), Some(0xdc00..=0xdfff)) => (12, None),
                Some(0xd800..=0xdfff) => (6, Some(&b"\\ufffd"[..])),
                // Any other escape. Its second byte is no backslash that begins another one, and no end of the string.
                _ => (2, None),
            },
            // The bytes of a surrogate in the encoding that UTF-8 forbids.
            0xed if matches!(rest.get(1..3), Some([0xa0..=0xbf, 0x80..=0xbf])) => (3, Some("\u{fffd}".as_bytes())),
            b'0'..=b'9' if !is_in_string => {
                let length = rest.iter().take_while(|byte| is_part_of_number(**byte)).count();
                (length, is_too_large(&rest[..length]).then_some(LARGE_NUMBER))
            }
            _ => (1, None),
        };
        if let Some(replacement) = replacement {
            let target = &mut replaced.get_or_insert_with(|| json.to_vec())[at..at + length];
            // Spaces may follow a number; the other replacements fill their place.
            target.fill(b' ');
            target[..replacement.len()].copy_from_slice(replacement);
        }
        at += length;
    }
    replaced
}

/// Whether the byte may follow the first digit of a number.
const fn is_part_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')
}

/// Whether a number of JSON is greater than every finite double.
fn is_too_large(number: &[u8]) -> bool {
    let value = std::str::from_utf8(number).ok().and_then(|number| number.parse::<f64>().ok());
    value.is_some_and(f64::is_infinite)
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
    use serde_json::json;

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
            assert_eq!(replace_invalid(json), None, "{}", String::from_utf8_lossy(json));
        }
        assert_eq!(text(br#""\\ud83d""#), "\\ud83d");
        assert_eq!(parse(br#"{"a\ud83d": ["\ude91"]}"#).unwrap(), json!({ "a\u{fffd}": ["\u{fffd}"] }));
    }

    #[test]
    fn a_number_that_is_too_large_becomes_one_that_is_out_of_every_range() {
        let digits = "9".repeat(400);
        for (json, expected) in [
            ("[1e999, 1]", json!([1e308, 1])),
            ("[-1E+999]", json!([-1e308])),
            (r#"{"a":1e309,"b":-1.5e400}"#, json!({ "a": 1e308, "b": -1e308 })),
            (&digits, json!(1e308)),
            (r#"["1e999", "\"1e999", 1e999]"#, json!(["1e999", "\"1e999", 1e308])),
        ] {
            assert_eq!(parse(json.as_bytes()).unwrap(), expected, "{json}");
        }
        for json in ["[1.7e308, 5e-324, 1e-999]", r#"["1e999"]"#] {
            assert_eq!(replace_invalid(json.as_bytes()), None, "{json}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(parse(b"\xef\xbb\xbf{}").unwrap(), json!({}));
        assert!(parse(b"\xef\xbb\xbf\xef\xbb\xbf{}").is_err(), "more than one is no JSON");
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
            b"[1e999",
            b"[1e999e]",
        ] {
            assert!(parse(json).is_err(), "{}", String::from_utf8_lossy(json));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(json in proptest::collection::vec(prop_oneof![
            Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'8'), Just(b'"'), Just(0xed), Just(0xa0), Just(b'e'), any::<u8>(),
        ], 0..40)) {
            if let Some(replaced) = replace_invalid(&json) {
                prop_assert_eq!(replaced.len(), json.len());
                prop_assert_eq!(replace_invalid(&replaced), None);
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
