//! The names and colors of the players of the match.

use bevy::prelude::*;
use bevy_huddle::{prelude::*, rollback::*};
use example_kit::Persona;

use crate::lobby::Entrants;

/// The persona of each seat. It stays when a player leaves.
#[derive(Resource, Default)]
pub(crate) struct Cast(Vec<Member>);

struct Member {
    peer: PeerId,
    persona: Persona,
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Cast>().add_observer(assign);
}

/// Gives each fighter a color of its own.
fn assign(started: On<MatchStarted>, entrants: Entrants, mut cast: ResMut<Cast>) {
    cast.0.clear();
    for &peer in &started.seats {
        let is_guest = cast.0.iter().any(|member| member.peer == peer);
        let others = cast.0.iter().map(|member| &member.persona);
        let mut persona = entrants.persona(peer).in_free_color(others);
        if is_guest {
            persona.name.push_str(" (guest)");
        }
        cast.0.push(Member { peer, persona });
    }
}

impl Cast {
    /// Returns the name and the color of a seat.
    pub(crate) fn persona(&self, seat: Seat) -> Persona {
        let member = self.0.get(seat.index());
        member.map_or_else(|| Persona::new(0, 0), |member| member.persona.clone())
    }

    /// Returns the name of a seat.
    pub(crate) fn name(&self, seat: Seat) -> String {
        self.persona(seat).name
    }
}
