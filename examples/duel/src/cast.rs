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

/// How much a hue differs from those of the seats before it, in degrees.
const APART: f32 = 25.0;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Cast>().add_observer(assign);
}

fn assign(started: On<MatchStarted>, entrants: Entrants, mut cast: ResMut<Cast>) {
    cast.0.clear();
    for &peer in &started.seats {
        let mut persona = entrants.persona(peer);
        let is_guest = cast.0.iter().any(|member| member.peer == peer);
        if is_guest {
            persona.name = format!("{}'s guest", persona.name);
        }
        persona.hue = free_hue(persona.hue, &cast.0);
        cast.0.push(Member { peer, persona });
    }
}

/// Returns the hue, or the next one that no other seat has, so that the fighters can be told apart.
fn free_hue(hue: f32, taken: &[Member]) -> f32 {
    let differs = |hue: &f32| {
        taken.iter().all(|member| {
            let gap = (member.persona.hue - hue).rem_euclid(360.0);
            gap.min(360.0 - gap) >= APART
        })
    };
    let steps = (0..8).map(|step| (hue + 45.0 * step as f32).rem_euclid(360.0));
    steps.clone().find(differs).unwrap_or(hue)
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
    fn two_players_with_the_same_color_can_be_told_apart() {
        let mut cast = Vec::new();
        for id in 0..4 {
            let mut persona = Persona::new(3, id);
            persona.hue = free_hue(persona.hue, &cast);
            let peer = PeerId::from_u128(id as u128);
            cast.push(Member { peer, persona });
        }
        for (index, member) in cast.iter().enumerate() {
            for other in &cast[..index] {
                let gap = (member.persona.hue - other.persona.hue).abs();
                assert!(gap.min(360.0 - gap) >= APART, "{gap}");
            }
        }
    }
}
