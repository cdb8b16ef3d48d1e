use std::{cell::RefCell, rc::Rc, time::Duration};

use bytes::Bytes;
use ggrs::{
    Config, DesyncDetection, GgrsEvent, GgrsRequest, Message, NonBlockingSocket, P2PSession,
    PlayerType, PredictRepeatLast, SessionBuilder, SessionState,
};
use huddle_session::Lane;
use huddle_sim::{Arrival, Cell};

use crate::{
    game::Game,
    player::{Outbox, Player},
    step::{Outcome, Step},
};

/// A session of ggrs with its default settings, except for those of the cell. Inputs have 1 byte.
/// The library uses the system clock, so a match must run in real time.
pub(crate) struct Ggrs {
    session: P2PSession<BenchConfig>,
    wire: Rc<RefCell<Wire>>,
    cell: Cell,
    local: usize,
    game: Game,
    desyncs: u64,
}

#[derive(Debug)]
struct BenchConfig;

impl Config for BenchConfig {
    type Input = u8;
    type InputPredictor = PredictRepeatLast;
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
            bincode::serialize_into(bytes, message).expect("a message of the library");
        });
    }

    fn receive_all_messages(&mut self) -> Vec<(usize, Message)> {
        std::mem::take(&mut self.0.borrow_mut().arrived)
    }
}

impl Player for Ggrs {
    const NAME: &str = "ggrs 0.12";

    fn new(cell: &Cell, local: usize) -> Self {
        assert_eq!(cell.input_bytes, 1, "inputs must have 1 byte");
        // The library counts the next tick as the first one of the window.
        let window = cell.window as usize + 1;
        let mut builder = SessionBuilder::<BenchConfig>::new()
            .with_num_players(cell.players)
            .expect("settings within the library's limits")
            .with_input_delay(cell.delay as usize)
            .with_max_prediction_window(window)
            .with_desync_detection_mode(DesyncDetection::On { interval: 30 });
        for player in 0..cell.players {
            let kind = match player == local {
                true => PlayerType::Local,
                false => PlayerType::Remote(player),
            };
            builder = builder.add_player(kind, player).expect("a new player");
        }
        let wire = Rc::default();
        let session = builder
            .start_p2p_session(Socket(Rc::clone(&wire)))
            .expect("all players are added");
        Self {
            session,
            wire,
            cell: *cell,
            local,
            game: Game::default(),
            desyncs: 0,
        }
    }

    fn receive(&mut self, arrival: Arrival<Bytes>) {
        let message = bincode::deserialize(&arrival.packet).expect("a packet of the library");
        self.wire.borrow_mut().arrived.push((arrival.from, message));
    }

    fn step(&mut self, step: u32, _: Duration, outbox: &mut Outbox) -> Step {
        std::mem::swap(&mut self.wire.borrow_mut().outbox, outbox);
        let result = self.advance(step);
        std::mem::swap(&mut self.wire.borrow_mut().outbox, outbox);
        result
    }

    fn lag(&self) -> u32 {
        (self.session.current_frame() - self.session.confirmed_frame()).max(0) as u32
    }

    fn desyncs(&self) -> u64 {
        self.desyncs
    }
}

impl Ggrs {
    fn advance(&mut self, step: u32) -> Step {
        self.session.poll_remote_clients();
        for event in self.session.events() {
            self.desyncs += u64::from(matches!(event, GgrsEvent::DesyncDetected { .. }));
        }
        let mut result = Step {
            outcome: Outcome::Waiting,
            rollback: None,
        };
        if self.session.current_state() != SessionState::Running {
            return result;
        }
        let tick = self.session.current_frame();
        let input = self.cell.input(self.local, step) as u8;
        self.session
            .add_local_input(self.local, input)
            .expect("a running session");
        let requests = self.session.advance_frame().expect("a running session");
        for request in requests {
            match request {
                GgrsRequest::SaveGameState { cell, frame } => {
                    cell.save(frame, Some(self.game), Some(self.game.checksum()));
                }
                GgrsRequest::LoadGameState { cell, .. } => {
                    let tick = self.game.tick;
                    self.game = cell.load().expect("a saved state");
                    result.rollback = Some((tick - self.game.tick) as u32);
                }
                GgrsRequest::AdvanceFrame { inputs } => {
                    self.game
                        .advance(inputs.iter().map(|(input, _)| u32::from(*input)));
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
