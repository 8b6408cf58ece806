//! What of our packets is still in the queue of the transport, told from what leaves.
//!
//! The queue belongs to the transport and says nothing. But it keeps order: once a packet that is unlike all others was
//! seen leaving, everything before it has left, and from then on it is enough to count.

use bytes::Bytes;

use super::outline::Frames;

/// How Socket.IO packets begin that are events or acknowledgements: nothing but our emits makes those.
const OURS: [&[u8]; 2] = [b"42", b"43"];

/// What is in the queue, and how many bytes of it.
#[derive(Debug, Default)]
pub(super) struct Queued {
    what: What,
    bytes: usize,
    passing: Passing,
}

#[derive(Debug, Default)]
enum What {
    /// Not known.
    #[default]
    Unknown,
    /// Up to this packet, and so many after it.
    Behind { marker: Bytes, after: usize },
    /// So many packets.
    Known(usize),
}

/// The text that is being written.
#[derive(Debug, Default)]
struct Passing {
    length: usize,
    first: [u8; 2],
    /// It is the marker as far as it was seen.
    is_marker: bool,
}

impl Queued {
    /// Whether nothing of ours is waiting.
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self.what, What::Known(0))
    }

    /// How many bytes are waiting, as far as is known.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// So much is waiting that was queued before this was followed.
    pub(super) const fn owe(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// A packet of this payload was queued. A unique one tells, when it leaves, that all before it has left.
    pub(super) fn push(&mut self, payload: &Bytes, is_unique: bool) {
        self.bytes += payload.len();
        match &mut self.what {
            What::Known(count) => *count += 1,
            What::Behind { after, .. } => *after += 1,
            What::Unknown if is_unique => self.mark(payload),
            What::Unknown => {}
        }
    }

    /// The last packet that was queued is unique, and what came before it is not what is counted.
    pub(super) fn mark(&mut self, payload: &Bytes) {
        self.passing.is_marker = false;
        self.what = What::Behind { marker: payload.clone(), after: 0 };
    }
}

impl Frames for Queued {
    fn part(&mut self, payload: &[u8]) {
        let Passing { length, first, is_marker } = &mut self.passing;
        for (index, byte) in payload.iter().enumerate().take(2usize.saturating_sub(*length)) {
            first[*length + index] = *byte;
        }
        let end = *length + payload.len();
        if let What::Behind { marker, .. } = &self.what {
            *is_marker = (*length == 0 || *is_marker) && marker.get(*length..end) == Some(payload);
        }
        *length = end;
    }

    fn end(&mut self) {
        let Passing { length, first, is_marker } = std::mem::take(&mut self.passing);
        if length < 2 || !OURS.contains(&&first[..]) {
            return;
        }
        self.bytes = self.bytes.saturating_sub(length);
        match &mut self.what {
            What::Behind { marker, after } if is_marker && marker.len() == length => self.what = What::Known(*after),
            What::Known(count) => *count = count.saturating_sub(1),
            What::Behind { .. } | What::Unknown => {}
        }
        if self.is_empty() {
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Bytes = Bytes::from_static(br#"42/emergencies,["session:ready",{"serverTime":1}]"#);
    const EVENT: Bytes = Bytes::from_static(br#"42/emergencies,["emergency:ended",{"eventId":1}]"#);

    fn leaves(queued: &mut Queued, payload: &[u8], step: usize) {
        payload.chunks(step).for_each(|part| queued.part(part));
        queued.end();
    }

    #[test]
    fn nothing_is_known_before_a_packet_that_is_unlike_all_others_has_left() {
        for step in [1, 2, 5, 1000] {
            let mut queued = Queued::default();
            queued.push(&EVENT, false);
            leaves(&mut queued, &EVENT, step);
            assert!(!queued.is_empty());
            queued.push(&READY, true);
            queued.push(&EVENT, true);
            queued.push(&EVENT, false);
            assert!(!queued.is_empty());
            leaves(&mut queued, b"40/emergencies,{}", step);
            leaves(&mut queued, &READY[..READY.len() - 1], step);
            leaves(&mut queued, &[&READY, &b" "[..]].concat(), step);
            assert!(!queued.is_empty());
            leaves(&mut queued, &READY, step);
            assert!(!queued.is_empty(), "two came after it");
            leaves(&mut queued, b"2", step);
            leaves(&mut queued, &EVENT, step);
            assert!(!queued.is_empty());
            leaves(&mut queued, &EVENT, step);
            assert!(queued.is_empty());
        }
    }

    #[test]
    fn what_is_known_is_counted() {
        let mut queued = Queued::default();
        queued.push(&READY, true);
        leaves(&mut queued, &READY, 9);
        assert!(queued.is_empty());
        queued.push(&EVENT, true);
        queued.push(&EVENT, true);
        assert_eq!(queued.bytes(), 2 * EVENT.len());
        leaves(&mut queued, b"3probe", 9);
        leaves(&mut queued, &EVENT, 9);
        assert!(!queued.is_empty());
        leaves(&mut queued, b"43/emergencies,1[]", 9);
        assert!(queued.is_empty());
        assert_eq!(queued.bytes(), 0, "a difference does not add up");
    }

    #[test]
    fn a_new_session_on_the_same_transport_is_known_by_its_own_first_packet() {
        let mut queued = Queued::default();
        queued.push(&EVENT, true);
        leaves(&mut queued, &EVENT, 9);
        assert!(queued.is_empty());
        queued.push(&READY, true);
        queued.mark(&READY);
        leaves(&mut queued, &EVENT, 9);
        assert!(!queued.is_empty());
        leaves(&mut queued, &READY, 9);
        assert!(queued.is_empty());
    }

    #[test]
    fn a_marker_that_is_set_while_a_packet_leaves_is_not_that_packet() {
        let mut queued = Queued::default();
        queued.part(&READY[..10]);
        queued.push(&READY, true);
        queued.part(&READY[10..]);
        queued.end();
        assert!(!queued.is_empty());
        leaves(&mut queued, &READY, 9);
        assert!(queued.is_empty());
    }
}
