//! Servers that require tokens.

use super::*;
use crate::{
    core::close_code,
    event::{Signaling, SignalingLoss},
    token::Token,
};

impl Simulation {
    /// Ends a node's WebSocket because the server needs another token.
    fn reject_token(&mut self, node: usize) {
        self.disconnect(node);
        let end = SocketEnd::Closed(Some(close_code::TOKEN_NEEDED), "it has expired".into());
        self.after(LATENCY, node, Input::SocketEnded(end));
    }

    fn needed_tokens(&self, node: usize) -> usize {
        let reason = "it has expired".to_owned();
        let event = CoreEvent::TokenNeeded { reason };
        self.when(node, |it| *it == event).len()
    }

    fn set_token(&mut self, node: usize, token: &str) {
        let now = self.now;
        self.nodes[node].core.set_token(now, Token::new(token));
        self.act(node);
    }
}

#[test]
fn expired_token_closes_no_link_and_a_new_one_brings_the_peer_back() {
    for keeps_places in [true, false] {
        let mut simulation = Simulation::new(0);
        if keeps_places {
            simulation.keep_places(seconds(10));
        }
        for _ in 0..3 {
            simulation.join();
        }
        simulation.run(seconds(3));
        simulation.reject_token(1);
        simulation.run(seconds(5));
        assert_eq!(simulation.nodes[1].sid, None, "it does not try again");
        assert_eq!(simulation.needed_tokens(1), 1);
        let newcomer = simulation.join();
        simulation.run(seconds(1));
        simulation.set_token(1, "fresh");
        simulation.run(seconds(2));
        assert_eq!(simulation.nodes[1].token, "fresh");
        simulation.assert_all_joined_once();
        assert_eq!(simulation.links(1, newcomer), Some(1));
        assert_eq!(simulation.links(0, 1), Some(1));
        assert_eq!(simulation.needed_tokens(1), 1);
    }
}

#[test]
fn server_that_repeats_secrets_reveals_them_in_no_event() {
    let config = RoomConfig::new("ws://server/room?token=hush").unwrap();
    let mut simulation = Simulation::new(0);
    simulation.join_with(config);
    simulation.run(seconds(1));
    assert_eq!(simulation.nodes[0].token, "hush");
    for code in [None, Some(close_code::FULL), Some(close_code::TOKEN_NEEDED)] {
        simulation.disconnect(0);
        let end = SocketEnd::Closed(code, "no: ws://server/room?token=hush".into());
        simulation.after(LATENCY, 0, Input::SocketEnded(end));
        simulation.run(seconds(3));
    }
    let events = &simulation.nodes[0].events;
    assert!(!format!("{events:?}").contains("hush"), "{events:?}");
    let lost = |event: &CoreEvent| {
        matches!(
            event,
            CoreEvent::Signaling(Signaling::Retrying {
                reason: SignalingLoss::Closed(_) | SignalingLoss::Full(_),
                ..
            })
        )
    };
    assert_eq!(simulation.when(0, lost).len(), 2);
}
