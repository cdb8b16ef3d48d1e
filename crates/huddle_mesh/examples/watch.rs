//! Joins a room, greets each peer that joins, and prints all events:
//!
//! `cargo run -p huddle_mesh --example watch ws://localhost:3536/my-room`

use std::{error::Error, thread::sleep, time::Duration};

use bytes::Bytes;
use huddle_mesh::{Channel, Room, RoomConfig, RoomEvent};

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or("ws://localhost:3536/my-room".to_owned());
    let mut room = Room::join(RoomConfig::new(&url)?)?;
    if let Some(local_id) = room.local_id() {
        println!("joined as {local_id}");
    }
    loop {
        while let Some(event) = room.poll() {
            println!("{event:?}");
            if let RoomEvent::PeerJoined { peer_id, .. } = event {
                room.send(peer_id, Channel::Events, Bytes::from_static(b"hello"))?;
            }
            if let RoomEvent::Packet { peer_id, .. } = event {
                println!("{:?}", room.stats(peer_id));
            }
        }
        sleep(Duration::from_millis(10));
    }
}
