//! Peer-to-peer multiplayer for Bevy, native and in browsers, without game servers.

mod commands;
pub mod conditions;
mod events;
mod huddle;
mod join;
mod link;
mod message;
mod peer;
mod plugin;
mod receive;
mod room;
mod send;
mod transport;

pub use commands::{HuddleCommandsExt, Recipients};
pub use events::{
    MessageError, MessageRejected, PeerJoined, PeerLeft, PeerRecovered, PeerSuspected,
    RejectReason, RoomFailed, RoomStateChanged, SendFailed, SignalingChanged,
};
pub use huddle::Huddle;
pub use huddle_mesh::{
    Channel, IceServer, LeaveReason, Path, PeerId, RoomError, RoomUrl, RoomUrlError, Signaling,
    SignalingLoss,
};
pub use huddle_sync::{
    KindId, MAX_EVENT_LEN, MAX_STATE_LEN, PacketError, QueueError,
    codec::{DecodeError, EncodeError},
};
pub use join::{JoinError, JoinRoom};
pub use message::{FromPeer, HuddleAppExt, PeerMessage, Shared};
pub use peer::{LinkStats, Peer, PeerOf, RoomPeers, Suspect};
pub use plugin::{HuddlePlugins, HuddleSystems, MessagePlugin, RoomPlugin, TickPlugin};
pub use room::{Room, RoomState, SignalingStatus};

/// What a game needs: `use bevy_huddle::prelude::*;`.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        FromPeer, Huddle, HuddleAppExt, HuddleCommandsExt, HuddlePlugins, HuddleSystems, IceServer,
        JoinRoom, LeaveReason, LinkStats, MessageRejected, Peer, PeerId, PeerJoined, PeerLeft,
        PeerOf, PeerRecovered, PeerSuspected, Recipients, Room, RoomFailed, RoomPeers, RoomState,
        RoomStateChanged, SendFailed, Shared, SignalingChanged, SignalingStatus, Suspect,
        TickPlugin,
        conditions::{in_room, playing, room_state, waiting},
    };
}
