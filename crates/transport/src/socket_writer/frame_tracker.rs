//! Tracker of what is written to a connection: where the upgrade response ends, where each WebSocket frame ends, and which
//! text payloads pass.
//!
//! It only observes. Output that is not as expected is not followed any further, which makes
//! [`SocketWriter`](super::SocketWriter) leave everything to the engine.

/// Beginning of the response after which there are only frames.
const UPGRADE_STATUS_LINE: &[u8] = b"HTTP/1.1 101 ";
/// End of a response's head.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// Longest header of an unmasked frame.
const MAX_HEADER_LENGTH: usize = 10;
/// First byte of a text message that is one frame.
const FINAL_TEXT_FRAME: u8 = 0x81;
/// First byte of a close frame, after which nothing may follow.
const CLOSE_FRAME: u8 = 0x88;
/// Bit of the first byte that is set in the last frame of a message.
const FINAL_BIT: u8 = 0x80;

/// Position in the output of a connection.
#[derive(Debug, Default)]
pub(super) enum FrameTracker {
    /// In plain HTTP, which is not tracked.
    #[default]
    Http,
    /// In the head of the upgrade response: number of bytes matched of its beginning, and of its end.
    UpgradeHead { status_matched: usize, end_matched: usize },
    /// In the header of a frame, of which `length` bytes were written. With none written, between two frames.
    FrameHeader { bytes: [u8; MAX_HEADER_LENGTH], length: usize },
    /// In the payload of a frame.
    FramePayload { is_text: bool, remaining: u64 },
    /// Unknown until the connection ends.
    Lost,
}

/// Observer of the text messages that are written.
pub(super) trait TextObserver {
    /// A part of the current message's payload, in order.
    fn part(&mut self, payload: &[u8]);
    /// The current message is complete.
    fn end(&mut self);
}

impl FrameTracker {
    const BOUNDARY: Self = Self::FrameHeader { bytes: [0; MAX_HEADER_LENGTH], length: 0 };

    /// Expects that the next response switches the protocol to WebSocket.
    pub(super) fn expect_upgrade(&mut self) {
        *self = match self {
            Self::Http => Self::UpgradeHead { status_matched: 0, end_matched: 0 },
            // A second upgrade on one connection cannot be.
            _ => Self::Lost,
        };
    }

    /// Whether the output is between two frames.
    pub(super) const fn is_at_boundary(&self) -> bool {
        matches!(self, Self::FrameHeader { length: 0, .. })
    }

    /// Whether the output is plain HTTP.
    pub(super) const fn is_http(&self) -> bool {
        matches!(self, Self::Http)
    }

    /// Whether the position is unknown for good.
    pub(super) const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost)
    }

    /// Advances over bytes that were written.
    pub(super) fn advance(&mut self, mut written: &[u8], observer: &mut impl TextObserver) {
        while let Some((&first, rest)) = written.split_first() {
            match self {
                Self::Http | Self::Lost => return,
                Self::UpgradeHead { status_matched, end_matched } => {
                    written = rest;
                    if *status_matched < UPGRADE_STATUS_LINE.len() {
                        if first != UPGRADE_STATUS_LINE[*status_matched] {
                            return *self = Self::Lost;
                        }
                        *status_matched += 1;
                    } else {
                        // A `\r` that does not continue the match begins a new one; a longer restart cannot be.
                        *end_matched = if first == HEAD_END[*end_matched] {
                            *end_matched + 1
                        } else {
                            usize::from(first == HEAD_END[0])
                        };
                        if *end_matched == HEAD_END.len() {
                            *self = Self::BOUNDARY;
                        }
                    }
                }
                Self::FrameHeader { bytes, length } => {
                    written = rest;
                    bytes[*length] = first;
                    *length += 1;
                    if let Some(next) = after_header(&bytes[..*length]) {
                        *self = next;
                        self.complete_frame(observer);
                    }
                }
                Self::FramePayload { is_text, remaining } => {
                    let here = usize::try_from(*remaining).unwrap_or(usize::MAX).min(written.len());
                    let (part, rest) = written.split_at(here);
                    if *is_text {
                        observer.part(part);
                    }
                    *remaining -= part.len() as u64;
                    written = rest;
                    self.complete_frame(observer);
                }
            }
        }
    }

    /// Returns to the boundary if nothing of the payload remains.
    fn complete_frame(&mut self, observer: &mut impl TextObserver) {
        if let Self::FramePayload { is_text, remaining: 0 } = *self {
            *self = Self::BOUNDARY;
            if is_text {
                observer.end();
            }
        }
    }
}

/// Position after a frame header. `None` while the header is incomplete.
fn after_header(header: &[u8]) -> Option<FrameTracker> {
    let (&kind, rest) = header.split_first()?;
    let (&size, extended) = rest.split_first()?;
    let remaining = match size {
        0..126 => u64::from(size),
        126 => u16::from_be_bytes(extended.try_into().ok()?).into(),
        127 => u64::from_be_bytes(extended.try_into().ok()?),
        // The mask bit: a server does not mask.
        _ => return Some(FrameTracker::Lost),
    };
    // Nothing may be put between the frames of one message, nor after a close frame.
    if kind & FINAL_BIT == 0 || kind == CLOSE_FRAME {
        return Some(FrameTracker::Lost);
    }
    Some(FrameTracker::FramePayload { is_text: kind == FINAL_TEXT_FRAME, remaining })
}

/// The text messages in the output of a WebSocket connection that is written in these pieces.
#[cfg(feature = "testing")]
pub fn text_messages<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    #[derive(Default)]
    struct Messages {
        complete: Vec<Vec<u8>>,
        current: Vec<u8>,
    }

    impl TextObserver for Messages {
        fn part(&mut self, payload: &[u8]) {
            self.current.extend_from_slice(payload);
        }

        fn end(&mut self) {
            self.complete.push(std::mem::take(&mut self.current));
        }
    }

    let (mut tracker, mut messages) = (FrameTracker::default(), Messages::default());
    tracker.expect_upgrade();
    tracker.advance(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", &mut messages);
    for piece in pieces {
        tracker.advance(piece, &mut messages);
    }
    messages.complete
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Texts {
        open: Vec<u8>,
        done: Vec<String>,
    }

    impl TextObserver for Texts {
        fn part(&mut self, payload: &[u8]) {
            self.open.extend(payload);
        }

        fn end(&mut self) {
            self.done.push(String::from_utf8(std::mem::take(&mut self.open)).unwrap());
        }
    }

    const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\na: \r\r\n\r\n";

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = payload.len();
        let size = match length {
            0..126 => vec![u8::try_from(length).unwrap()],
            126..0x1_0000 => [&[126][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
            _ => [&[127][..], &(length as u64).to_be_bytes()].concat(),
        };
        [&[kind][..], &size, payload].concat()
    }

    /// Advances over a plain response, and then over `written` in steps of this many bytes.
    fn track(written: &[u8], step: usize) -> (FrameTracker, Texts) {
        let (mut tracker, mut texts) = (FrameTracker::default(), Texts::default());
        tracker.advance(b"HTTP/1.1 200 OK\r\n\r\n{}", &mut texts);
        tracker.expect_upgrade();
        for part in written.chunks(step) {
            tracker.advance(part, &mut texts);
        }
        (tracker, texts)
    }

    #[test]
    fn frames_are_tracked_however_the_output_is_split() {
        let texts = ["", "2", &"a".repeat(125), &"b".repeat(126), &"c".repeat(70_000)];
        let mut written = HEAD.to_vec();
        for text in texts {
            written.extend(frame(FINAL_TEXT_FRAME, text.as_bytes()));
            written.extend(frame(0x89, b"ping"));
        }
        for step in [1, 2, 3, 7, 64, 1000, written.len()] {
            let (tracker, observed) = track(&written, step);
            assert!(tracker.is_at_boundary(), "{step}: {tracker:?}");
            assert_eq!(observed.done, texts, "{step}");
        }
    }

    #[test]
    fn only_the_end_of_a_frame_is_a_boundary() {
        let text = frame(FINAL_TEXT_FRAME, b"42[]");
        for cut in 1..text.len() {
            let (tracker, _) = track(&[HEAD, &text[..cut]].concat(), 1);
            assert!(!tracker.is_at_boundary(), "{cut}");
        }
        for cut in 0..HEAD.len() {
            assert!(!track(&HEAD[..cut], 1).0.is_at_boundary(), "{cut}");
        }
    }

    #[test]
    fn unexpected_output_is_not_tracked_any_further() {
        let head = |head: &str| format!("{head}\r\n\r\n").into_bytes();
        for (written, case) in [
            (head("HTTP/1.1 200 OK"), "another response comes first"),
            (head("HTTP/2 101 "), "another protocol"),
            ([HEAD, &frame(0x01, b"4")].concat(), "a message in parts"),
            ([HEAD, &frame(CLOSE_FRAME, b"")].concat(), "a close frame"),
            ([HEAD, &[FINAL_TEXT_FRAME, 0x81, 0, 0, 0, 0, 0]].concat(), "a masked frame"),
        ] {
            let (mut tracker, mut texts) = track(&written, 5);
            assert!(tracker.is_lost(), "{case}: {tracker:?}");
            tracker.advance(&frame(FINAL_TEXT_FRAME, b"42"), &mut texts);
            assert!(texts.done.is_empty() && !tracker.is_at_boundary(), "{case}");
        }
        let mut twice = track(HEAD, 1).0;
        twice.expect_upgrade();
        assert!(twice.is_lost(), "a second upgrade");
    }
}
