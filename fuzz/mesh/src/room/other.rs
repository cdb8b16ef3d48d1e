//! Who is at the other end of a link, as far as they play along.

use std::collections::BTreeMap;

use huddle_id::PeerId;

use crate::core::{
    LinkId,
    control::{Control, Hello},
    identity::{self, Secret, Side, is_controller},
    sdp::{Description, Setup, Tag},
    signal::{self, Signal},
};
use crate::signaling_id::SignalingId;

/// The fingerprint variant of the answers that others give.
const ANSWER: u8 = 255;

/// The other end of a link, and how far the link has come.
pub(super) struct Other {
    pub(super) link: LinkId,
    /// Their offer; otherwise the room makes one.
    pub(super) offered: Option<Description>,
    /// Which player they say they are.
    pub(super) session: Option<PeerId>,
    /// To whom the room sent its description, and with which tag.
    pub(super) described: Option<(SignalingId, Option<Tag>)>,
    pub(super) opened: bool,
    answered: bool,
    /// How the room introduced itself.
    met: Option<Hello>,
    said: Said,
}

/// What they have said of themselves so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Hello,
    Proof,
    Use,
}

impl Other {
    pub(super) fn new(link: LinkId, offered: Option<Description>, session: Option<PeerId>) -> Self {
        Self {
            link,
            offered,
            session,
            described: None,
            opened: false,
            answered: false,
            met: None,
            said: Said::Nothing,
        }
    }

    /// The room says something on the link.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        if let Some(Control::Hello(hello)) = Control::decode(bytes) {
            self.met.get_or_insert(hello);
        }
    }

    /// The answer to the room's offer, once, as the server brings it.
    pub(super) fn answer(
        &mut self,
        as_player: impl FnOnce(SignalingId) -> PeerId,
    ) -> Option<String> {
        let (sid, tag) = self.described?;
        if self.offered.is_some() || std::mem::replace(&mut self.answered, true) {
            return None;
        }
        let session = as_player(sid);
        self.session = Some(session);
        let mut answer = description(Setup::Active, ANSWER);
        answer.tag = tag.map(|tag| Tag { session, ..tag });
        let request = signal::request(sid, &Signal::Answer(answer));
        Some(request.replacen("receiver", "sender", 1))
    }

    /// The next message of the introduction; a ping after the last.
    pub(super) fn next_message(
        &mut self,
        me: PeerId,
        secrets: &mut BTreeMap<PeerId, Secret>,
    ) -> Option<Control> {
        let (session, met) = (self.session?, self.met?);
        let secret = secrets.entry(session).or_default();
        let hello = Hello {
            session,
            nonce: [self.link.0 as u8; 16],
            share: [7; 32],
            knows: secret.knows(),
        };
        match self.said {
            Said::Nothing => {
                self.said = Said::Hello;
                Some(Control::Hello(hello))
            }
            Said::Hello => {
                self.said = Said::Proof;
                let agreed = secret.agree(&hello, &met)?;
                *secret = Secret::Established(agreed);
                let offered = self.offered.as_ref();
                let theirs = offered.map_or([ANSWER; 32], |offer| offer.fingerprint);
                let prover = Side {
                    hello: &hello,
                    fingerprint: &theirs,
                };
                let verifier = Side {
                    hello: &met,
                    fingerprint: &room_fingerprint(self.link),
                };
                Some(Control::Proof(identity::prove(&agreed, prover, verifier)))
            }
            Said::Proof if is_controller(session, me) => {
                self.said = Said::Use;
                Some(Control::Use)
            }
            Said::Proof | Said::Use => Some(Control::Ping(1)),
        }
    }
}

/// What the room's platform says of its side of a link.
pub(super) fn room_description(link: LinkId, setup: Setup) -> Description {
    description(setup, link.0 as u8)
}

fn room_fingerprint(link: LinkId) -> [u8; 32] {
    room_description(link, Setup::ActPass).fingerprint
}

/// A description that differs from others in its ICE name and fingerprint.
pub(super) fn description(setup: Setup, variant: u8) -> Description {
    Description {
        ufrag: format!("name{variant}"),
        pwd: "0123456789012345678901".into(),
        fingerprint: [variant; 32],
        setup,
        mid: "0".into(),
        sctp_port: 5000,
        max_message_size: 65_536,
        candidates: Vec::new(),
        tag: None,
    }
}
