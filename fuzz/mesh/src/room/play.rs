//! What happens, in the order in which it happens.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use huddle_id::PeerId;
use uuid::Uuid;

use super::{
    checks::{Checks, relayed},
    other::{LOCAL, Other, description, room_description},
};
use crate::{
    channel::Channel,
    config::RoomConfig,
    core::{
        Action, Core, Entropy, Identity, Input, LinkId, LinkInput, SocketEnd, TICK,
        candidate::Candidate,
        control::{Control, Farewell},
        sdp::{Description, SdpKind, Setup, Tag},
        signal::{self, ServerMessage, Signal},
    },
    signaling_id::SignalingId,
    stats::Path,
};

/// A room's life.
#[derive(Debug, Arbitrary)]
pub struct Play {
    relay_only: bool,
    grouped: bool,
    /// So many, up to three, are linked with the room honestly before anything else happens.
    linked: u8,
    /// How many honest steps another one takes before that.
    begun: u8,
    #[arbitrary(with = rest)]
    steps: Vec<Step>,
}

/// As many as the input has bytes for.
fn rest<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>) -> arbitrary::Result<Vec<T>> {
    let mut all = Vec::new();
    while !u.is_empty() {
        all.push(u.arbitrary()?);
    }
    Ok(all)
}

/// One of few ids.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Name {
    /// This player.
    Me,
    /// A player's own id; half of them are lower than this player's.
    Session(u8),
    /// An id given by the server.
    Sid(u8),
}

#[derive(Debug, Arbitrary)]
enum Step {
    /// Time passes.
    Ticks(u8),
    Server(FromServer),
    /// The server sends what it sent last, so many times again.
    Again(u8),
    /// The server sends a text that may be anything.
    Text(String),
    SocketEnded(Option<u16>),
    SocketUnreachable,
    /// The one at the other end of a link, and this platform, do what is next to be done. A
    /// message for the room is spoiled in one byte, if asked for.
    Honest {
        link: u8,
        spoiled: Option<u8>,
    },
    Link {
        link: u8,
        report: Report,
    },
    Send {
        to: Name,
        lane: Lane,
        len: u16,
    },
    Cut(Name),
    Leave,
}

#[derive(Debug, Arbitrary)]
enum FromServer {
    Members(Name, Name),
    Assigned(Name),
    Joined(Name),
    Left(Name),
    Echo,
    Waiting,
    Full(Name),
    Linked(Name),
    Offer {
        from: Name,
        tag: Option<(u8, Name)>,
        variant: u8,
    },
    Answer {
        from: Name,
        tag: Option<(u8, Name)>,
        variant: u8,
    },
    Candidate {
        from: Name,
        relay: bool,
        ufrag: Option<String>,
    },
}

#[derive(Debug, Arbitrary)]
enum Report {
    Described,
    Candidate { relay: bool },
    Opened,
    Said(Lane, Said),
    Bytes(Lane, Vec<u8>),
    Relayed,
    Closed,
}

/// A message of the mesh.
#[derive(Debug, Arbitrary)]
pub struct Said(Words);

#[derive(Debug, Arbitrary)]
enum Words {
    Ready,
    Use,
    Ping(u32),
    Pong(u32),
    SignalingId(Name),
    /// Of one of this player's own offers.
    ClaimOffer(u8),
    Claim(String),
    Leaving,
    CutOff,
    Group(Name),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Lane {
    State,
    Events,
    Bulk,
}

impl Name {
    /// The fingerprint of a certificate. Half of the players have lower ids than the room.
    fn fingerprint(self) -> [u8; 32] {
        let [first, second, third] = match self {
            Name::Me => return LOCAL,
            Name::Session(n) => [n / 2, n, 0],
            Name::Sid(n) => [n / 2, n, 1],
        };
        let mut fingerprint = [second; 32];
        fingerprint[0] = first;
        fingerprint[2] = third;
        fingerprint
    }

    fn id(self) -> PeerId {
        match self {
            Name::Sid(_) => self.sid().peer_id(),
            _ => PeerId::of_certificate(&self.fingerprint()),
        }
    }

    fn sid(self) -> SignalingId {
        SignalingId::from_u128(match self {
            Name::Me => 256,
            Name::Session(n) => 2 * u128::from(n) + 1,
            Name::Sid(n) => 1000 + u128::from(n),
        })
    }
}

impl From<Lane> for Channel {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::State => Channel::State,
            Lane::Events => Channel::Events,
            Lane::Bulk => Channel::Bulk,
        }
    }
}

impl Said {
    /// The message as it travels.
    pub fn encode(&self) -> Bytes {
        let message = match &self.0 {
            Words::Ready => Control::Ready,
            Words::Use => Control::Use,
            Words::Ping(id) => Control::Ping(*id),
            Words::Pong(id) => Control::Pong(*id),
            Words::SignalingId(id) => Control::SignalingId(id.sid()),
            Words::ClaimOffer(link) => {
                Control::Claim(description(Setup::ActPass, *link, LOCAL).ufrag)
            }
            Words::Claim(ufrag) => Control::Claim(ufrag.clone()),
            Words::Leaving => Control::Bye(Farewell::Leaving),
            Words::CutOff => Control::Bye(Farewell::CutOff),
            Words::Group(room) => Control::Group(Uuid::from_u128(room.id().as_u128())),
        };
        message.encode()
    }
}

impl FromServer {
    fn text(&self) -> String {
        let from = |name: &Name, signal| {
            let request = signal::request(name.sid(), &signal);
            request.replacen("receiver", "sender", 1)
        };
        let described = |setup, tag: &Option<(u8, Name)>, variant| {
            let player = tag.map_or(Name::Sid(variant), |(_, player)| player);
            let mut described = description(setup, variant, player.fingerprint());
            described.tag = tag.map(|(attempt, _)| Tag {
                attempt: attempt.into(),
                proof: None,
            });
            described
        };
        match self {
            FromServer::Assigned(id) => format!(r#"{{"IdAssigned":"{}"}}"#, id.sid()),
            FromServer::Joined(id) => format!(r#"{{"NewPeer":"{}"}}"#, id.sid()),
            FromServer::Left(id) => format!(r#"{{"PeerLeft":"{}"}}"#, id.sid()),
            FromServer::Echo => r#""KeepAlive""#.into(),
            FromServer::Members(one, other) => {
                format!(r#"{{"Members":["{}","{}"]}}"#, one.sid(), other.sid())
            }
            FromServer::Waiting => r#"{"Group":"Waiting"}"#.into(),
            FromServer::Full(id) => format!(r#"{{"Group":{{"Full":"{}"}}}}"#, id.sid()),
            FromServer::Linked(id) => format!(r#"{{"Group":{{"Linked":"{}"}}}}"#, id.sid()),
            FromServer::Offer {
                from: name,
                tag,
                variant,
            } => from(
                name,
                Signal::Offer(described(Setup::ActPass, tag, *variant)),
            ),
            FromServer::Answer {
                from: name,
                tag,
                variant,
            } => from(
                name,
                Signal::Answer(described(Setup::Active, tag, *variant)),
            ),
            FromServer::Candidate {
                from: name,
                relay,
                ufrag,
            } => {
                let ufrag = ufrag.clone();
                from(
                    name,
                    Signal::Candidate {
                        candidate: candidate(*relay),
                        ufrag,
                    },
                )
            }
        }
    }
}

fn candidate(relay: bool) -> Candidate {
    let kind = if relay { "relay" } else { "host" };
    format!("candidate:1 1 udp 5 10.0.0.1 9 typ {kind}")
        .parse()
        .expect("a valid candidate")
}

/// The room, and the world around it.
struct World {
    core: Core,
    now: Duration,
    checks: Checks,
    others: Vec<Other>,
    /// What the server sent last.
    last: String,
}

impl Play {
    /// Lets it happen; panics if the room breaks a promise.
    pub fn run(self) {
        let url = if self.grouped {
            "ws://server/room?next=3"
        } else {
            "ws://server/room"
        };
        let mut config = RoomConfig::new(url).expect("a valid address");
        if self.relay_only {
            config = config.relay_only();
        }
        let me = Name::Me.id();
        let identity = Identity { fingerprint: LOCAL };
        let mut world = World {
            core: Core::new(&identity, &config, Entropy::seeded(1)),
            now: Duration::ZERO,
            checks: Checks::new(me, self.relay_only),
            others: Vec::new(),
            last: String::new(),
        };
        world.ticks(1);
        world.server_says(&FromServer::Assigned(Name::Sid(0)));
        let linked = self.linked % 4;
        for n in 0..linked {
            world.link_honestly(n, 8);
            assert_eq!(world.core.stats().count(), usize::from(n) + 1);
        }
        world.link_honestly(linked, self.begun % 8);
        for step in self.steps {
            world.step(step);
        }
    }
}

impl World {
    fn step(&mut self, step: Step) {
        match step {
            Step::Ticks(n) => self.ticks(n % 64 + 1),
            Step::Server(message) => self.server_says(&message),
            Step::Again(times) => {
                let last = self.last.clone();
                (0..times % 80).for_each(|_| self.server(&last));
            }
            Step::Text(text) => self.server(&text),
            Step::SocketEnded(code) => {
                self.handle(Input::SocketEnded(SocketEnd::Closed(code, String::new())));
            }
            Step::SocketUnreachable => {
                self.handle(Input::SocketEnded(SocketEnd::Unreachable("refused".into())));
            }
            Step::Honest { link, spoiled } => self.honest(link, spoiled),
            Step::Link { link, report } => self.report(link, report),
            Step::Send { to, lane, len } => {
                let bytes = Bytes::from(vec![0; usize::from(len) % 1200]);
                let linked = self.core.active_link(to.id()).is_some();
                assert_eq!(self.core.send(to.id(), lane.into(), bytes), linked);
                self.act();
            }
            Step::Cut(peer) => {
                self.checks.disconnect(peer.id());
                self.core.disconnect(self.now, peer.id());
                self.act();
            }
            Step::Leave => {
                self.core.leave();
                self.act();
            }
        }
    }

    fn ticks(&mut self, n: u8) {
        for _ in 0..n {
            self.now += TICK;
            self.core.tick(self.now);
            self.act();
        }
    }

    fn server(&mut self, text: &str) {
        self.last = text.to_owned();
        self.handle(Input::SocketText(text.to_owned()));
    }

    fn server_says(&mut self, message: &FromServer) {
        self.last = message.text();
        self.core
            .handle(self.now, Input::SocketText(self.last.clone()));
        self.act();
    }

    fn link(&mut self, link: LinkId, input: LinkInput) {
        self.core.handle(self.now, Input::Link(link, input));
        self.act();
    }

    fn handle(&mut self, input: Input) {
        self.core.handle(self.now, input);
        self.act();
    }

    /// Takes what the room wants done, and holds it against what it may want.
    fn act(&mut self) {
        while let Some(action) = self.core.next_action() {
            self.checks.action(&action);
            if let Action::OpenLink { link, offer } = action {
                let offer = offer.map(|sdp| {
                    Description::parse(SdpKind::Offer, &sdp).expect("a valid description")
                });
                self.others.push(Other::new(link, offer));
            }
        }
        self.checks.settled(&self.core);
        self.others.retain(|other| self.checks.is_open(other.link));
    }

    fn report(&mut self, link: u8, report: Report) {
        let Some(at) = self.nth(link) else { return };
        let link = self.others[at].link;
        match report {
            Report::Described => self.describe(at),
            Report::Candidate { relay } => {
                self.link(link, LinkInput::Candidate(candidate(relay).to_string()));
            }
            Report::Opened => self.open(at),
            Report::Said(lane, said) => {
                self.link(link, LinkInput::Message(lane.into(), said.encode()));
            }
            Report::Bytes(lane, bytes) => {
                self.link(link, LinkInput::Message(lane.into(), bytes.into()));
            }
            Report::Relayed => self.link(link, LinkInput::Path(Path::Relayed)),
            Report::Closed => self.link(link, LinkInput::Closed("it broke".into())),
        }
    }

    /// This platform describes its side of a link, once, and the room sends that to the other.
    fn describe(&mut self, at: usize) {
        let other = &mut self.others[at];
        if other.described.is_some() {
            return;
        }
        let link = other.link;
        let setup = match other.offered {
            Some(_) => Setup::Active,
            None => Setup::ActPass,
        };
        let mut mine = room_description(link, setup);
        mine.candidates = vec![candidate(false), candidate(true)];
        let input = LinkInput::Described(mine.to_sdp());
        self.core.handle(self.now, Input::Link(link, input));
        let Some(Action::SocketSend(text)) = self.core.next_action() else {
            panic!("a description is for the other side");
        };
        self.checks.action(&Action::SocketSend(text.clone()));
        self.others[at].described = match relayed(&text) {
            Some((sid, Signal::Offer(mine) | Signal::Answer(mine))) => Some((sid, mine.tag)),
            other => panic!("a description is for the other side: {other:?}"),
        };
        self.act();
    }

    fn open(&mut self, at: usize) {
        let other = &mut self.others[at];
        let link = other.link;
        other.opened = true;
        self.checks.opened(link);
        self.link(link, LinkInput::Opened);
    }

    fn honest(&mut self, link: u8, spoiled: Option<u8>) {
        let Some(at) = self.nth(link) else { return };
        let other = &mut self.others[at];
        if other.described.is_none() {
            self.describe(at);
        } else if let Some(answer) = other.answer(player) {
            self.server(&answer);
        } else if !other.opened {
            self.open(at);
        } else if let Some(message) = other.next_message() {
            let link = other.link;
            let mut bytes = message.encode().to_vec();
            if let Some(at) = spoiled {
                let at = usize::from(at) % bytes.len();
                bytes[at] ^= 1;
            }
            self.link(link, LinkInput::Message(Channel::Events, bytes.into()));
        }
    }

    /// A player comes, makes the offer or gets it, and does nothing wrong for some steps.
    fn link_honestly(&mut self, n: u8, steps: u8) {
        let from = Name::Sid(n + 1);
        // Lower than this player's id, so that they decide, or higher.
        let session = Name::Session(if n == 0 { n + 1 } else { u8::MAX - n });
        self.server_says(&match n {
            1 => FromServer::Joined(from),
            variant => FromServer::Offer {
                from,
                tag: Some((1, session)),
                variant,
            },
        });
        for _ in 0..steps {
            self.honest(n, None);
        }
    }

    fn nth(&self, link: u8) -> Option<usize> {
        usize::from(link).checked_rem(self.others.len())
    }
}

/// The certificate of the player that honestly goes by an id of the server.
fn player(sid: SignalingId) -> [u8; 32] {
    let name = (0..=u8::MAX).find(|n| Name::Sid(*n).sid() == sid);
    Name::Session(name.unwrap_or(u8::MAX)).fingerprint()
}
