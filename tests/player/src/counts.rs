//! Counts the game's events, and records why the room failed and peers were refused.

use bevy::prelude::*;
use bevy_huddle::{PeerMessage, prelude::*};

/// The number of the game's events from other players.
#[derive(Resource, Default)]
pub(crate) struct EventsReceived(pub(crate) u64);

/// The reason why the room failed, if it did.
#[derive(Resource, Default)]
pub(crate) struct Failure(pub(crate) Option<String>);

/// The reasons why peers were refused, from oldest to newest.
#[derive(Resource, Default)]
pub(crate) struct Refusals(pub(crate) Vec<String>);

const MAX_REFUSALS: usize = 8;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<EventsReceived>()
        .init_resource::<Failure>()
        .init_resource::<Refusals>()
        .add_observer(keep_failure)
        .add_observer(keep_refusal);
}

/// Counts events of type `T`.
pub(crate) fn events<T: PeerMessage>(app: &mut App) {
    app.add_observer(count::<T>);
}

fn count<T: PeerMessage>(
    event: On<FromPeer<T>>,
    huddle: Huddle,
    mut received: ResMut<EventsReceived>,
) {
    received.0 += u64::from(huddle.local_id() != Some(event.peer_id));
}

fn keep_failure(event: On<RoomFailed>, mut failure: ResMut<Failure>) {
    failure.0 = Some(event.error.to_string());
}

fn keep_refusal(event: On<PeerRefused>, mut refusals: ResMut<Refusals>) {
    if refusals.0.len() == MAX_REFUSALS {
        refusals.0.remove(0);
    }
    refusals.0.push(event.refusal.to_string());
}
