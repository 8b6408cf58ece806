//! The header `traceparent` of W3C Trace Context (<https://www.w3.org/TR/trace-context/>), as a value.

use std::{fmt, str::FromStr};

/// The length of a header of version 00, in bytes.
const LENGTH: usize = 55;

/// A span of a trace, and whether the trace is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceParent {
    /// 32 lower-case hexadecimal digits, not all zero.
    pub(crate) trace: String,
    /// 16 lower-case hexadecimal digits, not all zero.
    pub(crate) span: String,
    /// Whether the caller records the trace.
    pub(crate) is_sampled: bool,
}

/// The error of a header that the specification tells to ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidTraceParent;

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, is_sampled } = self;
        write!(f, "00-{trace}-{span}-{:02x}", u8::from(*is_sampled))
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        let (head, rest) = text.split_at_checked(LENGTH).ok_or(InvalidTraceParent)?;
        let parts: Vec<&str> = head.split('-').collect();
        let [version, trace, span, flags] = parts[..] else { return Err(InvalidTraceParent) };
        // Later versions may add parts.
        let is_version = is_hex(version, 2) && version != "ff";
        let is_end = rest.is_empty() || (version != "00" && rest.starts_with('-'));
        if !(is_version && is_end && is_id(trace, 32) && is_id(span, 16) && is_hex(flags, 2)) {
            return Err(InvalidTraceParent);
        }
        let is_sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
        Ok(Self { trace: trace.to_owned(), span: span.to_owned(), is_sampled })
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|byte| byte != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_is_recognized_by_the_rules_of_the_specification() {
        let of = |text: &str| text.parse::<TraceParent>();
        let trace =
            |is_sampled| TraceParent { trace: TRACE.to_owned(), span: "00f067aa0ba902b7".to_owned(), is_sampled };
        assert_eq!(of(&format!("00-{TRACE}-00f067aa0ba902b7-01")), Ok(trace(true)));
        assert_eq!(of(&format!("00-{TRACE}-00f067aa0ba902b7-02")), Ok(trace(false)));
        assert_eq!(of(&format!("cc-{TRACE}-00f067aa0ba902b7-01-more")), Ok(trace(true)));
        assert_eq!(of(&trace(true).to_string()), Ok(trace(true)));
        for wrong in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7-0"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-00f067aa0ba902b7-zz"),
            format!("00-{TRACE}--0f067aa0ba902b7-01"),
            // 55 bytes, of which none but the first is a boundary of a character.
            "0".repeat(54) + "é",
        ] {
            assert_eq!(of(&wrong), Err(InvalidTraceParent), "{wrong}");
        }
    }
}
