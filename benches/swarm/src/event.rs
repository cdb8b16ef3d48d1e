//! The messages of a signaling server.

/// The id of a client, as the server writes it.
pub(crate) type Id = [u8; 36];

/// A message of a signaling server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    IdAssigned(Id),
    NewPeer(Id),
    PeerLeft(Id),
    Signal {
        sender: Id,
        data: &'a [u8],
    },
    /// An extension of `huddle-signaling`.
    Other,
}

impl<'a> Event<'a> {
    /// Parses a message. Both servers write JSON without spaces, and their fields in the same order,
    /// so this compares texts. A JSON parser would need more time than the server.
    pub(crate) fn parse(text: &'a [u8]) -> Self {
        let parse = || {
            let (name, rest) = split(text.strip_prefix(b"{\"")?, b"\":")?;
            Some(match name {
                b"IdAssigned" => Self::IdAssigned(id(rest)?.0),
                b"NewPeer" => Self::NewPeer(id(rest)?.0),
                b"PeerLeft" => Self::PeerLeft(id(rest)?.0),
                b"Signal" => {
                    let (sender, rest) = id(rest.strip_prefix(b"{\"sender\":")?)?;
                    let data = rest.strip_prefix(b",\"data\":")?;
                    let data = data.strip_suffix(b"}}")?;
                    Self::Signal { sender, data }
                }
                _ => Self::Other,
            })
        };
        parse().unwrap_or(Self::Other)
    }
}

fn split<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut windows = text.windows(separator.len());
    let at = windows.position(|window| window == separator)?;
    Some((&text[..at], &text[at + separator.len()..]))
}

/// Returns the id at the start of `text`, and the rest.
fn id(text: &[u8]) -> Option<(Id, &[u8])> {
    let (id, rest) = text.strip_prefix(b"\"")?.split_first_chunk()?;
    Some((*id, rest.strip_prefix(b"\"")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &Id = b"01234567-89ab-cdef-0123-456789abcdef";

    fn parse(text: &str) -> Event<'_> {
        Event::parse(text.as_bytes())
    }

    #[test]
    fn events_of_both_servers_are_parsed() {
        let id = std::str::from_utf8(ID).unwrap();
        let with = |name| format!("{{\"{name}\":\"{id}\"}}");
        assert_eq!(parse(&with("IdAssigned")), Event::IdAssigned(*ID));
        assert_eq!(parse(&with("NewPeer")), Event::NewPeer(*ID));
        assert_eq!(parse(&with("PeerLeft")), Event::PeerLeft(*ID));
        let signal = format!(r#"{{"Signal":{{"sender":"{id}","data":{{"Offer":"v=0"}}}}}}"#);
        let data: &[u8] = br#"{"Offer":"v=0"}"#;
        let sender = *ID;
        assert_eq!(parse(&signal), Event::Signal { sender, data });
    }

    #[test]
    fn other_messages_are_ignored() {
        for text in [
            "",
            "{\"",
            "\"KeepAlive\"",
            r#"{"NewPeer":"short"}"#,
            r#"{"Session":{"resume":"0123","timeout_ms":10000}}"#,
            r#"{"Signal":{"data":1}}"#,
        ] {
            assert_eq!(parse(text), Event::Other, "{text}");
        }
    }
}
