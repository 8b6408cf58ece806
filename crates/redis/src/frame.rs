//! How signals travel: several at once, as JSON, with the node that sends them.

use allynet_domain::{NodeId, Signal};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize)]
struct Sent<'a> {
    from: NodeId,
    signals: &'a [Signal],
}

#[derive(Deserialize)]
struct Received {
    from: NodeId,
    signals: Vec<Value>,
}

/// Signals of a node as they are published. None at all are a frame too: it says that the way is open.
pub(crate) fn write(from: NodeId, signals: &[Signal]) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Sent { from, signals })
}

/// Who sent what. Signals of a kind that only a later version knows are passed over; what is no frame is nobody's.
pub(crate) fn read(frame: &[u8]) -> Option<(NodeId, Vec<Signal>)> {
    let Received { from, signals } = serde_json::from_slice(frame).ok()?;
    Some((from, signals.into_iter().filter_map(|signal| serde_json::from_value(signal).ok()).collect()))
}

#[cfg(test)]
mod tests {
    use allynet_domain::{Announcement, Position, Timestamp};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn signals_arrive_as_they_were_sent() {
        let node = Uuid::from_u128(1).into();
        let position = Position::new(52.520_007, -13.404_954).unwrap();
        let signals = [
            Signal::Moved { user: Uuid::from_u128(2).into(), position, at: Timestamp::UNIX_EPOCH },
            Signal::Presence { node, count: 3, news: Announcement::Alive },
        ];
        assert_eq!(read(&write(node, &signals).unwrap()), Some((node, signals.to_vec())));
        assert_eq!(read(&write(node, &[]).unwrap()), Some((node, vec![])));
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let node: NodeId = Uuid::from_u128(1).into();
        let alive = format!(r#"{{"kind":"presence","node":"{node}","count":3,"news":{{"news":"alive"}},"more":1}}"#);
        let frame = format!(r#"{{"from":"{node}","signals":[{{"kind":"tea"}},7,{alive}],"version":2}}"#);
        let expected = Signal::Presence { node, count: 3, news: Announcement::Alive };
        assert_eq!(read(frame.as_bytes()), Some((node, vec![expected])));
        for nonsense in [&b""[..], b"{}", b"\xff", b"[1]", br#"{"from":"me","signals":[]}"#] {
            assert_eq!(read(nonsense), None);
        }
    }
}
