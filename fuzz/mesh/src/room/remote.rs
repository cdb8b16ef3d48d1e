//! The remote side of a link. It takes honest steps on request.

use huddle_id::PeerId;

use crate::core::{
    LinkId,
    control::Control,
    identity::is_controller,
    sdp::{Description, Setup, Tag},
    signal::{self, Signal},
};
use crate::signaling_id::SignalingId;

/// The variant of a remote peer's answers.
const ANSWER: u8 = 255;
/// The fingerprint of the room's own certificate.
pub(super) const LOCAL: [u8; 32] = [0x40; 32];

/// The remote side of a link.
pub(super) struct Remote {
    pub(super) link: LinkId,
    /// The remote peer's offer. `None` if the room makes the offer.
    pub(super) offered: Option<Description>,
    /// The fingerprint of the remote peer's certificate.
    fingerprint: Option<[u8; 32]>,
    /// The receiver and the tag of the room's description, after the room has sent it.
    pub(super) described: Option<(SignalingId, Option<Tag>)>,
    pub(super) is_open: bool,
    has_answered: bool,
    has_confirmed: bool,
}

impl Remote {
    pub(super) fn new(link: LinkId, offered: Option<Description>) -> Self {
        Self {
            link,
            fingerprint: offered.as_ref().map(|offer| offer.fingerprint),
            offered,
            described: None,
            is_open: false,
            has_answered: false,
            has_confirmed: false,
        }
    }

    /// Returns the server's message with the answer to the room's offer, once. `fingerprint_of`
    /// returns the fingerprint of the peer with a signaling id.
    pub(super) fn answer(
        &mut self,
        fingerprint_of: impl FnOnce(SignalingId) -> [u8; 32],
    ) -> Option<String> {
        let (sid, tag) = self.described?;
        if self.offered.is_some() || std::mem::replace(&mut self.has_answered, true) {
            return None;
        }
        let fingerprint = fingerprint_of(sid);
        self.fingerprint = Some(fingerprint);
        let mut answer = description(Setup::Active, ANSWER, fingerprint);
        answer.tag = tag;
        let request = signal::request(sid, &Signal::Answer(answer));
        Some(request.replacen("receiver", "sender", 1))
    }

    /// Returns the message that starts the use of the link, once, and pings after that.
    pub(super) fn next_message(&mut self) -> Option<Control> {
        let peer_id = PeerId::of_certificate(&self.fingerprint?);
        if std::mem::replace(&mut self.has_confirmed, true) {
            return Some(Control::Ping(1));
        }
        Some(
            match is_controller(peer_id, PeerId::of_certificate(&LOCAL)) {
                true => Control::Use,
                false => Control::Ready,
            },
        )
    }
}

/// Returns the description of the room's side of a link.
pub(super) fn room_description(link: LinkId, setup: Setup) -> Description {
    description(setup, link.0 as u8, LOCAL)
}

/// Returns a description. Its ufrag depends on `variant`.
pub(super) fn description(setup: Setup, variant: u8, fingerprint: [u8; 32]) -> Description {
    Description {
        ufrag: format!("name{variant}"),
        pwd: "0123456789012345678901".into(),
        fingerprint,
        setup,
        mid: "0".into(),
        sctp_port: 5000,
        max_message_size: 65_536,
        candidates: Vec::new(),
        tag: None,
    }
}
