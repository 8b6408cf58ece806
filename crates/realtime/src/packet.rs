//! Socket.IO packets as WebSocket frames, written once for all who get them.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

/// How a packet of the namespace begins: an Engine.IO message with an event, or with an acknowledgement.
const EVENT: &[u8] = b"42/emergencies,";
const ACKNOWLEDGEMENT: &[u8] = b"43/emergencies,";

/// The longest header of a frame.
const HEADER: usize = 10;
/// The first byte of a text that is one frame.
const TEXT: u8 = 0x81;
/// What most payloads need at most.
const USUAL: usize = 512;

/// A text frame of a server, in memory that all its copies share.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    frame: Bytes,
    header: usize,
    /// Where what it says begins, behind its name.
    argument: usize,
}

impl Packet {
    /// An event with one payload.
    pub(crate) fn event(name: &str, payload: &impl Serialize) -> serde_json::Result<Self> {
        Self::written(|text| {
            text.extend_from_slice(EVENT);
            text.push(b'[');
            serde_json::to_writer(&mut *text, name)?;
            text.push(b',');
            let argument = text.len();
            serde_json::to_writer(text, payload).map(|()| argument)
        })
    }

    /// The acknowledgement of an event that the client gave a number.
    pub(crate) fn acknowledgement(number: i64, payload: &impl Serialize) -> serde_json::Result<Self> {
        Self::written(|text| {
            text.extend_from_slice(ACKNOWLEDGEMENT);
            text.extend_from_slice(number.to_string().as_bytes());
            text.push(b'[');
            let argument = text.len();
            serde_json::to_writer(text, payload).map(|()| argument)
        })
    }

    /// The header goes where room was left for it before the payload. `write` tells where the argument begins.
    fn written(write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<usize>) -> serde_json::Result<Self> {
        let mut bytes = Vec::with_capacity(USUAL);
        bytes.resize(HEADER, 0);
        let argument = write(&mut bytes)?;
        bytes.push(b']');
        let length = bytes.len() - HEADER;
        let mut size = [0; HEADER - 1];
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
        let begin = HEADER - 1 - size.len();
        bytes[begin] = TEXT;
        bytes[begin + 1..HEADER].copy_from_slice(size);
        let (header, argument) = (HEADER - begin, argument - begin);
        Ok(Self { frame: Bytes::from(bytes).slice(begin..), header, argument })
    }

    /// The frame.
    pub(crate) const fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// What is in it.
    pub(crate) fn payload(&self) -> Bytes {
        self.frame.slice(self.header..)
    }

    /// What it says, read anew.
    pub(crate) fn argument(&self) -> serde_json::Result<&RawValue> {
        serde_json::from_slice(&self.frame[self.argument..self.frame.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn packets_read_as_those_of_socket_io() {
        let event = Packet::event("error", &json!({ "a": "\"" })).unwrap();
        assert_eq!(event.payload(), r#"42/emergencies,["error",{"a":"\""}]"#);
        assert_eq!(event.argument().unwrap().get(), r#"{"a":"\""}"#);
        assert_eq!(event.frame()[..2], [TEXT, u8::try_from(event.payload().len()).unwrap()]);
        let acknowledgement = Packet::acknowledgement(17, &json!({ "ok": true })).unwrap();
        assert_eq!(acknowledgement.payload(), r#"43/emergencies,17[{"ok":true}]"#);
    }

    #[test]
    fn frames_say_how_long_they_are() {
        let around = EVENT.len() + br#"["e",""]"#.len();
        for (length, header) in [
            (125, vec![TEXT, 125]),
            (126, vec![TEXT, 126, 0, 126]),
            (65_535, vec![TEXT, 126, 0xff, 0xff]),
            (65_536, vec![TEXT, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let packet = Packet::event("e", &"a".repeat(length - around)).unwrap();
            assert_eq!(packet.payload().len(), length);
            assert_eq!(packet.frame()[..header.len()], header);
            assert_eq!(packet.frame().len(), header.len() + length);
        }
    }
}
