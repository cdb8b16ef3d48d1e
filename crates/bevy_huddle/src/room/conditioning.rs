//! Applies the [`LinkConditioner`] component of a room to its link.

use bevy::prelude::*;

use crate::{conditioner::settings::LinkConditioner, room::link::RoomLink};

/// Applies changed and removed conditioners. Logs an invalid conditioner and keeps the previous
/// one.
pub(crate) fn apply_conditioners(mut rooms: Query<(&mut RoomLink, Option<Ref<LinkConditioner>>)>) {
    for (mut link, conditioner) in &mut rooms {
        match conditioner {
            Some(conditioner) => match conditioner.validate() {
                Ok(()) => link.set_conditioner(Some(*conditioner)),
                Err(error) if conditioner.is_changed() => {
                    log::error!("the room ignores an invalid link conditioner: {error}");
                }
                Err(_) => {}
            },
            None => link.set_conditioner(None),
        }
    }
}
