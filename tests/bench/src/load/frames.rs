//! WebSocket frames (RFC 6455 §5.2) for a client: only what the measured servers use.

use std::ops::Range;

const FINAL_BIT: u8 = 0x80;
const MASKED_BIT: u8 = 0x80;
const TEXT_OPCODE: u8 = 0x1;
const CLOSE_OPCODE: u8 = 0x8;
const PING_OPCODE: u8 = 0x9;
const PONG_OPCODE: u8 = 0xA;
/// Values of the length field: the length follows in two or eight bytes.
const TWO_BYTES: u8 = 0x7E;
const EIGHT_BYTES: u8 = 0x7F;

/// A received frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Ping,
    Pong,
    Close,
}

/// A frame that no measured server sends: a fragment, a binary message, or a masked frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unexpected(u8);

/// The first frame of `bytes` and the range of its payload; `None` if it is incomplete.
pub(crate) fn first(bytes: &[u8]) -> Result<Option<(Kind, Range<usize>)>, Unexpected> {
    let &[head, length, ref rest @ ..] = bytes else { return Ok(None) };
    if head & FINAL_BIT == 0 || length & MASKED_BIT != 0 {
        return Err(Unexpected(head));
    }
    let kind = match head & 0x0F {
        TEXT_OPCODE => Kind::Text,
        CLOSE_OPCODE => Kind::Close,
        PING_OPCODE => Kind::Ping,
        PONG_OPCODE => Kind::Pong,
        _ => return Err(Unexpected(head)),
    };
    let (start, length) = match (length, rest) {
        (TWO_BYTES, &[a, b, ..]) => (4, usize::from(u16::from_be_bytes([a, b]))),
        // A length of more than four bytes would not fit into an Engine.IO packet.
        (EIGHT_BYTES, &[0, 0, 0, 0, a, b, c, d, ..]) => (10, u32::from_be_bytes([a, b, c, d]) as usize),
        (TWO_BYTES | EIGHT_BYTES, _) => return Ok(None),
        (short, _) => (2, usize::from(short)),
    };
    let payload = start..start + length;
    Ok((bytes.len() >= payload.end).then_some((kind, payload)))
}

/// Appends a text frame. Clients must mask (§5.3); a key of zeros leaves the text as it is.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(FINAL_BIT | TEXT_OPCODE);
    match u16::try_from(text.len()) {
        Ok(length @ ..126) => out.push(MASKED_BIT | length.to_le_bytes()[0]),
        Ok(length) => {
            out.push(MASKED_BIT | TWO_BYTES);
            out.extend(length.to_be_bytes());
        }
        Err(_) => {
            out.push(MASKED_BIT | EIGHT_BYTES);
            out.extend((text.len() as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(text);
}

/// Appends the pong that answers a WebSocket ping.
pub(crate) fn write_pong(out: &mut Vec<u8>, payload: &[u8]) {
    // A control frame's payload is at most 125 bytes long (§5.5).
    let length = u8::try_from(payload.len().min(125)).unwrap_or(125);
    out.extend([FINAL_BIT | PONG_OPCODE, MASKED_BIT | length, 0, 0, 0, 0]);
    out.extend(&payload[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_server(length: usize) -> Vec<u8> {
        let mut frame = Vec::new();
        write_text(&mut frame, &vec![b'x'; length]);
        let mask = frame.len() - length - 4;
        frame.drain(mask..mask + 4);
        frame[1] &= !MASKED_BIT;
        frame
    }

    #[test]
    fn a_frame_of_any_length_is_read_as_it_was_written() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let frame = from_server(length);
            let (kind, payload) = first(&frame).unwrap().unwrap();
            assert_eq!((kind, payload.len(), payload.end), (Kind::Text, length, frame.len()));
        }
    }

    #[test]
    fn a_frame_that_is_cut_short_anywhere_is_waited_for() {
        let frame = from_server(300);
        for cut in 0..frame.len() {
            assert_eq!(first(&frame[..cut]), Ok(None), "{cut}");
        }
    }

    #[test]
    fn what_follows_a_frame_is_left_alone() {
        let frames = [from_server(3), from_server(200)].concat();
        assert_eq!(first(&frames).unwrap().unwrap().1, 2..5);
    }

    #[test]
    fn fragments_and_binary_frames_are_refused() {
        assert_eq!(first(&[TEXT_OPCODE, 0]), Err(Unexpected(TEXT_OPCODE)));
        assert_eq!(first(&[FINAL_BIT | 0x2, 0]), Err(Unexpected(FINAL_BIT | 0x2)));
    }

    #[test]
    fn a_ping_is_answered_with_what_it_said() {
        let mut out = Vec::new();
        write_pong(&mut out, b"hi");
        assert_eq!(out, [FINAL_BIT | PONG_OPCODE, MASKED_BIT | 2, 0, 0, 0, 0, b'h', b'i']);
    }
}
