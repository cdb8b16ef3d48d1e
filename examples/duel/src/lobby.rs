//! The lobby: who is in the room, how they look, and who is ready. The host starts the match.

use std::time::Duration;

use bevy::{ecs::system::SystemParam, prelude::*};
use bevy_huddle::{prelude::*, rollback::*};
use example_kit::{Options, Persona};
use serde::{Deserialize, Serialize};

use crate::{
    playing::is_playing,
    simulation::{MAX_SEATS, Phase},
};

/// The maximum number of players at one machine.
pub(crate) const MAX_LOCAL: usize = 2;

/// What each player tells the others about itself. It is shared as state, so late joiners receive it, too.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entrant {
    /// The numbers of the color and the animal, if the player has changed them.
    look: Option<[u8; 2]>,
    /// The number of additional players at this machine.
    guests: u8,
    /// Whether the player wants to play the next match.
    pub(crate) is_ready: bool,
    /// Whether the player is in a match that is not over.
    pub(crate) is_playing: bool,
    /// The seconds until the next match starts, if this player is the host and knows.
    pub(crate) starts_in: Option<u8>,
}

impl Entrant {
    /// Returns the number of players at this machine, which is at least 1, whatever a peer sends.
    pub(crate) fn players(&self) -> u8 {
        1 + self.guests.min(MAX_LOCAL as u8 - 1)
    }

    /// Adds a second player at this machine, or removes it.
    pub(crate) fn toggle_guest(&mut self) {
        self.guests = u8::from(self.players() == 1);
    }

    /// Returns the name and the color of a player with this id.
    pub(crate) fn persona(&self, id: PeerId) -> Persona {
        match self.look {
            None => Persona::of(id),
            Some([color, animal]) => Persona::new(color.into(), animal.into()),
        }
    }

    /// Takes the next color, or the next animal.
    pub(crate) fn change_look(&mut self, id: PeerId, color: u8, animal: u8) {
        let now = self.persona(id).numbers.map(|number| number as u8);
        self.look = Some([now[0].wrapping_add(color), now[1].wrapping_add(animal)]);
    }
}

/// The players in the room, with the host first.
#[derive(SystemParam)]
pub(crate) struct Entrants<'w, 's> {
    pub(crate) huddle: Huddle<'w, 's>,
    local: Res<'w, Entrant>,
    others: Query<'w, 's, (&'static Peer, Option<&'static Shared<Entrant>>), Without<LocalPeer>>,
}

impl Entrants<'_, '_> {
    /// Returns all players in the room. One that has just joined is not ready, so no match starts without it.
    pub(crate) fn all(&self) -> Vec<(PeerId, Entrant)> {
        let others = self.others.iter();
        let mut all: Vec<_> = others
            .filter(|(peer, _)| !peer.is_matchbox_client)
            .map(|(peer, entrant)| {
                (
                    peer.id,
                    entrant.map(|entrant| entrant.0).unwrap_or_default(),
                )
            })
            .chain(self.huddle.local_id().map(|id| (id, *self.local)))
            .collect();
        let host = self.huddle.host();
        all.sort_unstable_by_key(|&(id, _)| (Some(id) != host, id));
        all
    }

    /// Returns the name and the color of a player, even if it has left.
    pub(crate) fn persona(&self, id: PeerId) -> Persona {
        let all = self.all();
        let found = all.iter().find(|(other, _)| *other == id);
        found.map_or_else(|| Persona::of(id), |(_, entrant)| entrant.persona(id))
    }
}

/// The number of players in the room for which bots wait before they are ready. The default is 2.
#[derive(Resource, Clone, Copy, Debug)]
pub struct BotsWaitFor(pub usize);

impl Default for BotsWaitFor {
    fn default() -> Self {
        Self(2)
    }
}

/// The start of the next match, as the host plans it.
#[derive(Resource, Default)]
pub(crate) struct Plan {
    /// When the match starts, even if some players are not ready.
    starts_at: Option<Duration>,
    /// When the start of a match counts as failed.
    gives_up_at: Option<Duration>,
}

/// The time that players have to get ready once there are enough for a match.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// The time after which the host plans another start if the last one had no result.
const START_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<BotsWaitFor>()
        .init_resource::<Entrant>()
        .init_resource::<Plan>()
        .add_systems(PreUpdate, update_entrant)
        .add_systems(Update, name_peers)
        .add_observer(
            |_: On<MatchStarted>, mut entrant: ResMut<Entrant>, mut plan: ResMut<Plan>| {
                entrant.is_ready = false;
                *plan = Plan::default();
            },
        )
        .add_observer(|_: On<MatchStartFailed>, mut plan: ResMut<Plan>| *plan = Plan::default());
}

/// Gives the peers the names and colors that they have chosen, for the kit's messages.
fn name_peers(
    peers: Query<(Entity, &Peer, &Shared<Entrant>), Changed<Shared<Entrant>>>,
    mut commands: Commands,
) {
    for (entity, peer, entrant) in &peers {
        commands.entity(entity).insert(entrant.persona(peer.id));
    }
}

/// Keeps what the others see up to date. A bot is ready as soon as there are enough players.
fn update_entrant(
    options: Res<Options>,
    bots_wait_for: Res<BotsWaitFor>,
    huddle: Huddle,
    status: Res<MatchStatus>,
    phase: Res<State<Phase>>,
    plan: Res<Plan>,
    time: Res<Time<Real>>,
    mut entrant: ResMut<Entrant>,
) {
    let mut next = *entrant;
    next.starts_in = plan.starts_in(time.elapsed());
    next.is_playing = is_playing(&status, &phase);
    let is_enough = 1 + huddle.peers().count() >= bots_wait_for.0;
    next.is_ready |= options.bot.is_some() && is_enough && !next.is_playing;
    entrant.set_if_neq(next);
}

impl Plan {
    /// Returns the players of the next match if it starts now. The host calls this in every frame.
    ///
    /// A match starts as soon as all players are ready, or some seconds after there were enough.
    pub(crate) fn start(
        &mut self,
        now: Duration,
        all: &[(PeerId, Entrant)],
    ) -> Option<Vec<PeerId>> {
        if self.gives_up_at.is_some_and(|at| now < at) {
            return None;
        }
        let seats = seats(all);
        let is_busy = all.iter().any(|(_, entrant)| entrant.is_playing);
        if seats.len() < 2 || is_busy {
            self.starts_at = None;
            return None;
        }
        let starts_at = *self.starts_at.get_or_insert(now + READY_TIMEOUT);
        if now < starts_at && !all.iter().all(|(_, entrant)| entrant.is_ready) {
            return None;
        }
        *self = Plan {
            starts_at: None,
            gives_up_at: Some(now + START_TIMEOUT),
        };
        Some(seats)
    }

    /// Returns the seconds until the match starts.
    pub(crate) fn starts_in(&self, now: Duration) -> Option<u8> {
        let left = self.starts_at?.saturating_sub(now);
        Some(left.as_secs_f32().ceil() as u8)
    }
}

/// Returns a seat for each player that is ready, as far as there are seats. Players at the same machine stay together.
fn seats(all: &[(PeerId, Entrant)]) -> Vec<PeerId> {
    let mut seats = Vec::new();
    for (id, entrant) in all.iter().filter(|(_, entrant)| entrant.is_ready) {
        let players = usize::from(entrant.players());
        if seats.len() + players <= MAX_SEATS {
            seats.extend(std::iter::repeat_n(*id, players));
        }
    }
    seats
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn player(id: u128, is_ready: bool, guests: u8) -> (PeerId, Entrant) {
        let entrant = Entrant {
            is_ready,
            guests,
            ..default()
        };
        (PeerId::from_u128(id), entrant)
    }

    fn ids(seats: Option<Vec<PeerId>>) -> Option<Vec<u128>> {
        seats.map(|seats| seats.iter().map(|id| id.as_u128()).collect())
    }

    #[test]
    fn match_starts_when_all_are_ready() {
        let mut plan = Plan::default();
        assert_eq!(plan.start(NOW, &[player(1, true, 0)]), None);
        let both = [player(1, true, 0), player(2, true, 0)];
        assert_eq!(ids(plan.start(NOW, &both)), Some(vec![1, 2]));
        assert_eq!(plan.start(NOW, &both), None, "it starts once");
    }

    #[test]
    fn one_machine_with_two_players_is_enough() {
        let seats = Plan::default().start(NOW, &[player(1, true, 1)]);
        assert_eq!(ids(seats), Some(vec![1, 1]));
    }

    #[test]
    fn match_starts_without_a_player_that_is_never_ready() {
        let mut plan = Plan::default();
        let all = [player(1, true, 0), player(2, false, 0), player(3, true, 0)];
        assert_eq!(plan.start(NOW, &all), None);
        assert_eq!(plan.starts_in(NOW), Some(10));
        assert_eq!(ids(plan.start(NOW + READY_TIMEOUT, &all)), Some(vec![1, 3]));
    }

    #[test]
    fn taken_back_ready_stops_the_start() {
        let mut plan = Plan::default();
        let mut all = [player(1, true, 0), player(2, true, 0), player(3, false, 0)];
        assert_eq!(plan.start(NOW, &all), None);
        all[1].1.is_ready = false;
        assert_eq!(plan.start(NOW + READY_TIMEOUT, &all), None);
        assert_eq!(plan.starts_in(NOW), None);
    }

    #[test]
    fn nobody_is_interrupted() {
        let mut all = [player(1, true, 0), player(2, true, 0)];
        all[1].1.is_playing = true;
        assert_eq!(Plan::default().start(NOW, &all), None);
    }

    #[test]
    fn fifth_player_waits_for_the_next_match() {
        let all = [
            player(1, true, 0),
            player(2, true, 1),
            player(3, true, 1),
            player(4, true, 0),
        ];
        assert_eq!(
            ids(Plan::default().start(NOW, &all)),
            Some(vec![1, 2, 2, 4])
        );
    }

    #[test]
    fn entrant_of_a_peer_is_always_valid() {
        let entrant = Entrant {
            look: Some([255, 255]),
            guests: 255,
            ..default()
        };
        assert_eq!(entrant.players(), 2);
        assert!(!entrant.persona(PeerId::from_u128(1)).name.is_empty());
    }

    #[test]
    fn look_changes_step_by_step() {
        let id = PeerId::from_u128(9);
        let mut entrant = Entrant::default();
        let before = entrant.persona(id);
        entrant.change_look(id, 1, 0);
        let after = entrant.persona(id);
        assert_ne!(before.hue, after.hue);
        assert_eq!(before.numbers[1], after.numbers[1]);
    }
}
