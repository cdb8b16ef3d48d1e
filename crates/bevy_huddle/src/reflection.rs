//! Registers types with Bevy's reflection, for inspectors, scenes and remote tools.

use bevy::prelude::*;

use crate::{
    conditioner::settings::LinkConditioner,
    message::{
        failed::{MessageRejected, SendFailed},
        raw::RawReceived,
        transfer::{
            AcceptedTransfers, TransferDelivered, TransferFailed, TransferProgress,
            TransferReceived, TransferStarted,
        },
    },
    peer::{
        components::{
            LinkStats, LinkedWith, LocalPeer, Peer, PeerOf, Reconnecting, RoomPeers, Stopped,
        },
        events::{
            KickFailed, LinkFailed, MeshChanged, PeerJoined, PeerKicked, PeerLeft, PeerReconnected,
            PeerReconnecting, PeerRefused, PeerResumed, PeerStopped,
        },
        pending::{PeerPending, PendingPeers},
    },
    room::{
        components::{MissingLinks, Room, RoomHost, RoomTick},
        events::{
            ChangeSettingsFailed, HostChanged, RoomFailed, RoomSettingsChanged, RoomStatusChanged,
            SetIceServersFailed, SignalRejected, SignalingChanged, TicksSkipped, TokenNeeded,
        },
        settings::RoomSettings,
        status::{RoomStatus, SignalingStatus},
    },
};

/// Registers the components, resources and events.
///
/// Types that contain ids, reasons or addresses are opaque: the crates that define those do not
/// depend on Bevy. `FromPeer<T>`, `Undelivered<T>` and `ToPeers<T>` are reflected if
/// `T` is, and the game registers them.
pub(crate) fn register_types(app: &mut App) {
    app.register_type::<SendFailed>()
        .register_type::<MessageRejected>()
        .register_type::<RawReceived>()
        .register_type::<AcceptedTransfers>()
        .register_type::<TransferStarted>()
        .register_type::<TransferProgress>()
        .register_type::<TransferReceived>()
        .register_type::<TransferDelivered>()
        .register_type::<TransferFailed>()
        .register_type::<Peer>()
        .register_type::<LocalPeer>()
        .register_type::<PeerOf>()
        .register_type::<RoomPeers>()
        .register_type::<Reconnecting>()
        .register_type::<Stopped>()
        .register_type::<LinkedWith>()
        .register_type::<LinkStats>()
        .register_type::<PeerJoined>()
        .register_type::<PeerLeft>()
        .register_type::<PeerRefused>()
        .register_type::<LinkFailed>()
        .register_type::<PeerKicked>()
        .register_type::<KickFailed>()
        .register_type::<MeshChanged>()
        .register_type::<PeerStopped>()
        .register_type::<PeerResumed>()
        .register_type::<PeerReconnecting>()
        .register_type::<PeerReconnected>()
        .register_type::<PendingPeers>()
        .register_type::<PeerPending>()
        .register_type::<Room>()
        .register_type::<RoomTick>()
        .register_type::<RoomHost>()
        .register_type::<MissingLinks>()
        .register_type::<LinkConditioner>()
        .register_type::<RoomStatusChanged>()
        .register_type::<SignalingChanged>()
        .register_type::<RoomFailed>()
        .register_type::<SetIceServersFailed>()
        .register_type::<RoomSettings>()
        .register_type::<RoomSettingsChanged>()
        .register_type::<ChangeSettingsFailed>()
        .register_type::<TokenNeeded>()
        .register_type::<HostChanged>()
        .register_type::<TicksSkipped>()
        .register_type::<SignalRejected>()
        .register_type::<RoomStatus>()
        .register_type::<SignalingStatus>();
}
