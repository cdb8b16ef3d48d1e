//! Peer-to-peer multiplayer for Bevy, native and in browsers, without game servers.
//!
//! Players join a *room* by its URL. A small signaling server introduces them to each other. From
//! then on, their games exchange encrypted data directly. Each other player is an entity, called a
//! *peer*. Received data arrives as Bevy events, messages, entities and components.
//!
//! # A first game
//!
//! Every player moves a shape and sees the shapes of the other players. About ten lines deal with
//! the network:
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_huddle::{prelude::*, replication::*};
//!
//! /// The place of a player. Each player changes its own, and sees those of the others.
//! #[derive(Component, Clone, Default, PartialEq)]
//! #[require(Transform)]
//! struct Place(Vec2);
//!
//! fn main() {
//!     App::new()
//!         .add_plugins((DefaultPlugins, HuddlePlugins))
//!         .replicate_with::<Place>("place", |rule| {
//!             rule.vec2(|place| place.0, |place, at| place.0 = at, within(640.0).step(0.05))
//!                 .draw(|place, transform| transform.translation = place.0.extend(0.0))
//!         })
//!         .register_required_components::<LocalPeer, Place>()
//!         .add_systems(Startup, start)
//!         .add_systems(FixedUpdate, move_local_player)
//!         .add_observer(spawn_shape)
//!         .run();
//! }
//!
//! fn start(mut commands: Commands) {
//!     commands.join_room("ws://localhost:3536/my-game");
//! }
//!
//! fn move_local_player(time: Res<Time>, mut place: Single<&mut Place, With<LocalPeer>>) {
//!     place.0.x = 100.0 * time.elapsed_secs().sin();
//! }
//!
//! // A peer is an entity. The plugin despawns it when the player leaves.
//! fn spawn_shape(added: On<Add, Place>, mut commands: Commands) {
//!     let shape = commands.spawn((Name::new("shape"), Transform::default())).id();
//!     commands.entity(added.entity).add_child(shape);
//! }
//! ```
//!
//! To try it, start the signaling server (`huddle-signaling` from the `huddle_signaling` crate, or
//! a stock `matchbox_server`) and run the game twice.
//!
//! # Rooms
//!
//! [`join_room`](HuddleCommandsExt::join_room) takes the URL of a room:
//!
//! | part | example | meaning |
//! |---|---|---|
//! | scheme | `wss://` | `ws://` or `wss://`; pages served over https need `wss://` |
//! | server | `play.example.org` | the signaling server |
//! | path | `/my-game` | the name of the room; players who use the same name meet. A server for several games needs `/GAME/ROOM` |
//! | query | `?next=2` | optional: the server fills rooms of two players in order of arrival |
//!
//! The command spawns a *room entity*. Its [`Room`] component contains the id of the local peer.
//! Its [`RoomStatus`] component is one of:
//!
//! | status | meaning |
//! |---|---|
//! | [`Joining`](RoomStatus::Joining) | the first connection to the signaling server is not open yet |
//! | [`Waiting`](RoomStatus::Waiting) | the room has no other players |
//! | [`Playing`](RoomStatus::Playing) | the room has at least one peer |
//! | [`Retrying`](RoomStatus::Retrying) | the signaling server is lost and the room has no peers |
//! | [`TokenNeeded`](RoomStatus::TokenNeeded) | the signaling server needs another token and the room has no peers |
//! | [`Failed`](RoomStatus::Failed) | the room cannot be used; [`RoomFailed`] has the reason |
//!
//! The plugin connects and reconnects automatically. A match continues even if the signaling server
//! is lost. To leave, use [`leave_rooms`](HuddleCommandsExt::leave_rooms) or despawn the room
//! entity.
//!
//! Most games have one room and do not need its entity. The [`Huddle`] system parameter returns the
//! room's status and its peers, and the run conditions in [`conditions`] depend on the status:
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! fn show_status(huddle: Huddle) {
//!     if let Some(status) = huddle.status() {
//!         println!("{status}, {} other players", huddle.peers().count());
//!     }
//! }
//!
//! fn show_invitation() {}
//!
//! # App::new()
//! .add_systems(Update, (show_status, show_invitation.run_if(room_waiting)));
//! ```
//!
//! # Lists of rooms
//!
//! The signaling server `huddle-signaling` publishes a list of open rooms. The player who creates a
//! room adds it with [`RoomOptions::listed`], and other players load the list with `list_rooms`, which
//! needs the feature `room_list`.
//!
//! The room's *keeper* is the player who has been in it longest, according to the server. It can
//! [close](RoomSettingsCommandsExt::set_room_open) the room, for example when a match starts.
//! [`RoomSettings`] on the room entity contains the current settings.
//!
//! # Compatible games
//!
//! Two players can play together only if their games match. When a link opens, both games compare
//! their settings. The other player becomes a peer only if all of them match. Otherwise
//! [`PeerRefused`] is triggered on both room entities, with a [`Refusal`] whose text can be shown
//! to players:
//!
//! | setting | set by | refusal |
//! |---|---|---|
//! | the name and version of the game | [`set_game_id`](HuddleAppExt::set_game_id) | [`Refusal::Game`] |
//! | the names and types of all events | [`add_peer_event`](HuddleAppExt::add_peer_event) | [`Refusal::Messages`] |
//! | the names and fields of all replicated components | [`replicate`](replication::ReplicationAppExt::replicate), [`replicate_with`](replication::ReplicationAppExt::replicate_with) | [`Refusal::Messages`] |
//! | the ticks per second | [`Time<Fixed>`](bevy::time::Fixed) | [`Refusal::TickRate`] |
//! | who may kick players | [`RoomOptions::kick_policy`] | [`Refusal::KickPolicy`] |
//! | the number of players | [`RoomOptions::capacity`] | [`Refusal::Capacity`] |
//! | the protocol of this library | its version | [`Refusal::Version`] |
//!
//! [`RoomOptions::capacity`] limits the number of players in a room. A game can also check other
//! conditions, such as a password: [`RoomOptions::join_data`] sends data to the peers, and
//! [`admit_peers`](HuddleAppExt::admit_peers) adds a function that accepts or refuses a peer. Each
//! player's game decides for itself.
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
//! .admit_peers(|request| match request.data {
//!     b"swordfish" => Ok(()),
//!     _ => Err("the password is wrong".to_owned()),
//! })
//! .add_observer(on_refused)
//! # .add_systems(PostStartup, start);
//! ```
//!
//! # Peers
//!
//! Every other player is an entity with a [`Peer`] component. It contains the player's [`PeerId`],
//! which is the same on every machine. A game can insert its own components into this entity and
//! spawn children of it.
//!
//! | on a peer entity | content |
//! |---|---|
//! | [`Peer`] | the id of the player, and whether it is a stock matchbox client |
//! | [`PeerOf`] | the room entity |
//! | [`LinkStats`] | round-trip time, loss and traffic |
//! | [`Reconnecting`] | present while no data arrives or the link is down |
//! | [`Stopped`] | present while the player's game is not running |
//! | [`LinkedWith`] | the peers that this peer is linked with |
//! | replicated components | the latest values of the same components on that player's [`LocalPeer`] entity |
//!
//! [`PeerJoined`] and [`PeerLeft`] are triggered on the peer entity and reach global observers as
//! well. `PeerLeft` is triggered before the entity is despawned and contains the reason.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! fn on_left(left: On<PeerLeft>, names: Query<&Name>) {
//!     if let Ok(name) = names.get(left.entity) {
//!         match left.reason {
//!             DisconnectReason::Lost => println!("lost the connection to {name}"),
//!             _ => println!("{name} left"),
//!         }
//!     }
//! }
//! # App::new().add_observer(on_left);
//! ```
//!
//! A player in the room who has not joined yet is *pending*: the game is loading, the page is
//! paused, or no link opens. The player joins as soon as the cause ends.
//! [`Huddle::pending_peers`] returns these players, and [`PeerPending`] reports them with a text
//! for players.
//!
//! Sometimes two players cannot be linked although a third player is linked with both. The two
//! receive [`LinkFailed`] with the reason. Every player can see such gaps with [`LinkedWith`] and
//! [`Huddle::missing_links`]. [`MeshChanged`] reports changes.
//!
//! A room can contain stock matchbox clients, for which
//! [`is_matchbox_client`](Peer::is_matchbox_client) is true. They do not understand typed messages.
//! Exchange bytes with them through [`send_raw`](HuddleCommandsExt::send_raw) and [`RawReceived`].
//!
//! ## The host, and kicking players
//!
//! The *host* is the player who has been in the room for the longest time. [`Huddle::host`] returns
//! the host, and [`HostChanged`] reports a new one.
//!
//! [`disconnect_peer`](HuddleCommandsExt::disconnect_peer) closes the local player's own link to a
//! peer and is always possible. [`kick_peer`](HuddleCommandsExt::kick_peer) requests that a player
//! be removed from the whole room. The room's [`KickPolicy`] determines who may do so: nobody, the
//! host, or a majority, which is more than half of the other players. The kicked player receives
//! [`RoomFailed`], and the other players receive [`PeerKicked`].
//!
//! # Events
//!
//! An *event* is a `serde` type that was declared under a name. Each event arrives once and in
//! order, even if the link to the peer is replaced in the meantime.
//! [`broadcast`](HuddleCommandsExt::broadcast) sends an event to all other players.
//! [`send_to`](HuddleCommandsExt::send_to) sends it to one or more players. The receiver gets
//! [`FromPeer<T>`], both as an event for observers and as a Bevy message for systems.
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
//!     println!("{} splashed with strength {}", splash.peer_id, splash.message.strength);
//!     commands.send_to(splash.peer_id, Splash { strength: 2.0 });
//! }
//!
//! # App::new()
//! .add_peer_event::<Splash>("splash")
//! .add_observer(on_splash)
//! # .add_systems(Startup, splash);
//! ```
//!
//! | to | use |
//! |---|---|
//! | send from a system with a `MessageWriter` | [`ToPeers<T>`](ToPeers) |
//! | handle local and remote events in one observer | [`Recipients::All`], which includes the local player |
//! | send many events and stop when a queue is full | [`PeerSender`], which returns the peers that missed one |
//! | learn which events a lost peer did not acknowledge | [`Undelivered<T>`](Undelivered) |
//!
//! An event has at most [`MAX_EVENT_LEN`] bytes. Do not trust a received event. The plugin decodes
//! it safely, but only the game can check whether its content is allowed, such as the strength of a
//! splash.
//!
//! # Replication
//!
//! A game registers components, and marks entities with [`Replicated`](replication::Replicated).
//! All other players, including those that join later, then see each entity with the latest values
//! of its registered components. Intermediate values may be skipped, and an older value never
//! replaces a newer one. Replication is therefore suitable for positions, names and scores.
//!
//! The entity of the local player is always replicated: a registered component on the entity with
//! [`LocalPeer`] appears on this player's peer entity at the other players.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::{prelude::*, replication::*};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Component, Clone, Serialize, Deserialize)]
//! struct Label(String);
//!
//! fn spawn_sign(mut commands: Commands) {
//!     commands.spawn((Replicated, Label("welcome".to_owned())));
//! }
//!
//! fn set_label(local: Single<Entity, With<LocalPeer>>, mut commands: Commands) {
//!     commands.entity(*local).insert(Label("Ada".to_owned()));
//! }
//!
//! # App::new()
//! .replicate::<Label>("label")
//! .add_systems(Startup, spawn_sign)
//! # .add_systems(FixedUpdate, set_label);
//! ```
//!
//! | to | use |
//! |---|---|
//! | send values that change often in a few bits | [`replicate_with`](replication::ReplicationAppExt::replicate_with) |
//! | draw values smoothly | [`Interpolated<T>`](replication::Interpolated) or [`draw`](replication::ReplicationRule::draw) |
//! | let several players change an entity | [`OwnershipPolicy`](replication::OwnershipPolicy) |
//! | share the entities of a level | [`PlacedId`](replication::PlacedId) |
//! | hide an entity from players | [`VisibleTo`](replication::VisibleTo) |
//!
//! See the module [`replication`].
//!
//! Declare events and register components before joining a room. Later declarations apply to the
//! next room.
//!
//! Messages and components can contain Bevy's own types, such as `Vec3`, if Bevy's `serialize`
//! feature is enabled.
//!
//! # File transfers
//!
//! [`send_transfer`](HuddleCommandsExt::send_transfer) sends large data, such as a map or a
//! picture, in the background. It uses only the bandwidth that events and
//! components leave free.
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
//!     println!("received {}, {} bytes", transfer.label, transfer.bytes.len());
//! }
//!
//! # App::new()
//! .add_observer(send_map)
//! .add_observer(on_progress)
//! .add_observer(on_received)
//! # ;
//! ```
//!
//! | event | triggered for | when |
//! |---|---|---|
//! | [`TransferStarted`] | both | the receiver has accepted the transfer |
//! | [`TransferProgress`] | both | another part has arrived |
//! | [`TransferReceived`] | the receiver | the transfer is complete |
//! | [`TransferDelivered`] | the sender | the receiver has confirmed the whole transfer |
//! | [`TransferFailed`] | both | the transfer was refused, cancelled or interrupted |
//!
//! [`cancel_transfer`](HuddleCommandsExt::cancel_transfer) ends a transfer early.
//! [`AcceptedTransfers`] limits the length and number of incoming transfers, which are kept in
//! memory until they are complete.
//!
//! # Ticks
//!
//! A game's simulation belongs in `FixedUpdate`. Changed components are sent once per tick, in
//! `FixedPostUpdate`, at the rate of Bevy's fixed timestep. The plugins never change that rate; see
//! [`RoomPlugin`].
//! Events are sent at the end of every frame, even if it has no tick. Received data is available
//! from `PreUpdate` on; see [`HuddleSystems`].
//!
//! [`RoomTick`] on the room entity counts the ticks of the whole room. A player who joins adopts
//! the room's tick. A player who falls behind jumps ahead, which [`TicksSkipped`] reports.
//!
//! # Errors
//!
//! The network never causes a panic. Each problem triggers an event whose text explains what to do,
//! and writes a line to the log:
//!
//! | event | cause |
//! |---|---|
//! | [`RoomFailed`] | the room cannot be used, for example because its URL is wrong, or the local player was kicked |
//! | [`LinkFailed`] | no link opens to a player in the room |
//! | [`PeerRefused`] | the games are not compatible, or one of them did not admit the other player |
//! | [`KickFailed`] | the room's rules do not let the local player kick a peer |
//! | [`SetIceServersFailed`] | the new STUN and TURN servers of a room cannot be used |
//! | [`ChangeSettingsFailed`] | the local player cannot change the settings of a room |
//! | [`TokenNeeded`] | the signaling server needs a token, or a new one |
//! | [`TransferFailed`] | a transfer did not complete |
//! | [`ReplicationFailed`](replication::ReplicationFailed) | an entity or a component cannot be replicated, or a command about its owner had no effect |
//! | [`SignalingChanged`] | the connection to the signaling server was lost or restored |
//! | [`SendFailed`] | a message was too long or not declared, or the send queue was full |
//! | [`MessageRejected`] | a peer sent a malformed message |
//! | [`SignalRejected`] | a player in the room or the signaling server sent invalid signaling data |
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_huddle::prelude::*;
//! # App::new()
//! .add_observer(|failed: On<RoomFailed>| println!("cannot join: {}", failed.error))
//! # ;
//! ```
//!
//! [`LinkStats`] on each peer and [`HuddleDiagnosticsPlugin`] for all peers measure the quality of
//! the network.
//!
//! # Tests
//!
//! With the `testing` feature, the `testing` module runs the apps of several players in one
//! process, with a virtual clock and a virtual network that loses, delays and reorders packets as
//! configured. A test of a multiplayer game takes a few lines, runs fast and gives the same result
//! each time.
//!
//! # Cargo features
//!
//! No feature is enabled by default.
//!
//! | feature | adds | needs |
//! |---|---|---|
//! | `enhanced_determinism` | mathematical functions have the same results on all platforms, for [`rollback`] | |
//! | `states` | `RoomPhase`, the room's status as a Bevy state, with `OnEnter` and `OnExit` | `bevy/bevy_state` |
//! | `room_list` | `list_rooms`, which loads the list of open rooms from `huddle-signaling` | |
//! | `rollback_ui` | the net graph and desync reports on the screen | `bevy/bevy_ui`, `bevy/keyboard` |
//! | `testing` | `testing::Lab`, for tests: enable it in `[dev-dependencies]` | |
//! | `web_background` | games continue in a hidden browser tab | `bevy_winit`, `bevy/bevy_camera` |
//!
//! # Across the internet
//!
//! Machines on the same local network connect without help. Across the internet, most pairs of
//! players need a STUN server to connect. The remaining pairs need a TURN server, which relays
//! their data:
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
//! [`set_ice_servers`](HuddleCommandsExt::set_ice_servers) replaces the servers of a room, for
//! example before the credentials of a TURN server expire. A signaling server may offer TURN servers
//! too, which the room then uses and renews automatically, unless
//! [`ignore_server_ice`](RoomOptions::ignore_server_ice) is set.
//!
//! Directly linked players can see each other's IP addresses. To prevent that, use
//! [`relay_only`](RoomOptions::relay_only).

#![cfg_attr(docsrs, feature(doc_cfg))]

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
pub mod replication;
pub mod rollback;
mod room;
#[cfg(feature = "room_list")]
mod room_list;
mod schedule;
mod send;
mod settings_commands;
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
    Channel, DisconnectReason, IceServer, LinkFailure, Path, PeerId, PeerKind, ProtocolViolation,
    RoomError, RoomSecret, RoomSecretError, RoomUrl, RoomUrlError, SdpError, SendError,
    SettingsError, ShortPeerId, Signaling, SignalingId, SignalingLoss, StopReason, ViolationSource,
};
#[cfg(feature = "room_list")]
pub use huddle_mesh::{ListedRoom, ServerUrlError};
pub use huddle_session::{
    DeliveryStats, Direction, KickError, KickPolicy, MAX_EVENT_LEN, MessageError as PacketError,
    OfferError, QueueError, Refusal, SetupError, Tick, TickRate, TickRateError, TransferFailure,
    TransferLimits,
    codec::{DecodeError, EncodeError},
};
pub use logging::LOG_FILTER;
pub use message::{
    event::{FromPeer, ToPeers, Undelivered},
    failed::{MessageRejected, SendFailed},
    raw::RawReceived,
    recipients::Recipients,
    registry::PeerMessage,
    transfer::{
        AcceptedTransfers, TransferDelivered, TransferFailed, TransferId, TransferProgress,
        TransferReceived, TransferStarted,
    },
};
pub use peer::{
    admission::JoinRequest,
    components::{
        LinkStats, LinkedWith, LocalPeer, Peer, PeerOf, Reconnecting, ReplicationStats, RoomPeers,
        Stopped,
    },
    events::{
        KickFailed, LinkFailed, MeshChanged, PeerJoined, PeerKicked, PeerLeft, PeerReconnected,
        PeerReconnecting, PeerRefused, PeerResumed, PeerStopped,
    },
    pending::{PeerPending, PendingPeers, PendingReason},
};
pub use plugin::{HuddlePlugins, RoomPlugin};
pub use room::{
    components::{MissingLinks, Room, RoomHost, RoomTick},
    events::{
        ChangeSettingsFailed, HostChanged, RoomFailed, RoomSettingsChanged, RoomStatusChanged,
        SetIceServersFailed, SignalRejected, SignalingChanged, TicksSkipped, TokenNeeded,
    },
    options::RoomOptions,
    settings::RoomSettings,
    status::{RoomStatus, SignalingStatus},
};
#[cfg(feature = "room_list")]
pub use room_list::{
    RoomListCommandsExt,
    error::RoomListError,
    events::{ListRoomsFailed, RoomsListed},
};
pub use schedule::HuddleSystems;
pub use send::{
    error::{SkippedRecipient, TrySendError},
    sender::PeerSender,
};
pub use settings_commands::RoomSettingsCommandsExt;
#[cfg(feature = "states")]
pub use states::{RoomPhase, RoomPhasePlugin};

/// The items that most games use: `use bevy_huddle::prelude::*;`.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        AcceptedTransfers, ChangeSettingsFailed, DisconnectReason, FromPeer, HostChanged, Huddle,
        HuddleAppExt, HuddleBackgroundPlugin, HuddleCommandsExt, HuddleDiagnosticsPlugin,
        HuddlePlugins, HuddleSystems, IceServer, KickFailed, KickPolicy, LinkConditioner,
        LinkFailed, LinkStats, LinkedWith, LocalPeer, MeshChanged, MessageRejected, Peer, PeerId,
        PeerJoined, PeerKicked, PeerLeft, PeerOf, PeerPending, PeerReconnected, PeerReconnecting,
        PeerRefused, PeerResumed, PeerSender, PeerStopped, PendingPeers, PendingReason, Recipients,
        Reconnecting, Room, RoomFailed, RoomOptions, RoomPeers, RoomSecret, RoomSettings,
        RoomSettingsChanged, RoomSettingsCommandsExt, RoomStatus, RoomStatusChanged, RoomTick,
        SendFailed, SetIceServersFailed, SignalRejected, SignalingChanged, SignalingStatus,
        StopReason, Stopped, TicksSkipped, ToPeers, TokenNeeded, TransferDelivered, TransferFailed,
        TransferLimits, TransferProgress, TransferReceived, TransferStarted, Undelivered,
        ViolationSource,
        conditions::{in_room, is_host, room_playing, room_status, room_waiting},
        replication::{
            Interpolated, LocallyOwned, Owner, OwnershipCommandsExt, OwnershipPolicy, Replicated,
            ReplicationAppExt,
        },
    };
    #[cfg(feature = "room_list")]
    #[doc(no_inline)]
    pub use crate::{ListRoomsFailed, ListedRoom, RoomListCommandsExt, RoomsListed};
    #[cfg(feature = "states")]
    #[doc(no_inline)]
    pub use crate::{RoomPhase, RoomPhasePlugin};
}
