//! One honest player who is greeted by somebody who is not.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use huddle_session::{Lane, OwnStates, SessionEvent};

use crate::{
    honest::{nonce_of, peer_id, room_for},
    said::{Context, Greeting},
};

/// No message of the handshake is longer.
const MAX_LEN: usize = 16_000;
/// No game is told more of one refusal.
const MAX_TOLD: usize = 64 * 1024;

/// A handshake's life.
#[derive(Debug, Arbitrary)]
pub struct Play {
    /// Whether the room has a capacity.
    is_limited: bool,
    #[arbitrary(with = crate::session::rest)]
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Said(Greeting),
    /// Time passes, in steps of 40 ms.
    Wait(u8),
    /// The game decides; with a reason it refuses.
    Decide(Option<String>),
}

impl Play {
    /// Lets it happen; panics if the honest player does what they should not.
    pub fn run(self) {
        let (me, other) = (peer_id(0), peer_id(2));
        let capacity = self.is_limited.then_some(2);
        let mut room = room_for(0, capacity);
        let own = OwnStates::default();
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
                Step::Said(greeting) => {
                    let (bytes, before) = (greeting.encode(&context), room.host());
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
            while let Some(bytes) = room.collect(other, Lane::Events, now, &own, MAX_LEN) {
                messages += 1;
                assert!(bytes.len() < MAX_LEN && messages <= 8);
                if let Some(nonce) = nonce_of(&bytes) {
                    context.to = nonce;
                }
            }
            let mut news = 0;
            while let Some(event) = room.poll() {
                news += 1;
                assert!(news <= 8, "{event:?}");
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
                        assert!(!joined, "who is refused has left");
                        let told = refusal.to_string();
                        assert!(told.len() <= MAX_TOLD && !told.chars().any(char::is_control));
                    }
                    SessionEvent::JoinRequested { data, .. } => assert!(data.len() <= 1024),
                    _ => {}
                }
            }
            assert_eq!(room.stats(other).is_some(), joined);
        }
    }
}

/// A message of the handshake, for a mutation.
pub fn message(u: &mut Unstructured) -> arbitrary::Result<Vec<u8>> {
    Ok(Greeting::arbitrary(u)?.encode(&Context::default()).to_vec())
}
