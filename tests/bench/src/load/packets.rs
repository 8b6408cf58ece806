//! The packets of Engine.IO 4 and Socket.IO 5 as text, distinguished by their first bytes without parsing JSON.

/// The prefix of every packet of the namespace, after its type.
const NAMESPACE: &[u8] = b"/emergencies,";

/// A packet from a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// To be answered with [`PONG`].
    Ping,
    /// `emergency:created` and the like.
    Event(Event<'a>),
    /// The handshake is refused, or the connection ended.
    Refused,
    /// Anything that needs no answer.
    Other,
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// Its name.
    pub(crate) name: &'a [u8],
    /// Its payload as JSON, with the brackets that follow it.
    pub(crate) payload: &'a [u8],
    /// The number of the requested acknowledgement; empty if none is requested.
    acknowledgement: &'a [u8],
}

/// The answer to [`Packet::Ping`].
pub(crate) const PONG: &[u8] = b"3";

/// Parses a packet.
pub(crate) fn read(text: &[u8]) -> Packet<'_> {
    match text {
        b"2" => Packet::Ping,
        b"1" | [b'4', b'1' | b'4', ..] => Packet::Refused,
        [b'4', b'2', rest @ ..] => event(rest).map_or(Packet::Other, Packet::Event),
        _ => Packet::Other,
    }
}

fn event(text: &[u8]) -> Option<Event<'_>> {
    let rest = text.strip_prefix(NAMESPACE)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (acknowledgement, array) = rest.split_at(digits);
    let name = array.strip_prefix(b"[\"")?;
    let end = name.iter().position(|&byte| byte == b'"')?;
    let (name, payload) = (&name[..end], name.get(end + 2..)?);
    Some(Event { name, payload, acknowledgement })
}

impl Event<'_> {
    /// The acknowledgement of an alert.
    pub(crate) fn answer(&self) -> Option<Vec<u8>> {
        if self.acknowledgement.is_empty() {
            return None;
        }
        Some([b"43", NAMESPACE, self.acknowledgement, b"[]"].concat())
    }
}

/// The packet that enters the namespace.
pub(crate) fn enter(token: &str) -> Vec<u8> {
    format!(r#"40/emergencies,{{"token":"{token}"}}"#).into_bytes()
}

/// A `location:update`.
pub(crate) fn location(latitude: f64, longitude: f64) -> Vec<u8> {
    format!(r#"42/emergencies,["location:update",{{"latitude":{latitude:.6},"longitude":{longitude:.6}}}]"#)
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_by_its_name() {
        let packet = read(br#"42/emergencies,["emergency:created",{"emergency":{"id":"x"}}]"#);
        let Packet::Event(event) = packet else { panic!("{packet:?}") };
        assert_eq!((event.name, event.answer()), (&b"emergency:created"[..], None));
        assert_eq!(event.payload, br#"{"emergency":{"id":"x"}}]"#);
    }

    #[test]
    fn an_alert_is_answered_by_its_number() {
        let packet = read(br#"42/emergencies,17["emergency:nearby",{}]"#);
        let Packet::Event(event) = packet else { panic!("{packet:?}") };
        assert_eq!(event.name, b"emergency:nearby");
        assert_eq!(event.answer().as_deref(), Some(&b"43/emergencies,17[]"[..]));
    }

    #[test]
    fn refusals_are_told_from_what_needs_no_answer() {
        assert_eq!(read(b"2"), Packet::Ping);
        assert_eq!(read(br#"44/emergencies,{"message":"no"}"#), Packet::Refused);
        assert_eq!(read(b"41/emergencies,"), Packet::Refused);
        assert_eq!(read(b"1"), Packet::Refused);
        for other in
            [&br#"0{"sid":"x"}"#[..], br#"40/emergencies,{"sid":"x"}"#, b"42/other,[\"x\"]", b"42/emergencies,{", b""]
        {
            assert_eq!(read(other), Packet::Other);
        }
    }
}
