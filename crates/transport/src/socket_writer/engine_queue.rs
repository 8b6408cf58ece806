//! Counter of the packets that wait in the queue of the engine, derived from what is written to the connection.
//!
//! The queue belongs to the engine and cannot be inspected, but it keeps order. Once a packet with a unique payload, the
//! *marker*, was seen leaving, everything queued before it has left, and the rest is known by counting.

use bytes::Bytes;

use super::frame_tracker::TextObserver;

/// Beginnings of the packets that are counted: Socket.IO events and acknowledgements, which only our sends produce. The engine
/// itself produces others, such as heartbeats.
const COUNTED_PREFIXES: [&[u8]; 2] = [b"42", b"43"];

/// Packets in the queue of the engine, and their bytes.
#[derive(Debug, Default)]
pub(super) struct EngineQueue {
    count: Count,
    bytes: usize,
    leaving: LeavingText,
}

#[derive(Debug, Default)]
enum Count {
    /// Unknown until a unique packet is queued.
    #[default]
    Unknown,
    /// An unknown number up to and including the marker, and this many after it.
    AfterMarker {
        marker: Bytes,
        after: usize,
    },
    Known(usize),
}

/// Text message that is being written.
#[derive(Debug, Default)]
struct LeavingText {
    length: usize,
    first: [u8; 2],
    /// What was written of it equals the beginning of the marker.
    matches_marker: bool,
}

impl EngineQueue {
    /// Whether the queue is known to be empty.
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self.count, Count::Known(0))
    }

    /// Whether it is unknown what is in the queue, and not expected to become known with what is in it.
    pub(super) const fn is_unknown(&self) -> bool {
        matches!(self.count, Count::Unknown)
    }

    /// Number of bytes in the queue, as far as known.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds bytes of packets that were queued before this queue was tracked.
    pub(super) const fn add_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Records that a packet was queued. A unique one becomes the marker if the count is unknown.
    pub(super) fn push(&mut self, payload: &Bytes, is_unique: bool) {
        self.bytes += payload.len();
        match &mut self.count {
            Count::Known(count) => *count += 1,
            Count::AfterMarker { after, .. } => *after += 1,
            Count::Unknown if is_unique => self.set_marker(payload),
            Count::Unknown => {}
        }
    }

    /// Makes the last packet that was queued the marker, whose payload is unique. Packets before it count no more.
    pub(super) fn set_marker(&mut self, payload: &Bytes) {
        // A text that is being written now was queued before, even if it begins like the marker.
        self.leaving.matches_marker = false;
        self.count = Count::AfterMarker { marker: payload.clone(), after: 0 };
    }
}

impl TextObserver for EngineQueue {
    fn part(&mut self, payload: &[u8]) {
        let LeavingText { length, first, matches_marker } = &mut self.leaving;
        for (index, byte) in payload.iter().enumerate().take(2usize.saturating_sub(*length)) {
            first[*length + index] = *byte;
        }
        let end = *length + payload.len();
        if let Count::AfterMarker { marker, .. } = &self.count {
            *matches_marker = (*length == 0 || *matches_marker) && marker.get(*length..end) == Some(payload);
        }
        *length = end;
    }

    fn end(&mut self) {
        let LeavingText { length, first, matches_marker } = std::mem::take(&mut self.leaving);
        if length < 2 || !COUNTED_PREFIXES.contains(&&first[..]) {
            return;
        }
        self.bytes = self.bytes.saturating_sub(length);
        match &mut self.count {
            Count::AfterMarker { marker, after } if matches_marker && marker.len() == length => {
                self.count = Count::Known(*after);
            }
            Count::Known(count) => *count = count.saturating_sub(1),
            Count::AfterMarker { .. } | Count::Unknown => {}
        }
        if self.is_empty() {
            // The engine adds to some packets, such as the id of an acknowledgement: differences must not add up.
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Bytes = Bytes::from_static(br#"42/emergencies,["session:ready",{"serverTime":1}]"#);
    const EVENT: Bytes = Bytes::from_static(br#"42/emergencies,["emergency:ended",{"eventId":1}]"#);

    fn leaves(queue: &mut EngineQueue, payload: &[u8], step: usize) {
        payload.chunks(step).for_each(|part| queue.part(part));
        queue.end();
    }

    #[test]
    fn the_count_is_unknown_until_a_unique_packet_has_left() {
        for step in [1, 2, 5, 1000] {
            let mut queue = EngineQueue::default();
            queue.push(&EVENT, false);
            leaves(&mut queue, &EVENT, step);
            assert!(!queue.is_empty());
            queue.push(&READY, true);
            queue.push(&EVENT, true);
            queue.push(&EVENT, false);
            assert!(!queue.is_empty());
            leaves(&mut queue, b"40/emergencies,{}", step);
            leaves(&mut queue, &READY[..READY.len() - 1], step);
            leaves(&mut queue, &[&READY, &b" "[..]].concat(), step);
            assert!(!queue.is_empty());
            leaves(&mut queue, &READY, step);
            assert!(!queue.is_empty(), "two were queued after it");
            leaves(&mut queue, b"2", step);
            leaves(&mut queue, &EVENT, step);
            assert!(!queue.is_empty());
            leaves(&mut queue, &EVENT, step);
            assert!(queue.is_empty());
        }
    }

    #[test]
    fn a_known_queue_is_counted() {
        let mut queue = EngineQueue::default();
        queue.push(&READY, true);
        leaves(&mut queue, &READY, 9);
        assert!(queue.is_empty());
        queue.push(&EVENT, true);
        queue.push(&EVENT, true);
        assert_eq!(queue.bytes(), 2 * EVENT.len());
        leaves(&mut queue, b"3probe", 9);
        leaves(&mut queue, &EVENT, 9);
        assert!(!queue.is_empty());
        leaves(&mut queue, b"43/emergencies,1[]", 9);
        assert!(queue.is_empty());
        assert_eq!(queue.bytes(), 0, "a difference in length does not add up");
    }

    #[test]
    fn a_new_session_on_the_same_connection_has_its_own_marker() {
        let mut queue = EngineQueue::default();
        queue.push(&EVENT, true);
        leaves(&mut queue, &EVENT, 9);
        assert!(queue.is_empty());
        queue.push(&READY, true);
        queue.set_marker(&READY);
        leaves(&mut queue, &EVENT, 9);
        assert!(!queue.is_empty());
        leaves(&mut queue, &READY, 9);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_packet_that_is_leaving_when_the_marker_is_set_is_not_the_marker() {
        let mut queue = EngineQueue::default();
        queue.part(&READY[..10]);
        queue.push(&READY, true);
        queue.part(&READY[10..]);
        queue.end();
        assert!(!queue.is_empty());
        leaves(&mut queue, &READY, 9);
        assert!(queue.is_empty());
    }
}
