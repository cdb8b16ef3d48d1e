//! The lobby: who is in the room, how they look, and who is ready. The host starts the match.

use std::{collections::BTreeMap, time::Duration};

use bevy::{ecs::system::SystemParam, prelude::*};
use bevy_huddle::{prelude::*, rollback::*};
use example_kit::{Options, Persona, Toast};
use serde::{Deserialize, Serialize};

use crate::{
    playing::is_playing,
    simulation::{MAX_SEATS, Phase},
};

/// The maximum number of players at one machine.
pub(crate) const MAX_LOCAL: usize = 2;

/// What each player shows the others, on its entity. Late joiners receive it, too.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// The local player in the next room, and in this one.
#[derive(Resource, Deref, DerefMut, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LocalEntrant(pub(crate) Entrant);

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
    peers: Query<'w, 's, (&'static Peer, Option<&'static Entrant>, Has<Stopped>)>,
}

impl Entrants<'_, '_> {
    /// Returns all players in the room. One that has just joined is not ready, so no match starts without it. One
    /// whose game has stopped is neither ready nor in a match.
    pub(crate) fn all(&self) -> Vec<(PeerId, Entrant)> {
        let peers = self.peers.iter();
        let mut all: Vec<_> = peers
            .filter(|(peer, ..)| !peer.is_matchbox_client)
            .map(|(peer, entrant, has_stopped)| {
                let mut entrant = entrant.copied().unwrap_or_default();
                entrant.is_ready &= !has_stopped;
                entrant.is_playing &= !has_stopped;
                (peer.id, entrant)
            })
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
    /// When players no longer wait for those who claim to be in a match.
    busy_until: Option<Duration>,
    /// How many matches each player has played in a row.
    streaks: BTreeMap<PeerId, u32>,
}

/// The time that players have to get ready once there are enough for a match.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// The time after which the host plans another start if the last one had no result.
const START_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest match: its rounds are limited, and the platform of each disappears after 45 s.
const MATCH_LIMIT: Duration = Duration::from_secs(9 * 60);

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<BotsWaitFor>()
        .init_resource::<LocalEntrant>()
        .init_resource::<Plan>()
        .add_systems(PreUpdate, update_entrant)
        .add_systems(Update, name_peers)
        .add_observer(
            |started: On<MatchStarted>,
             mut entrant: ResMut<LocalEntrant>,
             mut plan: ResMut<Plan>| {
                entrant.is_ready = false;
                plan.started(&started.seats);
            },
        )
        .add_observer(give_up);
}

/// Shows why the match did not start. The players decide whether they try again.
fn give_up(
    failed: On<MatchStartFailed>,
    mut entrant: ResMut<LocalEntrant>,
    mut commands: Commands,
) {
    entrant.is_ready = false;
    let error = &failed.error;
    commands.trigger(Toast::warning(format!("The match did not start: {error}")));
}

/// Gives the peers the names and colors that they have chosen, for the kit's messages.
pub(crate) fn name_peers(
    peers: Query<(Entity, &Peer, &Entrant), (Changed<Entrant>, Without<LocalPeer>)>,
    mut commands: Commands,
) {
    for (entity, peer, entrant) in &peers {
        // The player may leave the room in the same frame, which despawns its peers.
        let persona = entrant.persona(peer.id);
        commands.entity(entity).try_insert(persona);
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
    mut entrant: ResMut<LocalEntrant>,
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
    pub(crate) fn next_seats(
        &mut self,
        now: Duration,
        all: &[(PeerId, Entrant)],
    ) -> Option<Vec<PeerId>> {
        if self.gives_up_at.is_some_and(|at| now < at) {
            return None;
        }
        let seats = self.seats(all);
        if self.is_busy(now, all) || seats.len() < 2 {
            self.starts_at = None;
            return None;
        }
        let starts_at = *self.starts_at.get_or_insert(now + READY_TIMEOUT);
        if now < starts_at && !all.iter().all(|(_, entrant)| entrant.is_ready) {
            return None;
        }
        self.starts_at = None;
        self.gives_up_at = Some(now + START_TIMEOUT);
        Some(seats)
    }

    /// Returns whether players are in a match. One that claims it for too long is ignored.
    fn is_busy(&mut self, now: Duration, all: &[(PeerId, Entrant)]) -> bool {
        if !all.iter().any(|(_, entrant)| entrant.is_playing) {
            self.busy_until = None;
            return false;
        }
        now < *self.busy_until.get_or_insert(now + MATCH_LIMIT)
    }

    /// Assigns seats to the players that are ready until all seats are taken. Players at the same machine stay
    /// together. If there are too many players, those wait that have played the most matches in a row.
    fn seats(&self, all: &[(PeerId, Entrant)]) -> Vec<PeerId> {
        let is_free = |entrant: &Entrant| entrant.is_ready && !entrant.is_playing;
        let mut free: Vec<_> = all.iter().filter(|(_, entrant)| is_free(entrant)).collect();
        free.sort_by_key(|(id, _)| self.streaks.get(id));
        let mut seats = Vec::new();
        for (id, entrant) in free {
            let players = usize::from(entrant.players());
            if seats.len() + players <= MAX_SEATS {
                seats.extend(std::iter::repeat_n(*id, players));
            }
        }
        seats
    }

    /// Counts a match with these players, and forgets everything that was planned.
    fn started(&mut self, seats: &[PeerId]) {
        self.streaks.retain(|id, _| seats.contains(id));
        for (index, id) in seats.iter().enumerate() {
            if !seats[..index].contains(id) {
                *self.streaks.entry(*id).or_default() += 1;
            }
        }
        self.cancel();
    }

    /// Forgets everything that was planned.
    pub(crate) fn cancel(&mut self) {
        self.starts_at = None;
        self.gives_up_at = None;
        self.busy_until = None;
    }

    /// Returns the seconds until the match starts.
    pub(crate) fn starts_in(&self, now: Duration) -> Option<u8> {
        let left = self.starts_at?.saturating_sub(now);
        Some(left.as_secs_f32().ceil() as u8)
    }
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
        assert_eq!(plan.next_seats(NOW, &[player(1, true, 0)]), None);
        let both = [player(1, true, 0), player(2, true, 0)];
        assert_eq!(ids(plan.next_seats(NOW, &both)), Some(vec![1, 2]));
        assert_eq!(plan.next_seats(NOW, &both), None, "it starts once");
    }

    #[test]
    fn one_machine_with_two_players_is_enough() {
        let seats = Plan::default().next_seats(NOW, &[player(1, true, 1)]);
        assert_eq!(ids(seats), Some(vec![1, 1]));
    }

    #[test]
    fn match_starts_without_a_player_that_is_never_ready() {
        let mut plan = Plan::default();
        let all = [player(1, true, 0), player(2, false, 0), player(3, true, 0)];
        assert_eq!(plan.next_seats(NOW, &all), None);
        assert_eq!(plan.starts_in(NOW), Some(10));
        assert_eq!(
            ids(plan.next_seats(NOW + READY_TIMEOUT, &all)),
            Some(vec![1, 3])
        );
    }

    #[test]
    fn taken_back_ready_stops_the_start() {
        let mut plan = Plan::default();
        let mut all = [player(1, true, 0), player(2, true, 0), player(3, false, 0)];
        assert_eq!(plan.next_seats(NOW, &all), None);
        all[1].1.is_ready = false;
        assert_eq!(plan.next_seats(NOW + READY_TIMEOUT, &all), None);
        assert_eq!(plan.starts_in(NOW), None);
    }

    #[test]
    fn nobody_is_interrupted() {
        let mut all = [player(1, true, 0), player(2, true, 0)];
        all[1].1.is_playing = true;
        assert_eq!(Plan::default().next_seats(NOW, &all), None);
    }

    #[test]
    fn player_that_always_claims_to_be_in_a_match_stops_nobody() {
        let mut all = [player(1, true, 0), player(2, true, 0), player(3, true, 0)];
        all[1].1.is_playing = true;
        let mut plan = Plan::default();
        assert_eq!(plan.next_seats(NOW, &all), None);
        assert_eq!(
            plan.next_seats(NOW + MATCH_LIMIT - READY_TIMEOUT, &all),
            None
        );
        let seats = plan.next_seats(NOW + MATCH_LIMIT, &all);
        assert_eq!(ids(seats), Some(vec![1, 3]));
    }

    #[test]
    fn all_players_take_turns_if_there_are_too_many() {
        let all: Vec<_> = (1..=5).map(|id| player(id, true, 0)).collect();
        let mut plan = Plan::default();
        let mut waited = Vec::new();
        for _ in 0..5 {
            let seats = plan.next_seats(NOW, &all).unwrap();
            plan.started(&seats);
            let waits = all.iter().find(|(id, _)| !seats.contains(id)).unwrap();
            waited.push(waits.0.as_u128());
        }
        waited.sort_unstable();
        assert_eq!(waited, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn players_at_one_machine_do_not_share_their_seats() {
        let all = [
            player(1, true, 0),
            player(2, true, 1),
            player(3, true, 1),
            player(4, true, 0),
        ];
        assert_eq!(
            ids(Plan::default().next_seats(NOW, &all)),
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
