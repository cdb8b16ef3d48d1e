//! An honest peer whose handshake partner is hostile.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use huddle_session::{Lane, SessionEvent};

use crate::{
    honest::{nonce_of, peer_id, room_for},
    message::{Context, HandshakeMessage},
};

/// The maximum length of a handshake message, in bytes.
const MAX_LEN: usize = 16_000;
/// The maximum length of a refusal's text, in bytes.
const MAX_REFUSAL_LEN: usize = 64 * 1024;

/// The course of a handshake.
#[derive(Debug, Arbitrary)]
pub struct Scenario {
    /// Whether the room has a capacity.
    is_limited: bool,
    #[arbitrary(with = crate::session::rest)]
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    /// The hostile peer sends a message.
    Message(HandshakeMessage),
    /// Time passes, in steps of 40 ms.
    Wait(u8),
    /// The game admits the peer, or refuses it with a reason.
    Decide(Option<String>),
}

impl Scenario {
    /// Runs the scenario, and panics if the honest peer violates an invariant.
    pub fn run(self) {
        let (me, other) = (peer_id(0), peer_id(2));
        let capacity = self.is_limited.then_some(2);
        let mut room = room_for(0, capacity);
        let mut now = Duration::ZERO;
        room.link_opened(other, now);
        let mut context = Context {
            from: 7,
            capacity: capacity.unwrap_or(0),
            ..Context::default()
        };
        let mut joined = false;
        for step in self.steps {
            match step {
                Step::Message(message) => {
                    let (bytes, before) = (message.encode(&context), room.host());
                    let _ = room.receive(other, Lane::Events, bytes, now);
                    assert!(room.host() == before || [me, other].contains(&room.host()));
                }
                Step::Wait(steps) => {
                    now += Duration::from_millis(40) * u32::from(steps);
                    room.advance(now);
                }
                Step::Decide(reason) => room.admit(other, reason.map_or(Ok(()), Err), now),
            }
            let mut messages = 0;
            while let Some(bytes) = room.collect(other, Lane::Events, now, MAX_LEN) {
                messages += 1;
                assert!(bytes.len() < MAX_LEN && messages <= 8);
                if let Some(nonce) = nonce_of(&bytes) {
                    context.to = nonce;
                }
            }
            let mut events = 0;
            while let Some(event) = room.poll() {
                events += 1;
                assert!(events <= 8, "{event:?}");
                match event {
                    SessionEvent::Joined { .. } => {
                        assert!(!std::mem::replace(&mut joined, true), "joined twice");
                    }
                    SessionEvent::Left { .. } => {
                        assert!(
                            std::mem::replace(&mut joined, false),
                            "left without joining"
                        );
                    }
                    SessionEvent::Refused { refusal, .. } => {
                        assert!(!joined, "a refused peer is not in the session");
                        let text = refusal.to_string();
                        assert!(text.len() <= MAX_REFUSAL_LEN);
                        assert!(!text.chars().any(char::is_control));
                    }
                    SessionEvent::JoinRequested { data, .. } => assert!(data.len() <= 1024),
                    _ => {}
                }
            }
            assert_eq!(room.stats(other).is_some(), joined);
        }
    }
}

/// Creates a handshake message for a mutation.
pub fn message(u: &mut Unstructured) -> arbitrary::Result<Vec<u8>> {
    Ok(HandshakeMessage::arbitrary(u)?
        .encode(&Context::default())
        .to_vec())
}
