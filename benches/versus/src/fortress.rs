use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use fortress_rollback::{
    Config, DesyncDetection, FortressEvent, FortressRequest, Message, NonBlockingSocket,
    P2PSession, PlayerHandle, PlayerType, ProtocolConfig, SessionBuilder, SessionState,
    network::codec,
};
use huddle_session::Lane;
use huddle_sim::{Arrival, Cell};
use web_time::Instant;

use crate::{
    game::Game,
    player::{Outbox, Player},
    step::{Outcome, Step},
};

/// A session of fortress-rollback with its default settings, except for those of the cell and a
/// checksum every 30 ticks, as in its own sweep. Inputs have 4 bytes.
pub(crate) struct Fortress {
    session: P2PSession<BenchConfig>,
    wire: Rc<RefCell<Wire>>,
    /// The virtual time, in nanoseconds.
    clock: Arc<AtomicU64>,
    cell: Cell,
    local: usize,
    game: Game,
    desyncs: u64,
}

struct BenchConfig;

impl Config for BenchConfig {
    type Input = u32;
    type State = Game;
    type Address = usize;
}

#[derive(Default)]
struct Wire {
    arrived: Vec<(usize, Message)>,
    outbox: Outbox,
}

struct Socket(Rc<RefCell<Wire>>);

impl NonBlockingSocket<usize> for Socket {
    fn send_to(&mut self, message: &Message, to: &usize) {
        self.0.borrow_mut().outbox.push(*to, Lane::State, |bytes| {
            codec::encode_append(message, bytes).expect("a message of the library");
        });
    }

    fn receive_all_messages(&mut self) -> Vec<(usize, Message)> {
        std::mem::take(&mut self.0.borrow_mut().arrived)
    }
}

impl Player for Fortress {
    const NAME: &str = "fortress-rollback 0.13";

    fn new(cell: &Cell, local: usize) -> Self {
        assert_eq!(cell.input_bytes, 4, "inputs must have 4 bytes");
        let clock = Arc::new(AtomicU64::new(0));
        let (start, nanos) = (Instant::now(), Arc::clone(&clock));
        let now = move || start + Duration::from_nanos(nanos.load(Ordering::Relaxed));
        let protocol = ProtocolConfig {
            clock: Some(Arc::new(now)),
            protocol_rng_seed: Some(cell.seed.wrapping_mul(1000) + local as u64),
            ..ProtocolConfig::default()
        };
        // The library counts the next tick as the first one of the window.
        let window = cell.window as usize + 1;
        let mut builder = SessionBuilder::<BenchConfig>::new()
            .with_num_players(cell.players)
            .and_then(|builder| builder.with_input_delay(cell.delay as usize))
            .expect("settings within the library's limits")
            .with_max_prediction_window(window)
            .with_desync_detection_mode(DesyncDetection::On { interval: 30 })
            .with_protocol_config(protocol);
        for player in 0..cell.players {
            let kind = match player == local {
                true => PlayerType::Local,
                false => PlayerType::Remote(player),
            };
            builder = builder
                .add_player(kind, PlayerHandle::new(player))
                .expect("a new player");
        }
        let wire = Rc::default();
        let session = builder
            .start_p2p_session(Socket(Rc::clone(&wire)))
            .expect("all players are added");
        Self {
            session,
            wire,
            clock,
            cell: *cell,
            local,
            game: Game::default(),
            desyncs: 0,
        }
    }

    fn receive(&mut self, arrival: Arrival<Bytes>) {
        let (message, _) = codec::decode_message(&arrival.packet).expect("a packet of the library");
        self.wire.borrow_mut().arrived.push((arrival.from, message));
    }

    fn step(&mut self, step: u32, now: Duration, outbox: &mut Outbox) -> Step {
        self.clock.store(now.as_nanos() as u64, Ordering::Relaxed);
        std::mem::swap(&mut self.wire.borrow_mut().outbox, outbox);
        let result = self.advance(step);
        std::mem::swap(&mut self.wire.borrow_mut().outbox, outbox);
        result
    }

    fn lag(&self) -> u32 {
        self.session.metrics().confirmation_lag_current as u32
    }

    fn desyncs(&self) -> u64 {
        self.desyncs
    }
}

impl Fortress {
    fn advance(&mut self, step: u32) -> Step {
        self.session.poll_remote_clients();
        for event in self.session.events() {
            self.desyncs += u64::from(matches!(event, FortressEvent::DesyncDetected { .. }));
        }
        let mut result = Step {
            outcome: Outcome::Waiting,
            rollback: None,
        };
        if self.session.current_state() != SessionState::Running {
            return result;
        }
        let tick = self.session.current_frame();
        let input = self.cell.input(self.local, step);
        self.session
            .add_local_input(PlayerHandle::new(self.local), input)
            .expect("a running session");
        let requests = self.session.advance_frame().expect("a running session");
        for request in requests {
            match request {
                FortressRequest::SaveGameState { cell, frame } => {
                    cell.save(frame, Some(self.game), Some(self.game.checksum()));
                }
                FortressRequest::LoadGameState { cell, .. } => {
                    let tick = self.game.tick;
                    self.game = cell.load().expect("a saved state");
                    result.rollback = Some((tick - self.game.tick) as u32);
                }
                FortressRequest::AdvanceFrame { inputs } => {
                    self.game.advance(inputs.iter().map(|(input, _)| *input));
                }
            }
        }
        result.outcome = match self.session.current_frame() == tick {
            true => Outcome::Stalled,
            false => Outcome::Simulated,
        };
        result
    }
}

#[cfg(test)]
mod tests {
    use huddle_sim::{CellResult, Tally};

    use super::*;
    use crate::{
        meter::Meter,
        player::{self, Clock},
        published,
    };

    fn play(cell: &Cell) -> Vec<Tally> {
        player::play::<Fortress>(cell, Clock::Virtual, &mut Meter::default())
    }

    #[test]
    fn lan_cell_reproduces_the_published_numbers() {
        let cell = Cell {
            delay: 1,
            window: 7,
            ..Cell::LAN_2
        };
        let result = CellResult::new(&cell, &play(&cell), &cell.ideal());
        let published = &published::SWEEP[0];
        let close = |a: f64, b: f64| (a - b).abs() < 0.06;
        assert!(close(
            result.bytes_per_player_s,
            published.bytes_per_player_s
        ));
        assert!(close(
            result.packets_per_link_s,
            published.packets_per_player_s.unwrap()
        ));
        assert!(close(result.rollbacks_per_100, published.rollbacks_per_100));
        assert!(close(result.lag_mean, published.lag_mean));
        assert_eq!(
            (result.depth_p99, result.lag_max),
            (published.depth_p99, published.lag_max)
        );
    }

    #[test]
    fn same_seed_plays_the_same_match() {
        let tallies = play(&Cell::MOBILE_2);
        assert_eq!(play(&Cell::MOBILE_2), tallies);
        let other = Cell {
            seed: 2,
            ..Cell::MOBILE_2
        };
        assert_ne!(play(&other), tallies);
        // Players agree despite mispredictions.
        let sum: Tally = tallies.iter().sum();
        assert!(sum.rollbacks > 500 && sum.desyncs == 0);
    }
}
