use bevy::prelude::*;
use huddle_session::codec::EncodeError;
use serde::{Deserialize, Serialize};

use super::game::{lab, offline_app};
use crate::{error::MessageError, prelude::*, replication::ReplicationAppExt};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Item {
    id: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<u8>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Action {
    Jump { height: u8 },
}

#[derive(Component, Debug, Clone, Serialize, Deserialize)]
struct Log(Vec<Action>);

#[test]
#[should_panic(expected = "Item`: the field `owner` was skipped")]
fn type_with_a_skippable_field_cannot_be_declared() {
    offline_app().add_peer_event::<Item>("item");
}

#[test]
#[should_panic(expected = "Log`: the type of `[..]` has `#[serde(tag")]
fn type_with_a_tagged_enum_cannot_be_declared() {
    offline_app().replicate::<Log>("log");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Node(Option<Box<Node>>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Units(Vec<()>);

#[test]
fn values_beyond_decoding_limits_fail_at_the_sender() {
    let mut lab = lab();
    let players = [(); 2].map(|()| {
        lab.player(|app| {
            app.add_peer_event::<Node>("node")
                .add_peer_event::<Units>("units");
        })
    });
    lab.run_until(|lab| lab.have_met(&players));
    let [ada, bob] = players;
    let list = (0..100).fold(Node(None), |next, _| Node(Some(Box::new(next))));
    lab.commands(ada, |commands| {
        commands.broadcast(list);
        commands.broadcast(Units(vec![(); 1_000_000]));
    });
    lab.run_for(std::time::Duration::from_millis(200));
    let failed = lab.take_events::<SendFailed>(ada);
    assert!(matches!(
        failed[0].error,
        MessageError::Encode(EncodeError::TooDeep { .. })
    ));
    assert!(matches!(
        failed[1].error,
        MessageError::Encode(EncodeError::TooManyElements {
            elements: 1_000_000,
            ..
        })
    ));
    assert_eq!(failed.len(), 2);
    assert_eq!(lab.take_events::<MessageRejected>(bob), []);
}
