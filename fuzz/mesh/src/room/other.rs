//! The other end of a link, which keeps to the protocol unless the input says otherwise.

use huddle_id::PeerId;

use crate::core::{
    LinkId,
    control::Control,
    identity::is_controller,
    sdp::{Description, Setup, Tag},
    signal::{self, Signal},
};
use crate::signaling_id::SignalingId;

/// The variant of the answers that others give.
const ANSWER: u8 = 255;
/// The fingerprint of the room's own certificate.
pub(super) const LOCAL: [u8; 32] = [0x40; 32];

/// The other end of a link, and how far the link has come.
pub(super) struct Other {
    pub(super) link: LinkId,
    /// Their offer; otherwise the room makes one.
    pub(super) offered: Option<Description>,
    /// The fingerprint of their certificate.
    fingerprint: Option<[u8; 32]>,
    /// To whom the room sent its description, and with which tag.
    pub(super) described: Option<(SignalingId, Option<Tag>)>,
    pub(super) opened: bool,
    answered: bool,
    confirmed: bool,
}

impl Other {
    pub(super) fn new(link: LinkId, offered: Option<Description>) -> Self {
        Self {
            link,
            fingerprint: offered.as_ref().map(|offer| offer.fingerprint),
            offered,
            described: None,
            opened: false,
            answered: false,
            confirmed: false,
        }
    }

    /// The answer to the room's offer, once, as the server brings it.
    pub(super) fn answer(
        &mut self,
        fingerprint: impl FnOnce(SignalingId) -> [u8; 32],
    ) -> Option<String> {
        let (sid, tag) = self.described?;
        if self.offered.is_some() || std::mem::replace(&mut self.answered, true) {
            return None;
        }
        let fingerprint = fingerprint(sid);
        self.fingerprint = Some(fingerprint);
        let mut answer = description(Setup::Active, ANSWER, fingerprint);
        answer.tag = tag;
        let request = signal::request(sid, &Signal::Answer(answer));
        Some(request.replacen("receiver", "sender", 1))
    }

    /// The message that puts the link to use; a ping after that.
    pub(super) fn next_message(&mut self) -> Option<Control> {
        let other = PeerId::of_certificate(&self.fingerprint?);
        if std::mem::replace(&mut self.confirmed, true) {
            return Some(Control::Ping(1));
        }
        Some(match is_controller(other, PeerId::of_certificate(&LOCAL)) {
            true => Control::Use,
            false => Control::Ready,
        })
    }
}

/// What the room's platform says of its side of a link.
pub(super) fn room_description(link: LinkId, setup: Setup) -> Description {
    description(setup, link.0 as u8, LOCAL)
}

/// A description that differs from others in its ICE name.
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
