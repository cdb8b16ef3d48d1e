use bevy::prelude::*;

use super::game::{LabExt, game, lab, offline_app};
use crate::{
    prelude::*,
    testing::{Lab, Player},
};

/// The entered (`+`) and exited (`-`) phases, in order.
#[derive(Resource, Default)]
struct Ran(Vec<String>);

const PHASES: [RoomPhase; 7] = [
    RoomPhase::NoRoom,
    RoomPhase::Joining,
    RoomPhase::Waiting,
    RoomPhase::Playing,
    RoomPhase::Retrying,
    RoomPhase::TokenNeeded,
    RoomPhase::Failed,
];

fn watch(app: &mut App) {
    app.add_plugins(RoomPhasePlugin).init_resource::<Ran>();
    for phase in PHASES {
        app.add_systems(OnEnter(phase), move |mut ran: ResMut<Ran>| {
            ran.0.push(format!("+{phase:?}"));
        });
        app.add_systems(OnExit(phase), move |mut ran: ResMut<Ran>| {
            ran.0.push(format!("-{phase:?}"));
        });
    }
}

fn watched_player(lab: &mut Lab) -> Player {
    lab.player(|app| {
        game(app);
        watch(app);
    })
}

fn ran(app: &mut App) -> String {
    std::mem::take(&mut app.world_mut().resource_mut::<Ran>().0).join(" ")
}

#[test]
fn phases_follow_joining_playing_and_leaving() {
    let mut lab = lab();
    let ada = watched_player(&mut lab);
    lab.settle();
    assert_eq!(
        ran(&mut lab[ada]),
        "+NoRoom -NoRoom +Waiting",
        "joining took less than a frame"
    );
    let bob = lab.player(game);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    assert_eq!(ran(&mut lab[ada]), "-Waiting +Playing");
    lab.leave(bob);
    lab.settle();
    assert_eq!(ran(&mut lab[ada]), "-Playing +Waiting");
    lab.leave(ada);
    lab.settle();
    assert_eq!(ran(&mut lab[ada]), "-Waiting +NoRoom");
    lab.rejoin(ada);
    lab.settle();
    assert_eq!(ran(&mut lab[ada]), "-NoRoom +Waiting");
}

#[test]
fn phases_follow_a_lost_server_and_a_failure() {
    let mut lab = lab();
    let ada = watched_player(&mut lab);
    lab.settle();
    ran(&mut lab[ada]);
    lab.stop_server();
    lab.settle();
    assert_eq!(ran(&mut lab[ada]), "-Waiting +Retrying");

    let mut app = offline_app();
    watch(&mut app);
    app.update();
    assert_eq!(ran(&mut app), "+NoRoom");
    app.world_mut().commands().join_room("not a url");
    for _ in 0..3 {
        app.update();
    }
    assert!(ran(&mut app).ends_with("+Failed"));
    app.world_mut().commands().leave_rooms();
    app.update();
    app.update();
    assert_eq!(ran(&mut app), "-Failed +NoRoom");
}

#[test]
fn phase_changes_in_the_frame_of_the_status() {
    let mut lab = lab();
    let ada = lab.player(|app| {
        game(app);
        watch(app);
        app.add_systems(Update, |huddle: Huddle, phase: Res<State<RoomPhase>>| {
            assert_eq!(*phase.get(), RoomPhase::from(huddle.status()));
        });
    });
    let bob = lab.player(game);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    assert!(ran(&mut lab[ada]).ends_with("+Playing"));
}

#[test]
fn each_phase_has_the_name_of_its_status() {
    assert_eq!(RoomPhase::from(None), RoomPhase::NoRoom);
    for (phase, status) in PHASES[1..].iter().zip([
        RoomStatus::Joining,
        RoomStatus::Waiting,
        RoomStatus::Playing,
        RoomStatus::Retrying,
        RoomStatus::TokenNeeded,
        RoomStatus::Failed,
    ]) {
        assert_eq!(RoomPhase::from(Some(status)), *phase);
        assert_eq!(format!("{status:?}"), format!("{phase:?}"));
    }
}
