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
    rival::{Outbox, Rival},
    step::{Outcome, Step},
};

/// fortress-rollback with its defaults, but for what a cell says and checksums every 30 ticks, as in
/// its own sweep. Inputs have 4 bytes.
pub(crate) struct Fortress {
    session: P2PSession<Played>,
    wire: Rc<RefCell<Wire>>,
    /// The virtual time, in nanoseconds.
    clock: Arc<AtomicU64>,
    cell: Cell,
    me: usize,
    game: Game,
    desyncs: u64,
}

struct Played;

impl Config for Played {
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
            codec::encode_append(message, bytes).expect("its own message");
        });
    }

    fn receive_all_messages(&mut self) -> Vec<(usize, Message)> {
        std::mem::take(&mut self.0.borrow_mut().arrived)
    }
}

impl Rival for Fortress {
    const NAME: &str = "fortress-rollback 0.12";

    fn new(cell: &Cell, me: usize) -> Self {
        assert_eq!(cell.input_bytes, 4, "its inputs are made of 4 bytes here");
        let clock = Arc::new(AtomicU64::new(0));
        let (start, nanos) = (Instant::now(), Arc::clone(&clock));
        let now = move || start + Duration::from_nanos(nanos.load(Ordering::Relaxed));
        let protocol = ProtocolConfig {
            clock: Some(Arc::new(now)),
            protocol_rng_seed: Some(cell.seed.wrapping_mul(1000) + me as u64),
            ..ProtocolConfig::default()
        };
        // It calls the tick after the last known one the first of the window.
        let window = cell.window as usize + 1;
        let mut builder = SessionBuilder::<Played>::new()
            .with_num_players(cell.players)
            .and_then(|builder| builder.with_input_delay(cell.delay as usize))
            .expect("within its limits")
            .with_max_prediction_window(window)
            .with_desync_detection_mode(DesyncDetection::On { interval: 30 })
            .with_protocol_config(protocol);
        for player in 0..cell.players {
            let kind = match player == me {
                true => PlayerType::Local,
                false => PlayerType::Remote(player),
            };
            builder = builder
                .add_player(kind, PlayerHandle::new(player))
                .expect("each player once");
        }
        let wire = Rc::default();
        let session = builder
            .start_p2p_session(Socket(Rc::clone(&wire)))
            .expect("all players are there");
        Self {
            session,
            wire,
            clock,
            cell: *cell,
            me,
            game: Game::default(),
            desyncs: 0,
        }
    }

    fn receive(&mut self, arrival: Arrival<Bytes>) {
        let (message, _) = codec::decode_message(&arrival.packet).expect("its own packet");
        self.wire.borrow_mut().arrived.push((arrival.from, message));
    }

    fn step(&mut self, step: u32, now: Duration, outbox: &mut Outbox) -> Step {
        self.clock.store(now.as_nanos() as u64, Ordering::Relaxed);
        std::mem::swap(&mut self.wire.borrow_mut().outbox, outbox);
        let did = self.advance(step);
        std::mem::swap(&mut self.wire.borrow_mut().outbox, outbox);
        did
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
        let mut did = Step {
            outcome: Outcome::Waiting,
            rollback: None,
        };
        if self.session.current_state() != SessionState::Running {
            return did;
        }
        let tick = self.session.current_frame();
        let input = self.cell.input(self.me, step);
        self.session
            .add_local_input(PlayerHandle::new(self.me), input)
            .expect("it runs");
        let requests = self.session.advance_frame().expect("it runs");
        for request in requests {
            match request {
                FortressRequest::SaveGameState { cell, frame } => {
                    cell.save(frame, Some(self.game), Some(self.game.checksum()));
                }
                FortressRequest::LoadGameState { cell, .. } => {
                    let tick = self.game.tick;
                    self.game = cell.load().expect("it was saved");
                    did.rollback = Some((tick - self.game.tick) as u32);
                }
                FortressRequest::AdvanceFrame { inputs } => {
                    self.game.advance(inputs.iter().map(|(input, _)| *input));
                }
            }
        }
        did.outcome = match self.session.current_frame() == tick {
            true => Outcome::Refused,
            false => Outcome::Simulated,
        };
        did
    }
}

#[cfg(test)]
mod tests {
    use huddle_sim::{CellResult, Tally};

    use super::*;
    use crate::{
        meter::Meter,
        published,
        rival::{self, Clock},
    };

    fn play(cell: &Cell) -> Vec<Tally> {
        rival::play::<Fortress>(cell, Clock::Virtual, &mut Meter::default())
    }

    #[test]
    fn without_chance_the_published_numbers_come_out() {
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
    fn the_same_seed_plays_the_same_game() {
        let tallies = play(&Cell::MOBILE_2);
        assert_eq!(play(&Cell::MOBILE_2), tallies);
        let other = Cell {
            seed: 2,
            ..Cell::MOBILE_2
        };
        assert_ne!(play(&other), tallies);
        // The game is the same for all, whatever was predicted.
        let sum: Tally = tallies.iter().sum();
        assert!(sum.rollbacks > 500 && sum.desyncs == 0);
    }
}
