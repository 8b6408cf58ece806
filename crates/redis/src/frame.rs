//! The format of a message on the channel: a batch of signals as JSON, with the id of the sending node.

use allynet_domain::{NodeId, Signal};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize)]
struct OutgoingFrame<'a> {
    from: NodeId,
    signals: &'a [Signal],
}

#[derive(Deserialize)]
struct IncomingFrame {
    from: NodeId,
    signals: Vec<Value>,
}

/// Encodes a batch. An empty one is valid: its echo shows that the connection works.
pub(crate) fn encode(from: NodeId, signals: &[Signal]) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&OutgoingFrame { from, signals })
}

/// Decodes a batch, or returns `None` if the bytes are no frame. Skips signals of kinds that only a later version knows.
pub(crate) fn decode(frame: &[u8]) -> Option<(NodeId, Vec<Signal>)> {
    let IncomingFrame { from, signals } = serde_json::from_slice(frame).ok()?;
    Some((from, signals.into_iter().filter_map(|signal| serde_json::from_value(signal).ok()).collect()))
}

#[cfg(test)]
mod tests {
    use allynet_domain::{Announcement, Position, Timestamp};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn signals_survive_encoding() {
        let node = Uuid::from_u128(1).into();
        let position = Position::new(52.520_007, -13.404_954).unwrap();
        let signals = [
            Signal::Moved { user: Uuid::from_u128(2).into(), position, at: Timestamp::UNIX_EPOCH },
            Signal::Presence { node, count: 3, news: Announcement::Heartbeat },
        ];
        assert_eq!(decode(&encode(node, &signals).unwrap()), Some((node, signals.to_vec())));
        assert_eq!(decode(&encode(node, &[]).unwrap()), Some((node, vec![])));
    }

    #[test]
    fn unknown_signals_and_invalid_frames_are_skipped() {
        let node: NodeId = Uuid::from_u128(1).into();
        let heartbeat =
            format!(r#"{{"kind":"presence","node":"{node}","count":3,"news":{{"news":"heartbeat"}},"more":1}}"#);
        let frame = format!(r#"{{"from":"{node}","signals":[{{"kind":"tea"}},7,{heartbeat}],"version":2}}"#);
        let expected = Signal::Presence { node, count: 3, news: Announcement::Heartbeat };
        assert_eq!(decode(frame.as_bytes()), Some((node, vec![expected])));
        for nonsense in [&b""[..], b"{}", b"\xff", b"[1]", br#"{"from":"me","signals":[]}"#] {
            assert_eq!(decode(nonsense), None);
        }
    }
}
