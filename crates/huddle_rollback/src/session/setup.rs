use std::{collections::BTreeMap, time::Duration};

use huddle_session::{PeerId, TickRate};

use crate::{
    clock::DelayPolicy,
    inputs::{Input, InputCodec, SerdeInput},
    membership::start::{MatchId, Settings, SettingsError, Start, StartSetup, StartSetupError},
    timeline::{Predict, RepeatLast},
};

/// The players of a match and its options.
///
/// All players must have the same seats, rate, rules and checksum interval, which is checked before the
/// first tick. Each player chooses the other options for itself.
pub struct RollbackSetup<I> {
    /// The local peer.
    pub me: PeerId,
    /// The peer of each seat, at most [`MAX_SEATS`](crate::seat::MAX_SEATS).
    pub seats: Vec<PeerId>,
    /// Ticks per second.
    pub rate: TickRate,
    /// Other settings that all players must share, by name, such as the map or the difficulty.
    pub rules: BTreeMap<String, String>,
    /// The lowest match number that this player accepts, usually 0. The players agree on the greatest
    /// one, and a [rematch](crate::session::RollbackSession::rematch) counts on from the match before.
    pub number: u32,
    /// A random number, new for each match. The seed of the match depends on those of all players.
    pub nonce: u64,
    /// Encodes and decodes inputs.
    pub codec: Box<dyn InputCodec<I>>,
    /// Predicts inputs that have not arrived.
    pub predict: Box<dyn Predict<I>>,
    /// The input delay of this player's seats at the start.
    pub delay: DelayPolicy,
    /// The prediction window: how many ticks beyond the last confirmed one may be simulated, at most
    /// 64. With 0 nothing is predicted, and the match waits for all inputs (lockstep).
    pub window: u8,
    /// The maximum number of ticks between two saves, 1 to 64. More ticks mean fewer saves and longer
    /// rollbacks.
    pub save_every: u8,
    /// The interval, in ticks, at which the players compare checksums of their states, or 0 for never.
    pub checksum_every: u16,
    /// The longest forced rollback of a sync test, in ticks, at most 64. `None` for no sync test.
    ///
    /// In a sync test, the driver rolls back in every step by a random number of ticks. It compares
    /// the checksums of all states that it simulates more than once, and reports the first one that
    /// differs ([`RollbackEvent::SyncTestFailed`]). No other peer is needed. It is for development: it
    /// makes each step many times as expensive.
    ///
    /// [`RollbackEvent::SyncTestFailed`]: crate::session::RollbackEvent::SyncTestFailed
    pub sync_test: Option<u8>,
    /// The disconnect timeout: how long to wait for the inputs of a linked player, whatever the link
    /// reports, because links are given up much later. The player then has another second, in which it
    /// may turn out that it waits itself. Each simulated tick restores half a second, so the timeout
    /// also applies to a player that allows less than two ticks per second for long, such as a
    /// background tab of a browser.
    pub patience: Duration,
    /// How long to wait until all players are ready.
    pub start_limit: Duration,
}

impl<I> RollbackSetup<I> {
    /// Creates a setup in which these peers have one seat each, in this order, with default options.
    pub fn new(me: PeerId, seats: Vec<PeerId>) -> Self
    where
        I: Input + serde::Serialize + serde::de::DeserializeOwned,
    {
        Self {
            me,
            seats,
            rate: TickRate::default(),
            rules: BTreeMap::new(),
            number: 0,
            nonce: 0,
            codec: Box::new(SerdeInput),
            predict: Box::new(RepeatLast),
            delay: DelayPolicy::default(),
            window: 8,
            save_every: 1,
            checksum_every: 30,
            sync_test: None,
            patience: Duration::from_secs(3),
            start_limit: StartSetup::LIMIT,
        }
    }
}

/// Why a match is impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// There are no seats, too many, or none for the local peer.
    #[error(transparent)]
    Start(#[from] StartSetupError),
    /// There are too many rules, or one is too long.
    #[error(transparent)]
    Rules(#[from] SettingsError),
    /// The prediction window is too long.
    #[error("a prediction window of {0} ticks is too long: 64 is the longest, 8 is usual")]
    Window(u8),
    /// Saves would never be made.
    #[error("`save_every` is 0: with 1 every tick is saved that may have to be simulated again")]
    SaveEvery,
    /// Saves would be too far apart.
    #[error("`save_every` of {0} ticks is too much: 64 is the most")]
    SavesTooFarApart(u8),
    /// The rollbacks of the sync test are too long.
    #[error("a sync test with rollbacks of {0} ticks is too long: 64 is the maximum")]
    SyncTest(u8),
}

impl<I: Input> RollbackSetup<I> {
    /// Creates the barrier before the first tick. `lowest` is the lowest id that is not used up.
    pub(super) fn start(
        &self,
        lowest: MatchId,
        is_playing: bool,
        now: Duration,
    ) -> Result<Start, SetupError> {
        if let Some(depth @ 65..) = self.sync_test {
            return Err(SetupError::SyncTest(depth));
        }
        match (self.window, self.save_every) {
            (65.., _) => return Err(SetupError::Window(self.window)),
            (_, 0) => return Err(SetupError::SaveEvery),
            (_, 65..) => return Err(SetupError::SavesTooFarApart(self.save_every)),
            _ => {}
        }
        let mut settings = Settings::new(self.rate, &self.codec.schema())?;
        for (name, value) in &self.rules {
            settings.set(name, value)?;
        }
        settings.set("checksum every", self.checksum_every.to_string())?;
        let setup = StartSetup {
            local_id: self.me,
            id: lowest.max(MatchId {
                number: self.number,
                epoch: 0,
            }),
            seats: self.seats.clone(),
            settings,
            nonce: self.nonce,
            limit: self.start_limit,
            is_playing,
        };
        Ok(Start::new(setup, now)?)
    }
}
