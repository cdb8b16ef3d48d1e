use std::{collections::BTreeMap, time::Duration};

use huddle_session::{PeerId, TickRate};

use crate::{
    coding::{Input, InputCodec, SerdeInput},
    delay::DelayPolicy,
    predict::{Predict, RepeatLast},
    start::{Settings, SettingsError, Start, StartSetup, StartSetupError},
};

/// A game to be played by rollback: who plays it, and how.
///
/// All players must have the same seats, rate and settings, which is checked before the first tick.
/// The rest is each player's own affair.
pub struct RollbackSetup<I> {
    /// This player.
    pub me: PeerId,
    /// Who plays each seat, in the order of the seats; at most [`MAX_SEATS`].
    pub seats: Vec<PeerId>,
    /// Ticks per second.
    pub rate: TickRate,
    /// What else must be the same for all, by name, such as the map or the difficulty.
    pub rules: BTreeMap<String, String>,
    /// Tells one game of a room from the one before: count it up for a rematch.
    pub number: u32,
    /// Any random number, of which the game's seed is made together with the others'.
    pub nonce: u64,
    /// How inputs become bytes.
    pub codec: Box<dyn InputCodec<I>>,
    /// What is simulated in place of inputs that have not arrived.
    pub predict: Box<dyn Predict<I>>,
    /// How long after it was made an input counts, for this player's seats at the start.
    pub delay: DelayPolicy,
    /// How many ticks beyond the last confirmed one may be simulated. With 0 nothing is ever
    /// predicted, and the game waits for all inputs (lockstep). At most 64.
    pub window: u8,
    /// The most ticks from one save to the next, at least 1. More makes for fewer saves, and for
    /// longer rollbacks.
    pub save_every: u8,
    /// Of every how many ticks the players compare their states' checksums; 0 for none. The same
    /// for all players.
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
    /// How long to wait for a player who is linked, but whose inputs do not come. It counts what
    /// arrives here, and not what the link reports: a link is given up much later. Everybody then has
    /// another second, in which it may turn out that they were waiting themselves. Each tick that
    /// goes on forgives half a second, so it also runs out for whoever lets the others play less than
    /// two ticks a second for long, such as a browser's tab in the background.
    pub patience: Duration,
    /// How long the others may take to be ready for the first tick.
    pub start_limit: Duration,
}

impl<I> RollbackSetup<I> {
    /// A game in which these players have one seat each, in this order; the rest as most games have
    /// it.
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

/// Why a game cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// There are too many seats or none, or none for this player.
    #[error(transparent)]
    Start(#[from] StartSetupError),
    /// The rules are too many or too long.
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
    /// The barrier before the first tick.
    pub(super) fn start(&self, now: Duration) -> Result<Start, SetupError> {
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
            me: self.me,
            round: self.number,
            seats: self.seats.clone(),
            settings,
            nonce: self.nonce,
            limit: self.start_limit,
        };
        Ok(Start::new(setup, now)?)
    }
}
