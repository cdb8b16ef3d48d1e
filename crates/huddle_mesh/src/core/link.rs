//! One attempt to link with a peer, from the first description to the last packet.

use std::time::Duration;

use bytes::Bytes;
use huddle_id::PeerId;

use super::{
    control::{Control, Hello},
    identity::{self, Secret, Side},
    sdp::Description,
};
use crate::{channel::Channel, event::LinkFailure, signaling_id::SignalingId};

/// Names a link within a room; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub u64);

/// Reliable packets that may overtake the end of the introduction on another channel.
const MAX_EARLY: usize = 64;

/// What identifies one side's description.
#[derive(Debug, Clone)]
pub(crate) struct SideKey {
    pub ufrag: String,
    pub fingerprint: [u8; 32],
}

impl From<&Description> for SideKey {
    fn from(description: &Description) -> Self {
        Self {
            ufrag: description.ufrag.clone(),
            fingerprint: description.fingerprint,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Link {
    /// The signaling id that it is negotiated with.
    pub sid: SignalingId,
    pub offering: bool,
    pub attempt: u32,
    pub since: Duration,
    /// How long the attempt may take.
    pub timeout: Duration,
    /// What the game was told about this attempt.
    pub reported: Option<LinkFailure>,
    /// The other side is a stock client.
    pub is_matchbox_client: bool,
    /// Who the other side says it is.
    pub claimed: Option<PeerId>,
    pub mine: Option<SideKey>,
    pub theirs: Option<SideKey>,
    /// Both sides are still reached under the signaling ids of the negotiation.
    pub is_signaled: bool,
    /// Candidates taken from the other side.
    pub candidates: usize,
    /// What came on one channel before all were open.
    pub unopened: Vec<(Channel, Bytes)>,
    pub phase: Phase,
}

#[derive(Debug)]
pub(crate) enum Phase {
    /// Descriptions and candidates are exchanged until the channels open.
    Opening,
    /// The channels are open; both sides prove who they are.
    Introducing(Box<Introduction>),
    /// The pair talks over it.
    Active(PeerId),
    /// Another link has taken over; what is still under way may arrive until then.
    Draining(PeerId, Duration),
    /// Only a farewell has to get through until then.
    Closing(Duration),
}

impl Link {
    /// Keeps a packet that came before all channels were open; `false` if there are too many.
    pub(crate) fn keep(&mut self, channel: Channel, bytes: Bytes) -> bool {
        self.unopened.push((channel, bytes));
        self.unopened.len() <= MAX_EARLY
    }

    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Opening | Phase::Introducing(_))
    }
}

/// The exchange of [`Control::Hello`] and [`Control::Proof`] on a new link.
#[derive(Debug)]
pub(crate) struct Introduction {
    mine: Hello,
    theirs: Option<Hello>,
    secret: Option<[u8; 32]>,
    proven: bool,
    early: Vec<(Channel, Bytes)>,
}

/// What a step of the introduction leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Wait for more.
    Wait,
    /// Introduce yourself again and send this proof.
    ///
    /// Again, because the `webrtc` crate loses what arrives before its own side is open. Whoever
    /// introduces themselves is open.
    Prove { hello: Hello, proof: [u8; 32] },
    /// The other side has proven that it knows the secret.
    Proven { secret: [u8; 32] },
    /// The other side decided for this link.
    Use { secret: [u8; 32] },
    /// The other side is not who it says, or does not keep to the protocol.
    Refuse(&'static str),
}

impl Introduction {
    pub(crate) fn new(mine: Hello) -> Self {
        Self {
            mine,
            theirs: None,
            secret: None,
            proven: false,
            early: Vec::new(),
        }
    }

    /// Takes a control message; `known` is what this side knows of the claimed peer.
    pub(crate) fn receive(
        &mut self,
        message: &Control,
        claimed: PeerId,
        known: &Secret,
        my_fingerprint: &[u8; 32],
        their_fingerprint: &[u8; 32],
    ) -> Step {
        let mine = Side {
            hello: &self.mine,
            fingerprint: my_fingerprint,
        };
        match (message, &self.theirs, self.secret) {
            (Control::Hello(theirs), None, None) => {
                if theirs.session != claimed {
                    return Step::Refuse("its introduction and its description differ");
                }
                let Some(secret) = known.agree(&self.mine, theirs) else {
                    return Step::Refuse("it cannot prove to be the peer it says it is");
                };
                let other = Side {
                    hello: theirs,
                    fingerprint: their_fingerprint,
                };
                let proof = identity::prove(&secret, mine, other);
                self.theirs = Some(*theirs);
                self.secret = Some(secret);
                Step::Prove {
                    hello: self.mine,
                    proof,
                }
            }
            (Control::Proof(proof), Some(theirs), Some(secret)) if !self.proven => {
                let other = Side {
                    hello: theirs,
                    fingerprint: their_fingerprint,
                };
                if !identity::verify(&secret, other, mine, proof) {
                    return Step::Refuse("its proof of identity is wrong");
                }
                self.proven = true;
                Step::Proven { secret }
            }
            (Control::Hello(again), Some(theirs), _) if again == theirs => Step::Wait,
            (Control::Use, _, Some(secret)) if self.proven => Step::Use { secret },
            (Control::Hello(_) | Control::Proof(_) | Control::Use, ..) => {
                Step::Refuse("its introduction is out of order")
            }
            _ => Step::Wait,
        }
    }

    /// Keeps a packet that came before the introduction was over; `false` if there are too many.
    pub(crate) fn keep(&mut self, channel: Channel, bytes: Bytes) -> bool {
        // Channels overtake each other. State that comes too early is soon replaced anyway.
        if channel.is_reliable() {
            self.early.push((channel, bytes));
        }
        self.early.len() <= MAX_EARLY
    }

    pub(crate) fn into_early(self) -> Vec<(Channel, Bytes)> {
        self.early
    }
}
