use std::{collections::BTreeMap, time::Duration};

use huddle_session::{PeerId, TickRate};

use crate::{
    clock::DelayPolicy,
    inputs::{Input, InputCodec, SerdeInput},
    membership::start::{MatchId, Settings, SettingsError, Start, StartSetup, StartSetupError},
    timeline::{Predict, RepeatLast},
};

/// The players and the options of a match.
///
/// All players must have the same seats, tick rate, rules and checksum interval. The session checks this
/// before the first tick. The other options may differ between players.
pub struct RollbackSetup<I> {
    /// The local peer.
    pub local_id: PeerId,
    /// The peer that plays each seat. A match has at most [`MAX_SEATS`](crate::seat::MAX_SEATS) seats.
    pub seats: Vec<PeerId>,
    /// The number of ticks per second.
    pub rate: TickRate,
    /// Other settings that must be the same for all players, by name, such as the map or the
    /// difficulty.
    pub rules: BTreeMap<String, String>,
    /// The lowest match number that the local peer accepts, usually 0. The match gets the greatest
    /// number of all players. A [rematch](crate::session::RollbackSession::rematch) gets the number
    /// after that of the previous match.
    pub number: u32,
    /// A random number, which must be different for each match. The seed of the match depends on the
    /// nonces of all players.
    pub nonce: u64,
    /// Encodes and decodes inputs.
    pub codec: Box<dyn InputCodec<I>>,
    /// Predicts the inputs that have not arrived.
    pub predict: Box<dyn Predict<I>>,
    /// The initial delay policy of the local seats.
    pub delay: DelayPolicy,
    /// The prediction window: the maximum number of predicted ticks, at most 64. With 0, the session
    /// predicts nothing and waits for all inputs (lockstep).
    pub window: u8,
    /// The maximum number of ticks from one save to the next, from 1 to 64. A higher number means
    /// fewer saves and longer rollbacks.
    pub save_every: u8,
    /// The interval at which the players compare checksums of their states, in ticks. With 0, they
    /// compare none.
    pub checksum_every: u16,
    /// The longest forced rollback of a sync test, in ticks, at most 64. `None` for no sync test.
    ///
    /// A sync test finds state that is not saved, and other reasons why a game is not deterministic.
    /// In every step, the session rolls back by a random number of ticks. It compares the checksums of
    /// all states that it simulates more than once, and reports the first difference
    /// ([`RollbackEvent::SyncTestFailed`]). No other peer is needed. Use it only in development,
    /// because it makes each step many times as expensive.
    ///
    /// [`RollbackEvent::SyncTestFailed`]: crate::session::RollbackEvent::SyncTestFailed
    pub sync_test: Option<u8>,
    /// The disconnect timeout: the maximum time that the match waits for the inputs of a linked player.
    ///
    /// It is independent of the timeout of the link, which is much longer. When it is over, the player
    /// has a grace period of one second, because the player itself may be waiting for another one.
    /// Each simulated tick restores half a second. A player whose inputs allow less than two ticks per
    /// second, such as a browser tab in the background, therefore reaches the timeout as well.
    pub disconnect_timeout: Duration,
    /// The maximum time until all players are ready.
    pub start_limit: Duration,
}

impl<I> RollbackSetup<I> {
    /// Creates a setup with default options, in which each entry of `seats` plays the seat with its
    /// index.
    pub fn new(local_id: PeerId, seats: Vec<PeerId>) -> Self
    where
        I: Input + serde::Serialize + serde::de::DeserializeOwned,
    {
        Self {
            local_id,
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
            disconnect_timeout: Duration::from_secs(3),
            start_limit: StartSetup::LIMIT,
        }
    }
}

/// Errors in a [`RollbackSetup`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// There are no seats or too many seats, or the local peer has none.
    #[error(transparent)]
    Start(#[from] StartSetupError),
    /// There are too many rules, or one is too long.
    #[error(transparent)]
    Rules(#[from] SettingsError),
    /// The prediction window is too long.
    #[error(
        "a prediction window of {0} ticks is too long: the maximum is 64, and 8 suits most games"
    )]
    Window(u8),
    /// The interval between saves is 0.
    #[error("`save_every` is 0: set it to 1 to save before every tick that may be resimulated")]
    SaveEvery,
    /// The interval between saves is too long.
    #[error("`save_every` of {0} ticks is too long: the maximum is 64")]
    SavesTooFarApart(u8),
    /// The rollbacks of the sync test are too long.
    #[error("a sync test with rollbacks of {0} ticks is too long: the maximum is 64")]
    SyncTest(u8),
}

impl<I: Input> RollbackSetup<I> {
    /// Creates the start of the match. `lowest` is the lowest id that is not in use.
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
            local_id: self.local_id,
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
