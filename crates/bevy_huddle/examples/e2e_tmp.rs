use bevy::{app::ScheduleRunnerPlugin, prelude::*};
use bevy_huddle::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;
#[derive(Serialize, Deserialize, Debug)] struct Pose(u32);
#[derive(Serialize, Deserialize, Debug)] struct Hi(String);
#[derive(Resource)] struct N(u32, String);
fn main() {
    let a: Vec<String> = std::env::args().collect();
    App::new()
        .add_plugins((MinimalPlugins.set(ScheduleRunnerPlugin::run_loop(Duration::from_millis(16))), HuddlePlugins))
        .insert_resource(N(0, a[2].clone()))
        .add_peer_state::<Pose>("pose").add_peer_event::<Hi>("hi")
        .add_systems(Startup, { let u = a[1].clone(); move |mut c: Commands| { c.join_room(&u); } })
        .add_systems(FixedUpdate, |mut n: ResMut<N>, mut c: Commands, mut e: MessageWriter<AppExit>| { n.0 += 1; c.share(Pose(n.0)); if n.0 % 120 == 60 { c.broadcast(Hi(format!("{} {}", n.1, n.0))); } if n.0 == 400 { e.write(AppExit::Success); } })
        .add_systems(Update, |q: Query<(&Peer, &Shared<Pose>, &LinkStats)>, mut last: Local<u32>| for (_, s, l) in &q { if s.0.0 / 100 != *last { *last = s.0.0 / 100; println!("pose {:?} rtt {:?} {:?}", s.0, l.rtt, l.path); } })
        .add_observer(|e: On<PeerJoined>| println!("{:?}", *e)).add_observer(|e: On<PeerLeft>| println!("{:?}", *e))
        .add_observer(|e: On<RoomStateChanged>| println!("{:?}", *e)).add_observer(|e: On<RoomFailed>| println!("{}", e.error))
        .add_observer(|e: On<SendFailed>| println!("{}", e.error)).add_observer(|e: On<MessageRejected>| println!("{}", e.reason))
        .add_observer(|e: On<FromPeer<Hi>>| println!("{:?}", e.message))
        .run();
    println!("end");
}
