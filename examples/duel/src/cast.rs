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

/// The number of the kit's colors.
const COLORS: usize = 12;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Cast>().add_observer(assign);
}

fn assign(started: On<MatchStarted>, entrants: Entrants, mut cast: ResMut<Cast>) {
    cast.0.clear();
    for &peer in &started.seats {
        let is_guest = cast.0.iter().any(|member| member.peer == peer);
        let mut persona = free_color(&entrants.persona(peer), &cast.0);
        if is_guest {
            persona.name.push_str(" (guest)");
        }
        cast.0.push(Member { peer, persona });
    }
}

/// Returns the persona, or the same animal in the next color that no other seat has, so that all fighters
/// differ.
fn free_color(persona: &Persona, taken: &[Member]) -> Persona {
    let [color, animal] = persona.numbers;
    let is_free = |persona: &Persona| taken.iter().all(|of| of.persona.hue != persona.hue);
    let mut choices = (0..COLORS).map(|step| Persona::new(color + step, animal));
    choices.find(is_free).unwrap_or_else(|| persona.clone())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_with_the_same_color_get_different_ones() {
        let mut cast = Vec::new();
        for id in 0..4 {
            let persona = free_color(&Persona::new(3, id), &cast);
            let peer = PeerId::from_u128(id as u128);
            cast.push(Member { peer, persona });
        }
        let names: Vec<_> = cast.iter().map(|member| &member.persona.name).collect();
        assert_eq!(names, ["Amber Ant", "Lemon Bat", "Lime Bear", "Mint Bee"]);
    }
}
