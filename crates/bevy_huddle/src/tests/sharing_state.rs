use std::time::Duration;

use bevy::prelude::*;
use huddle_session::{MAX_STATE_LEN, codec::EncodeError};
use serde::{Deserialize, Serialize};

use super::game::{LabExt, Pose, Splash, bad_network, game, lab, meet};
use crate::{error::MessageError, prelude::*, testing::Lab};

#[test]
fn every_peer_has_the_latest_value_on_the_peer_entity() {
    let (mut lab, [ada, bob, eve]) = meet();
    for pose in [1, 2, 3] {
        lab.commands(ada, |commands| commands.share(Pose(pose)));
        lab.settle();
        assert_eq!(lab.pose_of(bob, ada), Some(pose));
        assert_eq!(lab.pose_of(eve, ada), Some(pose));
    }
    assert_eq!(lab.pose_of(ada, bob), None, "Bob shared nothing");
}

#[test]
fn state_is_sent_once_per_tick_at_any_frame_rate() {
    let (mut lab, [ada, bob]) = meet();
    lab.frame_rate(ada, 240.0);
    lab[ada].add_systems(Update, |mut commands: Commands, mut n: Local<i32>| {
        *n += 1;
        commands.share(Pose(*n));
    });
    lab.settle();
    let entity = lab.peer(ada, bob);
    let sent = |lab: &Lab| lab.get::<LinkStats>(ada, entity).unwrap().packets_sent;
    let before = sent(&lab);
    lab.run_for(Duration::from_secs(10));
    let packets = sent(&lab) - before;
    assert!((599..=601).contains(&packets), "{packets}");
}

#[test]
fn late_packet_never_replaces_a_newer_value() {
    #[derive(Resource, Default)]
    struct Poses(Vec<i32>);
    let (mut lab, [ada, bob]) = meet();
    lab.network(bad_network());
    lab[ada].add_systems(FixedUpdate, |mut commands: Commands, mut n: Local<i32>| {
        *n += 1;
        commands.share(Pose((*n).min(300)));
    });
    lab[bob].init_resource::<Poses>().add_systems(
        Update,
        |poses: Query<&Shared<Pose>, Changed<Shared<Pose>>>, mut seen: ResMut<Poses>| {
            seen.0.extend(poses.iter().map(|pose| pose.0.0));
        },
    );
    lab.run_for(Duration::from_secs(7));
    let seen = &lab[bob].world().resource::<Poses>().0;
    assert!(seen.len() > 100 && seen.is_sorted(), "{seen:?}");
    assert_eq!(
        seen.last(),
        Some(&300),
        "the last value arrives despite loss"
    );
}

#[test]
fn late_joiner_receives_latest_state() {
    let mut lab = lab();
    let ada = lab.player(game);
    lab.commands(ada, |commands| commands.share(Pose(5)));
    lab.run_for(Duration::from_secs(2));
    let bob = lab.player(game);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    assert_eq!(lab.pose_of(bob, ada), Some(5));
}

#[test]
fn state_shared_before_joining_is_sent_after_joining() {
    let mut lab = lab();
    let ada = lab.player(|app| {
        game(app);
        app.add_systems(Startup, |mut commands: Commands| commands.share(Pose(5)));
    });
    let bob = lab.player(game);
    lab.run_until(|lab| lab.pose_of(bob, ada) == Some(5));
    assert_eq!(lab.take_events::<SendFailed>(ada), []);
}

#[test]
fn unchanged_value_does_not_trigger_change_detection() {
    #[derive(Resource, Default)]
    struct Changes(usize);
    let (mut lab, [ada, bob]) = meet();
    lab[bob].init_resource::<Changes>().add_systems(
        Update,
        |poses: Query<(), Changed<Shared<Pose>>>, mut changes: ResMut<Changes>| {
            changes.0 += poses.iter().count();
        },
    );
    for pose in [1, 1, 1, 2] {
        lab.commands(ada, |commands| commands.share(Pose(pose)));
        lab.settle();
    }
    assert_eq!(lab[bob].world().resource::<Changes>().0, 2);
}

#[test]
fn oversized_value_fails_and_the_previous_one_stays() {
    #[derive(Serialize, Deserialize)]
    struct Map(Vec<u8>);
    let mut lab = lab();
    let [ada, bob] = [(); 2].map(|()| {
        lab.player(|app| {
            app.add_peer_state::<Map>("map");
        })
    });
    lab.commands(ada, |commands| {
        commands.share(Map(vec![1]));
        commands.share(Map(vec![1; MAX_STATE_LEN]));
    });
    let too_long = EncodeError::TooLong {
        len: MAX_STATE_LEN + 3,
        max: MAX_STATE_LEN,
    };
    assert_eq!(
        lab.take_events::<SendFailed>(ada),
        [SendFailed {
            message: "map",
            peer_id: None,
            transfer: None,
            error: MessageError::Encode(too_long)
        }]
    );
    lab.settle();
    assert_eq!(lab.shared::<Map>(bob, ada).unwrap().0, [1]);
}

#[test]
fn type_can_be_both_state_and_event() {
    let mut lab = lab();
    let [ada, bob] = [(); 2].map(|()| {
        lab.player(|app| {
            game(app);
            app.add_peer_state::<Splash>("last splash");
        })
    });
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let ada_id = lab.peer_id(ada);
    lab.commands(ada, |commands| {
        commands.share(Splash(1));
        commands.broadcast(Splash(2));
    });
    lab.settle();
    assert_eq!(lab.shared::<Splash>(bob, ada), Some(&Splash(1)));
    assert_eq!(lab.splashes(bob), [(ada_id, 2)]);
}
