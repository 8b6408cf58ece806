//! The outline of what is written to a connection: where a response ends and WebSocket frames begin, where each frame
//! ends, and how its payload begins.
//!
//! Reads along and changes nothing. What is not as expected is not followed any further.

/// How the head of the response begins after which there are only frames.
const SWITCHING: &[u8] = b"HTTP/1.1 101 ";
/// How it ends.
const END: &[u8] = b"\r\n\r\n";
/// The longest header of a frame of a server.
const HEADER: usize = 10;
/// The final frame of a text, which is all that is of interest.
const TEXT: u8 = 0x81;
/// The opcode of a frame after which nothing may follow.
const CLOSE: u8 = 0x88;
/// Set in the first byte of a frame that ends its message.
const FINAL: u8 = 0x80;

/// Where in what was written the writer is.
#[derive(Debug, Default)]
pub(super) enum Place {
    /// Among HTTP responses.
    #[default]
    Http,
    /// In the head of the response that changes the protocol: so much of its beginning, and of its end, was seen.
    Head { begun: usize, ended: usize },
    /// In the header of a frame; at a boundary between two frames when nothing of it was written.
    Header { bytes: [u8; HEADER], length: usize },
    /// In the payload of a frame.
    Payload { text: bool, left: u64 },
    /// Not known, for good.
    Lost,
}

/// What is told of the frames that pass.
pub(super) trait Frames {
    /// A part of a text's payload, in order.
    fn part(&mut self, payload: &[u8]);
    /// The text is complete.
    fn end(&mut self);
}

impl Place {
    const BOUNDARY: Self = Self::Header { bytes: [0; HEADER], length: 0 };

    /// The next response changes the protocol.
    pub(super) fn expect_frames(&mut self) {
        *self = match self {
            Self::Http => Self::Head { begun: 0, ended: 0 },
            _ => Self::Lost,
        };
    }

    /// Between two frames.
    pub(super) const fn is_boundary(&self) -> bool {
        matches!(self, Self::Header { length: 0, .. })
    }

    /// In plain HTTP, of which nothing is to be followed.
    pub(super) const fn is_http(&self) -> bool {
        matches!(self, Self::Http)
    }

    /// It is not known where frames end.
    pub(super) const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost)
    }

    /// These bytes were written.
    pub(super) fn pass(&mut self, mut written: &[u8], frames: &mut impl Frames) {
        while let Some((&first, rest)) = written.split_first() {
            match self {
                Self::Http | Self::Lost => return,
                Self::Head { begun, ended } => {
                    written = rest;
                    if *begun < SWITCHING.len() {
                        if first != SWITCHING[*begun] {
                            return *self = Self::Lost;
                        }
                        *begun += 1;
                    } else {
                        // The end has no beginning in itself but its first byte.
                        *ended = if first == END[*ended] { *ended + 1 } else { usize::from(first == END[0]) };
                        if *ended == END.len() {
                            *self = Self::BOUNDARY;
                        }
                    }
                }
                Self::Header { bytes, length } => {
                    written = rest;
                    bytes[*length] = first;
                    *length += 1;
                    if let Some(next) = begin(&bytes[..*length]) {
                        *self = next;
                        self.end_of_frame(frames);
                    }
                }
                Self::Payload { text, left } => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(written.len());
                    let (part, rest) = written.split_at(here);
                    if *text {
                        frames.part(part);
                    }
                    *left -= part.len() as u64;
                    written = rest;
                    self.end_of_frame(frames);
                }
            }
        }
    }

    fn end_of_frame(&mut self, frames: &mut impl Frames) {
        if let Self::Payload { text, left: 0 } = *self {
            *self = Self::BOUNDARY;
            if text {
                frames.end();
            }
        }
    }
}

/// What follows a header, if it is complete.
fn begin(header: &[u8]) -> Option<Place> {
    let (&kind, rest) = header.split_first()?;
    let (&size, longer) = rest.split_first()?;
    let left = match size {
        0..126 => u64::from(size),
        126 => u16::from_be_bytes(longer.try_into().ok()?).into(),
        127 => u64::from_be_bytes(longer.try_into().ok()?),
        // A server does not mask.
        _ => return Some(Place::Lost),
    };
    // Nothing may be put between the frames of one message, nor after the close.
    if kind & FINAL == 0 || kind == CLOSE {
        return Some(Place::Lost);
    }
    Some(Place::Payload { text: kind == TEXT, left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Texts {
        open: Vec<u8>,
        done: Vec<String>,
    }

    impl Frames for Texts {
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

    fn follow(written: &[u8], step: usize) -> (Place, Texts) {
        let (mut place, mut texts) = (Place::default(), Texts::default());
        place.pass(b"HTTP/1.1 200 OK\r\n\r\n{}", &mut texts);
        place.expect_frames();
        for part in written.chunks(step) {
            place.pass(part, &mut texts);
        }
        (place, texts)
    }

    #[test]
    fn frames_are_followed_however_they_are_cut() {
        let texts = ["", "2", &"a".repeat(125), &"b".repeat(126), &"c".repeat(70_000)];
        let mut written = HEAD.to_vec();
        for text in texts {
            written.extend(frame(TEXT, text.as_bytes()));
            written.extend(frame(0x89, b"ping"));
        }
        for step in [1, 2, 3, 7, 64, 1000, written.len()] {
            let (place, followed) = follow(&written, step);
            assert!(place.is_boundary(), "{step}: {place:?}");
            assert_eq!(followed.done, texts, "{step}");
        }
    }

    #[test]
    fn only_the_end_of_a_frame_is_a_boundary() {
        let text = frame(TEXT, b"42[]");
        for cut in 1..text.len() {
            let (place, _) = follow(&[HEAD, &text[..cut]].concat(), 1);
            assert!(!place.is_boundary(), "{cut}");
        }
        for cut in 0..HEAD.len() {
            assert!(!follow(&HEAD[..cut], 1).0.is_boundary(), "{cut}");
        }
    }

    #[test]
    fn what_is_not_as_expected_is_not_followed() {
        let head = |head: &str| format!("{head}\r\n\r\n").into_bytes();
        for (written, why) in [
            (head("HTTP/1.1 200 OK"), "another response comes first"),
            (head("HTTP/2 101 "), "another protocol"),
            ([HEAD, &frame(0x01, b"4")].concat(), "a part of a message"),
            ([HEAD, &frame(CLOSE, b"")].concat(), "the end"),
            ([HEAD, &[TEXT, 0x81, 0, 0, 0, 0, 0]].concat(), "a masked frame"),
        ] {
            let (mut place, mut texts) = follow(&written, 5);
            assert!(matches!(place, Place::Lost), "{why}: {place:?}");
            place.pass(&frame(TEXT, b"42"), &mut texts);
            assert!(texts.done.is_empty() && !place.is_boundary(), "{why}");
        }
        let mut twice = follow(HEAD, 1).0;
        twice.expect_frames();
        assert!(matches!(twice, Place::Lost));
    }
}
