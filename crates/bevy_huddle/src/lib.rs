//! Peer-to-peer multiplayer for Bevy, native and in browsers, without game servers.
//!
//! Players join a *room* by its URL. A small signaling server introduces them to each other; then
//! everything they send goes straight between their machines, encrypted. Each other player is an
//! entity, and what they send arrives as events and components.
//!
//! # A game
//!
//! Everybody moves a shape, and sees the others move. About ten lines are about the network:
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_huddle::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! /// What others see of a player.
//! #[derive(Serialize, Deserialize)]
//! struct Pose {
//!     x: f32,
//!     y: f32,
//! }
//!
//! #[derive(Component)]
//! struct Me;
//!
//! fn main() {
//!     App::new()
//!         .add_plugins((DefaultPlugins, HuddlePlugins))
//!         .add_peer_state::<Pose>("pose")
//!         .add_systems(Startup, start)
//!         .add_systems(FixedUpdate, share_pose.run_if(in_room))
//!         .add_systems(Update, follow_poses)
//!         .add_observer(on_joined)
//!         .run();
//! }
//!
//! fn start(mut commands: Commands) {
//!     commands.spawn((Me, Transform::default()));
//!     commands.join_room("ws://localhost:3536/my-game");
//! }
//!
//! fn share_pose(me: Single<&Transform, With<Me>>, mut commands: Commands) {
//!     commands.share(Pose { x: me.translation.x, y: me.translation.y });
//! }
//!
//! // A peer is an entity: give it a shape, and it is despawned when the player is gone.
//! fn on_joined(joined: On<PeerJoined>, mut commands: Commands) {
//!     commands.entity(joined.entity).insert(Transform::default());
//! }
//!
//! fn follow_poses(mut peers: Query<(&Shared<Pose>, &mut Transform)>) {
//!     for (pose, mut transform) in &mut peers {
//!         transform.translation = Vec3::new(pose.x, pose.y, 0.0);
//!     }
//! }
//! ```
//!
//! To try it, start the signaling server (`huddle-signaling`, of the crate `huddle_signaling`;
//! a stock `matchbox_server` does too) and run the game twice.
//!
//! # Rooms
//!
//! [`join_room`](HuddleCommandsExt::join_room) takes a URL: `ws://` or `wss://`, the signaling
//! server, and the room's name, which is free to choose. Whoever asks for the same name is in the
//! same room; with `?next=2` after it, players are put into rooms of two as they come. Pages served
//! over https need `wss://`.
//!
//! The command spawns a room entity. Its [`Room`] component knows this player's id, and its
//! [`RoomStatus`] how it is doing: `Joining`, `Waiting` for others, `Playing`, `Retrying`, or
//! `Failed`. Connecting and reconnecting goes on by itself, and play does not stop when the
//! signaling server is lost. [`leave_rooms`](HuddleCommandsExt::leave_rooms) leaves, and so does
//! despawning the room entity.
//!
//! With one room, which is the common case, nobody needs to look at the entity: the system
//! parameter [`Huddle`] knows who is here, and the [`conditions`] say when systems run.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! fn show_status(huddle: Huddle) {
//!     if let Some(status) = huddle.status() {
//!         println!("{status}, {} others", huddle.peers().count());
//!     }
//! }
//!
//! fn show_link_to_share() {}
//!
//! # App::new()
//! .add_systems(Update, (show_status, show_link_to_share.run_if(waiting)));
//! ```
//!
//! # Who plays together
//!
//! Two games must fit, or they would misunderstand each other. When two players are linked, their
//! games compare what they are, and only then the other player becomes a peer. If the games do not
//! fit, both are told by [`PeerRefused`] on their room entity, with a text that is fit for players:
//!
//! | must be the same | said with | else |
//! |---|---|---|
//! | the game's name and version | [`set_game_id`](HuddleAppExt::set_game_id) | [`Refusal::Game`] |
//! | the messages: names and types | [`add_peer_event`](HuddleAppExt::add_peer_event), [`add_peer_state`](HuddleAppExt::add_peer_state) | [`Refusal::Messages`] |
//! | the ticks per second | [`Time<Fixed>`](bevy::time::Fixed) | [`Refusal::TickRate`] |
//! | who may kick players | [`RoomOptions::kick_policy`] | [`Refusal::KickPolicy`] |
//! | how many can play | [`RoomOptions::capacity`] | [`Refusal::Capacity`] |
//! | the protocol of this library | its version | [`Refusal::Version`] |
//!
//! [`RoomOptions::capacity`] limits how many can play in a room. A game can also ask for a password.
//! What a player says is [`RoomOptions::join_data`], and [`admit_peers`](HuddleAppExt::admit_peers) decides. Each player
//! decides for themselves whom they play with.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! fn start(mut commands: Commands) {
//!     commands.join_room(RoomOptions::new("ws://localhost:3536/club").join_data("swordfish"));
//! }
//!
//! fn on_refused(refused: On<PeerRefused>) {
//!     println!("cannot play with {}: {}", refused.peer_id, refused.refusal);
//! }
//!
//! # App::new()
//! .set_game_id("my-game 1.2")
//! .admit_peers(|asking| match asking.data {
//!     b"swordfish" => Ok(()),
//!     _ => Err("the password is wrong".to_owned()),
//! })
//! .add_observer(on_refused)
//! # .add_systems(PostStartup, start);
//! ```
//!
//! Anybody can cut their own link to another player, with
//! [`disconnect_peer`](HuddleCommandsExt::disconnect_peer). Kicking somebody from the whole room is up to
//! its rules: nobody can, or the host, or more than half of the others, as [`KickPolicy`] says.
//! [`kick_peer`](HuddleCommandsExt::kick_peer) asks for it, [`PeerKicked`] tells the others,
//! and [`RoomFailed`] the one who is kicked. The host is the player longest in the room:
//! [`Huddle::host`] and [`HostChanged`].
//!
//! # Peers
//!
//! Every other player is an entity with a [`Peer`], which has their [`PeerId`]: the same on every
//! machine. [`LinkStats`] tells the round trip, the loss and more, [`Unresponsive`] marks who has not been
//! heard for a second, and [`Stopped`] marks peers whose game does not run. What belongs to a player can be components or children of this entity.
//!
//! [`PeerJoined`] and [`PeerLeft`] are observed, on the entity or globally. `PeerLeft` comes before
//! the entity is despawned, and has a reason.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! fn on_left(left: On<PeerLeft>, names: Query<&Name>) {
//!     if let Ok(name) = names.get(left.entity) {
//!         match left.reason {
//!             DisconnectReason::Lost => println!("lost the connection to {name}"),
//!             _ => println!("{name} is gone"),
//!         }
//!     }
//! }
//! # App::new().add_observer(on_left);
//! ```
//!
//! A stock matchbox client can be in the room, too. Such a peer has [`is_matchbox_client`](Peer::is_matchbox_client): it
//! knows no typed messages, but bytes go both ways, with [`send_raw`](HuddleCommandsExt::send_raw)
//! and [`RawReceived`].
//!
//! A peer that is in the room and has not joined yet is *pending*: its game loads, its page is
//! stopped, or no link opens. It joins as soon as the reason is gone. [`Huddle::pending_peers`] shows
//! such peers and [`PeerPending`] reports them, with a text for players.
//!
//! Now and then two players cannot be linked, while others see both. [`LinkFailed`] tells the two of
//! them why; [`LinkedWith`] on each peer and [`Huddle::missing_links`] show such holes to everybody,
//! and [`MeshChanged`] tells of changes.
//!
//! # Events: what happens
//!
//! An event is a `serde` type that was declared under a name. Each one arrives once, and in order,
//! also when the link to a peer has to be replaced in the middle.
//! [`broadcast`](HuddleCommandsExt::broadcast) sends it to everybody else, and
//! [`send_to`](HuddleCommandsExt::send_to) to one [`PeerId`] or several. It arrives as
//! [`FromPeer<T>`], for observers and, as a Bevy message, for systems.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize)]
//! struct Splash {
//!     strength: f32,
//! }
//!
//! fn splash(mut commands: Commands) {
//!     commands.broadcast(Splash { strength: 1.0 });
//! }
//!
//! fn on_splash(splash: On<FromPeer<Splash>>, mut commands: Commands) {
//!     println!("{} splashed, {}", splash.peer_id, splash.message.strength);
//!     commands.send_to(splash.peer_id, Splash { strength: 2.0 });
//! }
//!
//! # App::new()
//! .add_peer_event::<Splash>("splash")
//! .add_observer(on_splash)
//! # .add_systems(Startup, splash);
//! ```
//!
//! Instead of commands, a system can write [`ToPeers<T>`](ToPeers) with a `MessageWriter`. Sent to
//! [`Recipients::All`] an event arrives here too, so that the same observer sees what others
//! do and what this player does. Many events go through [`PeerSender`], which returns which peers
//! take no more. [`Undelivered<T>`](Undelivered) tells what a lost peer did not
//! confirm.
//!
//! An event takes at most [`MAX_EVENT_LEN`] bytes. What a peer sends is never to be trusted: it is
//! decoded safely, but whether a splash may be that strong is for the game to check.
//!
//! # State: how things are
//!
//! [`share`](HuddleCommandsExt::share) sets this player's state of a type, and everybody sees the
//! latest value as [`Shared<T>`] on this player's peer entity, also those who join later. Values
//! in between may be skipped, and a newer value is never replaced by an older one. So it is right
//! for positions, names and scores; share them every tick if that is easiest, since only what
//! changes is sent. One value takes at most [`MAX_STATE_LEN`] bytes.
//!
//! Events and state that are declared after a room is joined count for the next room.
//!
//! Bevy's own types, such as `Vec3`, can be part of messages with Bevy's feature `serialize`.
//!
//! # Files: what is long
//!
//! [`send_transfer`](HuddleCommandsExt::send_transfer) sends megabytes, such as a map or a picture, without
//! the game feeling it: it takes what events and state leave of the network.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! fn send_map(joined: On<PeerJoined>, mut commands: Commands) {
//!     commands.send_transfer(joined.peer_id, "map", vec![7; 300_000]);
//! }
//!
//! fn on_progress(transfer: On<TransferProgress>) {
//!     println!("{}: {} of {} bytes", transfer.label, transfer.done, transfer.total);
//! }
//!
//! fn on_received(transfer: On<TransferReceived>) {
//!     println!("got {}, {} bytes", transfer.label, transfer.bytes.len());
//! }
//!
//! # App::new()
//! .add_observer(send_map)
//! .add_observer(on_progress)
//! .add_observer(on_received)
//! # ;
//! ```
//!
//! [`TransferStarted`], [`TransferDelivered`] and [`TransferFailed`] tell the rest, and
//! [`cancel_transfer`](HuddleCommandsExt::cancel_transfer) ends one early. What comes is limited by
//! [`AcceptedTransfers`], and held in memory until it is complete.
//!
//! # Ticks
//!
//! State leaves once per tick, in `FixedPostUpdate`, at the rate of Bevy's fixed timestep, which the
//! plugins never change; see [`RoomPlugin`]. So a game's simulation belongs into `FixedUpdate`. [`RoomTick`] on
//! the room entity counts them, for everybody alike: who joins takes over the room's tick, and who
//! falls behind jumps ahead, which [`TicksSkipped`] tells. Events leave in
//! the same frame even if it has no tick. What arrives is there from `PreUpdate` on; see
//! [`HuddleSystems`].
//!
//! # When something goes wrong
//!
//! Nothing panics because of the network. What goes wrong is an event whose text says what to do,
//! and a line in the log:
//!
//! | | |
//! |---|---|
//! | [`RoomFailed`] | the room cannot be used, for example because its URL is wrong; or this player was kicked |
//! | [`LinkFailed`] | somebody is in the room, but no link to them opens |
//! | [`PeerRefused`] | somebody's game does not fit, or did not let this player in |
//! | [`KickFailed`] | the room's rules do not let this player kick another |
//! | [`TransferFailed`] | a file did not arrive |
//! | [`SignalingChanged`] | the signaling server is lost, or back |
//! | [`SendFailed`] | a message was too long, never declared, or too many wait |
//! | [`MessageRejected`] | a peer sent something that is malformed |
//! | [`SignalRejected`] | somebody in the room, or the signaling server, sends nonsense |
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! # App::new()
//! .add_observer(|failed: On<RoomFailed>| println!("cannot join: {}", failed.error))
//! # ;
//! ```
//!
//! [`LinkStats`] on each peer and [`HuddleDiagnosticsPlugin`] for all of them show how the network
//! is doing.
//!
//! # Tests
//!
//! With the feature `testing`, the module `testing` runs several players' apps in one process, over a virtual network that
//! loses, delays and reorders as one likes, on a virtual clock. A test of an online game is then a
//! few lines, quick, and the same each time.
//!
//! # Cargo features
//!
//! None is enabled by default.
//!
//! | feature | adds | needs |
//! |---|---|---|
//! | `states` | `RoomPhase`, the room's status as a Bevy state, with `OnEnter` and `OnExit` | `bevy/bevy_state` |
//! | `testing` | `testing::Lab`, for tests: enable it in `[dev-dependencies]` | |
//! | `web_background` | games play on in a browser tab that nobody sees | `bevy_winit`, `bevy/bevy_camera` |
//!
//! # Across the internet
//!
//! Machines of one network find each other without help. Across the internet a STUN server opens
//! most pairs of players, and the others need a TURN server, which relays for them:
//!
//! ```no_run
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! # fn start(mut commands: Commands) {
//! commands.join_room(
//!     RoomOptions::new("wss://play.example.org/my-game")
//!         .ice_server(IceServer::stun("stun:stun.example.org:3478"))
//!         .ice_server(IceServer::turn("turn:turn.example.org:3478", "user", "secret")),
//! );
//! # }
//! ```
//!
//! Players who are linked straight know each other's addresses;
//! [`relay_only`](RoomOptions::relay_only) prevents that.

mod app;
mod background;
mod commands;
mod conditioner;
pub mod conditions;
#[cfg(feature = "testing")]
mod connector;
mod diagnostics;
mod error;
mod huddle;
mod logging;
mod message;
mod peer;
mod plugin;
mod receive;
mod reflection;
mod room;
mod schedule;
mod send;
#[cfg(feature = "states")]
mod states;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod tests;
mod transport;

pub use app::HuddleAppExt;
pub use background::HuddleBackgroundPlugin;
pub use commands::HuddleCommandsExt;
pub use conditioner::{error::LinkConditionerError, settings::LinkConditioner};
pub use diagnostics::HuddleDiagnosticsPlugin;
pub use error::{JoinError, MessageError, RejectReason};
pub use huddle::Huddle;
pub use huddle_mesh::{
    Channel, DisconnectReason, IceServer, LinkFailure, Path, PeerId, ProtocolViolation, RoomError,
    RoomUrl, RoomUrlError, SdpError, SendError, Signaling, SignalingId, SignalingLoss, StopReason,
    ViolationSource,
};
pub use huddle_session::{
    DeliveryStats, Direction, KickError, KickPolicy, MAX_EVENT_LEN, MAX_STATE_LEN,
    MessageError as PacketError, OfferError, QueueError, Refusal, SetupError, Tick, TickRate,
    TickRateError, TransferFailure, TransferLimits,
    codec::{DecodeError, EncodeError},
};
pub use logging::LOG_FILTER;
pub use message::{
    event::{FromPeer, ToPeers, Undelivered},
    failed::{MessageRejected, SendFailed},
    raw::RawReceived,
    recipients::Recipients,
    registry::PeerMessage,
    state::Shared,
    transfer::{
        AcceptedTransfers, TransferDelivered, TransferFailed, TransferId, TransferProgress,
        TransferReceived, TransferStarted,
    },
};
pub use peer::{
    admission::JoinRequest,
    components::{
        LinkStats, LinkedWith, LocalPeer, Peer, PeerOf, RoomPeers, Stopped, Unresponsive,
    },
    events::{
        KickFailed, LinkFailed, MeshChanged, PeerJoined, PeerKicked, PeerLeft, PeerRecovered,
        PeerRefused, PeerResumed, PeerStopped, PeerUnresponsive,
    },
    pending::{PeerPending, PendingPeers, PendingReason},
};
pub use plugin::{HuddlePlugins, RoomPlugin};
pub use room::{
    components::{MissingLinks, Room, RoomHost, RoomTick},
    events::{
        HostChanged, RoomFailed, RoomStatusChanged, SignalRejected, SignalingChanged, TicksSkipped,
    },
    options::RoomOptions,
    status::{RoomStatus, SignalingStatus},
};
pub use schedule::HuddleSystems;
pub use send::{
    error::{Missed, TrySendError},
    sender::PeerSender,
};
#[cfg(feature = "states")]
pub use states::{RoomPhase, RoomPhasePlugin};

/// The code in the pages for makers of games compiles, too.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../docs/rooms-and-peers.md")]
    mod rooms_and_peers {}
    #[doc = include_str!("../../../docs/events.md")]
    mod events {}
    #[doc = include_str!("../../../docs/state.md")]
    mod state {}
    #[doc = include_str!("../../../docs/errors.md")]
    mod errors {}
    #[doc = include_str!("../../../docs/troubleshooting.md")]
    mod troubleshooting {}
}

/// What a game needs: `use bevy_huddle::prelude::*;`.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        AcceptedTransfers, DisconnectReason, FromPeer, HostChanged, Huddle, HuddleAppExt,
        HuddleBackgroundPlugin, HuddleCommandsExt, HuddleDiagnosticsPlugin, HuddlePlugins,
        HuddleSystems, IceServer, KickFailed, KickPolicy, LinkConditioner, LinkFailed, LinkStats,
        LinkedWith, LocalPeer, MeshChanged, MessageRejected, Peer, PeerId, PeerJoined, PeerKicked,
        PeerLeft, PeerOf, PeerPending, PeerRecovered, PeerRefused, PeerResumed, PeerSender,
        PeerStopped, PeerUnresponsive, PendingPeers, PendingReason, Recipients, Room, RoomFailed,
        RoomOptions, RoomPeers, RoomStatus, RoomStatusChanged, RoomTick, SendFailed, Shared,
        SignalRejected, SignalingChanged, SignalingStatus, StopReason, Stopped, TicksSkipped,
        ToPeers, TransferDelivered, TransferFailed, TransferLimits, TransferProgress,
        TransferReceived, TransferStarted, Undelivered, Unresponsive, ViolationSource,
        conditions::{in_room, is_host, playing, room_status, waiting},
    };
    #[cfg(feature = "states")]
    #[doc(no_inline)]
    pub use crate::{RoomPhase, RoomPhasePlugin};
}
