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
    rival::{Outbox, Rival},
    step::{Outcome, Step},
};

/// ggrs with its defaults, but for what a cell says. Inputs have 1 byte. It looks at the system's
/// clock, so it must be played in real time.
pub(crate) struct Ggrs {
    session: P2PSession<Played>,
    wire: Rc<RefCell<Wire>>,
    cell: Cell,
    me: usize,
    game: Game,
    desyncs: u64,
}

#[derive(Debug)]
struct Played;

impl Config for Played {
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
            bincode::serialize_into(bytes, message).expect("its own message");
        });
    }

    fn receive_all_messages(&mut self) -> Vec<(usize, Message)> {
        std::mem::take(&mut self.0.borrow_mut().arrived)
    }
}

impl Rival for Ggrs {
    const NAME: &str = "ggrs 0.12";

    fn new(cell: &Cell, me: usize) -> Self {
        assert_eq!(cell.input_bytes, 1, "its inputs are made of 1 byte here");
        // It calls the tick after the last known one the first of the window.
        let window = cell.window as usize + 1;
        let mut builder = SessionBuilder::<Played>::new()
            .with_num_players(cell.players)
            .expect("within its limits")
            .with_input_delay(cell.delay as usize)
            .with_max_prediction_window(window)
            .with_desync_detection_mode(DesyncDetection::On { interval: 30 });
        for player in 0..cell.players {
            let kind = match player == me {
                true => PlayerType::Local,
                false => PlayerType::Remote(player),
            };
            builder = builder.add_player(kind, player).expect("each player once");
        }
        let wire = Rc::default();
        let session = builder
            .start_p2p_session(Socket(Rc::clone(&wire)))
            .expect("all players are there");
        Self {
            session,
            wire,
            cell: *cell,
            me,
            game: Game::default(),
            desyncs: 0,
        }
    }

    fn receive(&mut self, arrival: Arrival<Bytes>) {
        let message = bincode::deserialize(&arrival.packet).expect("its own packet");
        self.wire.borrow_mut().arrived.push((arrival.from, message));
    }

    fn step(&mut self, step: u32, _: Duration, outbox: &mut Outbox) -> Step {
        std::mem::swap(&mut self.wire.borrow_mut().outbox, outbox);
        let did = self.advance(step);
        std::mem::swap(&mut self.wire.borrow_mut().outbox, outbox);
        did
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
        let mut did = Step {
            outcome: Outcome::Waiting,
            rollback: None,
        };
        if self.session.current_state() != SessionState::Running {
            return did;
        }
        let tick = self.session.current_frame();
        let input = self.cell.input(self.me, step) as u8;
        self.session
            .add_local_input(self.me, input)
            .expect("it runs");
        let requests = self.session.advance_frame().expect("it runs");
        for request in requests {
            match request {
                GgrsRequest::SaveGameState { cell, frame } => {
                    cell.save(frame, Some(self.game), Some(self.game.checksum()));
                }
                GgrsRequest::LoadGameState { cell, .. } => {
                    let tick = self.game.tick;
                    self.game = cell.load().expect("it was saved");
                    did.rollback = Some((tick - self.game.tick) as u32);
                }
                GgrsRequest::AdvanceFrame { inputs } => {
                    self.game
                        .advance(inputs.iter().map(|(input, _)| u32::from(*input)));
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
