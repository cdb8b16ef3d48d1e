use huddle_session::{PeerId, Tick};

use crate::{
    inputs::{EncodedLog, Input, InputCodec},
    membership::agreement::Logs,
    seat::Seat,
    timeline::Driver,
};

/// The owner and the encoded inputs of each seat.
#[derive(Debug)]
pub(super) struct SeatTable {
    seats: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    owner: PeerId,
    log: EncodedLog,
    /// Whether the seat accepts inputs only from votes, because its player was dropped.
    is_frozen: bool,
}

impl SeatTable {
    pub(super) fn new(owners: &[PeerId]) -> Self {
        let row = |&owner| Row {
            owner,
            log: EncodedLog::starting(Tick(0)),
            is_frozen: false,
        };
        Self {
            seats: owners.iter().map(row).collect(),
        }
    }

    pub(super) fn seats_of(&self, peer: PeerId) -> impl Iterator<Item = Seat> {
        let seats = self.seats.iter().enumerate();
        seats
            .filter(move |(_, row)| row.owner == peer)
            .map(|(i, _)| Seat(i as u8))
    }

    pub(super) fn owner(&self, seat: Seat) -> Option<PeerId> {
        self.seats.get(seat.index()).map(|row| row.owner)
    }

    pub(super) fn log(&self, seat: Seat) -> Option<&EncodedLog> {
        self.seats.get(seat.index()).map(|row| &row.log)
    }

    /// Returns the log of a seat, unless the seat accepts inputs only from votes.
    pub(super) fn open_log(&mut self, seat: Seat) -> Option<&mut EncodedLog> {
        let row = self.seats.get_mut(seat.index())?;
        (!row.is_frozen).then_some(&mut row.log)
    }

    /// Passes all new inputs to the driver. Every peer replaces an input that cannot be decoded with the
    /// default. Calls `undecodable` with the author of each such input.
    pub(super) fn feed<I: Input>(
        &self,
        driver: &mut Driver<I>,
        codec: &dyn InputCodec<I>,
        mut undecodable: impl FnMut(PeerId),
    ) {
        for (i, row) in self.seats.iter().enumerate() {
            let seat = Seat(i as u8);
            while let Some(tick) = driver.next_input(seat)
                && let Some(bytes) = row.log.get(tick)
            {
                let input = codec.decode(bytes).unwrap_or_else(|_| {
                    undecodable(row.owner);
                    I::default()
                });
                driver.append(seat, input);
            }
        }
    }

    /// Returns the number of stored inputs.
    pub(super) fn kept(&self) -> usize {
        let logs = self.seats.iter().map(|row| &row.log);
        logs.map(|log| log.next().since(log.first()) as usize).sum()
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = PeerId> {
        self.seats.iter().map(|row| row.owner)
    }

    /// Drops all inputs before a tick.
    pub(super) fn forget_before(&mut self, tick: Tick) {
        for row in &mut self.seats {
            row.log.forget_before(tick);
        }
    }
}

impl Logs for SeatTable {
    fn next(&self, seat: Seat) -> Tick {
        self.log(seat).map_or(Tick(0), EncodedLog::next)
    }

    fn first(&self, seat: Seat) -> Tick {
        self.log(seat).map_or(Tick(0), EncodedLog::first)
    }

    fn input(&self, seat: Seat, tick: Tick) -> Option<&[u8]> {
        self.log(seat)?.get(tick)
    }

    fn append(&mut self, seat: Seat, input: &[u8]) {
        if let Some(row) = self.seats.get_mut(seat.index()) {
            let pushed = row.log.push(input);
            debug_assert!(
                pushed.is_ok(),
                "the agreement rejects inputs that are too long"
            );
        }
    }

    fn freeze(&mut self, seat: Seat) {
        if let Some(row) = self.seats.get_mut(seat.index()) {
            row.is_frozen = true;
        }
    }
}
