//! Socket.IO packets as WebSocket frames, encoded once and shared by all receivers.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

/// Engine.IO message (`4`) with a Socket.IO event (`2`).
const EVENT: &[u8] = b"42";
/// Engine.IO message (`4`) with a Socket.IO acknowledgement (`3`).
const ACKNOWLEDGEMENT: &[u8] = b"43";

/// Longest header of an unmasked frame: two bytes and a length of eight.
const MAX_HEADER_LENGTH: usize = 10;
/// First byte of a text message that is one frame.
const FINAL_TEXT_FRAME: u8 = 0x81;
/// Initial capacity, in bytes, which holds most packets.
const INITIAL_CAPACITY: usize = 512;

/// Socket.IO namespace, which encodes the packets that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Namespace(&'static str);

impl Namespace {
    /// A namespace other than the main one. The path begins with a slash and contains no comma.
    pub const fn new(path: &'static str) -> Self {
        Self(path)
    }

    /// Path of the namespace.
    pub const fn path(self) -> &'static str {
        self.0
    }

    /// Encodes an event with one argument.
    ///
    /// # Errors
    ///
    /// If the argument cannot be serialized.
    pub fn event(self, name: &str, argument: &impl Serialize) -> serde_json::Result<Packet> {
        Packet::encode(|text| {
            self.begin(text, EVENT);
            text.push(b'[');
            serde_json::to_writer(&mut *text, name)?;
            text.push(b',');
            let offset = text.len();
            serde_json::to_writer(text, argument).map(|()| offset)
        })
    }

    /// Encodes the acknowledgement of an event to which the client gave this id.
    ///
    /// # Errors
    ///
    /// If the argument cannot be serialized.
    pub fn acknowledgement(self, id: i64, argument: &impl Serialize) -> serde_json::Result<Packet> {
        Packet::encode(|text| {
            self.begin(text, ACKNOWLEDGEMENT);
            text.extend_from_slice(id.to_string().as_bytes());
            text.push(b'[');
            let offset = text.len();
            serde_json::to_writer(text, argument).map(|()| offset)
        })
    }

    fn begin(self, text: &mut Vec<u8>, kind: &[u8]) {
        text.extend_from_slice(kind);
        text.extend_from_slice(self.0.as_bytes());
        text.push(b',');
    }
}

/// Socket.IO packet in a text frame of a server. A clone shares its memory.
#[derive(Debug, Clone)]
pub struct Packet {
    frame: Bytes,
    /// Length of the frame's header.
    header: usize,
    /// Offset of the argument in the frame.
    argument: usize,
}

impl Packet {
    /// Encodes a packet with one allocation: room for the longest header is left before the payload, and what the header does
    /// not need is sliced off. `write` returns the offset of the argument.
    fn encode(write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<usize>) -> serde_json::Result<Self> {
        let mut bytes = Vec::with_capacity(INITIAL_CAPACITY);
        bytes.resize(MAX_HEADER_LENGTH, 0);
        let argument = write(&mut bytes)?;
        bytes.push(b']');
        let length = bytes.len() - MAX_HEADER_LENGTH;
        let mut size = [0; MAX_HEADER_LENGTH - 1];
        let size = match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length @ 0..126), _) => {
                size[0] = length;
                &size[..1]
            }
            (_, Ok(length)) => {
                size[0] = 126;
                size[1..3].copy_from_slice(&length.to_be_bytes());
                &size[..3]
            }
            _ => {
                size[0] = 127;
                size[1..].copy_from_slice(&(length as u64).to_be_bytes());
                &size[..]
            }
        };
        let begin = MAX_HEADER_LENGTH - 1 - size.len();
        bytes[begin] = FINAL_TEXT_FRAME;
        bytes[begin + 1..MAX_HEADER_LENGTH].copy_from_slice(size);
        let (header, argument) = (MAX_HEADER_LENGTH - begin, argument - begin);
        Ok(Self { frame: Bytes::from(bytes).slice(begin..), header, argument })
    }

    /// The whole frame.
    pub const fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// Payload of the frame: the packet as text.
    pub fn payload(&self) -> Bytes {
        self.frame.slice(self.header..)
    }

    /// Argument of the event or acknowledgement, as JSON.
    ///
    /// # Errors
    ///
    /// Never in practice, since what was serialized parses.
    pub fn argument(&self) -> serde_json::Result<&RawValue> {
        serde_json::from_slice(&self.frame[self.argument..self.frame.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAMESPACE: Namespace = Namespace::new("/emergencies");

    #[test]
    fn packets_have_the_text_form_of_socket_io() {
        let event = NAMESPACE.event("error", &json!({ "a": "\"" })).unwrap();
        assert_eq!(event.payload(), r#"42/emergencies,["error",{"a":"\""}]"#);
        assert_eq!(event.argument().unwrap().get(), r#"{"a":"\""}"#);
        assert_eq!(event.frame()[..2], [FINAL_TEXT_FRAME, u8::try_from(event.payload().len()).unwrap()]);
        let acknowledgement = NAMESPACE.acknowledgement(17, &json!({ "ok": true })).unwrap();
        assert_eq!(acknowledgement.payload(), r#"43/emergencies,17[{"ok":true}]"#);
    }

    #[test]
    fn the_header_of_a_frame_has_the_shortest_form_of_its_length() {
        let around = r#"42/emergencies,["e",""]"#.len();
        for (length, header) in [
            (125, vec![FINAL_TEXT_FRAME, 125]),
            (126, vec![FINAL_TEXT_FRAME, 126, 0, 126]),
            (65_535, vec![FINAL_TEXT_FRAME, 126, 0xff, 0xff]),
            (65_536, vec![FINAL_TEXT_FRAME, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let packet = NAMESPACE.event("e", &"a".repeat(length - around)).unwrap();
            assert_eq!(packet.payload().len(), length);
            assert_eq!(packet.frame()[..header.len()], header);
            assert_eq!(packet.frame().len(), header.len() + length);
        }
    }
}
