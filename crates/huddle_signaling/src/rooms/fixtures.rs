//! The registry and the requests of tests.

use std::{num::NonZeroUsize, time::Duration};

use matchbox_protocol::PeerId;
use uuid::Uuid;

use super::{JoinRequest, Limits, Registry, RoomKey};
use crate::{access::Access, group_id::GroupIds, player::Timing, settings::SettingsChange};

pub(super) const MAX_MEMBERS: usize = 4;
pub(super) const RESUME_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn peer(n: u128) -> PeerId {
    PeerId(Uuid::from_u128(n))
}

pub(super) fn registry() -> Registry {
    let limits = Limits {
        max_peers: 100,
        max_members: MAX_MEMBERS,
        timing: Timing {
            request_interval: Duration::from_secs(2),
            silence_timeout: Duration::from_secs(5),
            link_timeout: Duration::from_secs(10),
        },
        resume_timeout: RESUME_TIMEOUT,
    };
    Registry::new(limits, GroupIds::new(&[]))
}

pub(super) fn key(name: &str, next: usize) -> RoomKey {
    RoomKey {
        app: String::new(),
        name: name.to_owned(),
        next: NonZeroUsize::new(next),
    }
}

/// Returns the request of a client with extensions.
pub(super) fn request(key: RoomKey) -> JoinRequest {
    JoinRequest {
        key,
        has_extensions: true,
        group: None,
        resume: None,
        settings: SettingsChange::default(),
        access: Access::default(),
    }
}
