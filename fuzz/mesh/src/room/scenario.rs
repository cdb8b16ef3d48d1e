//! Scenarios: sequences of inputs for a room.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use huddle_id::PeerId;
use uuid::Uuid;

use super::{
    checks::{Checks, relayed},
    remote::{LOCAL, Remote, description, room_description},
};
use crate::{
    channel::Channel,
    config::RoomConfig,
    core::{
        Action, Core, Entropy, Identity, Input, LinkId, LinkInput, SocketEnd, TICK,
        candidate::Candidate,
        control::{Control, Goodbye},
        sdp::{Description, SdpKind, Setup, Tag},
        signal::{self, ServerMessage, Signal},
    },
    settings::SettingsChange,
    signaling_id::SignalingId,
    stats::Path,
};

/// A scenario for one room.
#[derive(Debug, Arbitrary)]
pub struct Scenario {
    relay_only: bool,
    grouped: bool,
    /// The number of peers, up to three, that link honestly before the steps.
    linked: u8,
    /// The number of honest steps that one more peer takes before the steps.
    begun: u8,
    #[arbitrary(with = rest)]
    steps: Vec<Step>,
}

/// Reads values until the input is empty.
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
    /// The local peer.
    Local,
    /// The id of a remote peer. Half of these ids are lower than the local one.
    Session(u8),
    /// An id that the server assigned.
    Sid(u8),
}

#[derive(Debug, Arbitrary)]
enum Step {
    /// The clock advances by this many ticks.
    Ticks(u8),
    Server(FromServer),
    /// The server repeats its last message this many times.
    Repeat(u8),
    /// The server sends any text.
    Text(String),
    SocketEnded(Option<u16>),
    SocketUnreachable,
    /// The remote peer or the local platform takes the next honest step on a link. With `corrupt`,
    /// one byte of the remote peer's message changes.
    Honest {
        link: u8,
        corrupt: Option<u8>,
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
    Disconnect(Name),
    Leave,
    /// The machine has another network; otherwise the page is only visible again.
    Network {
        changed: bool,
    },
    /// The game changes the settings of the room.
    Settings {
        is_open: Option<bool>,
        is_listed: Option<bool>,
        capacity: Option<u16>,
    },
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
    /// A member identifies itself.
    Identity {
        from: Name,
        id: Name,
    },
    /// The place of the room, which the local peer takes again if its members are listed.
    Session(Option<(Name, Name)>),
    Doubtful(Name),
    Resumed(Name),
    Turn(u8),
    /// The settings of the room.
    Room {
        keeper: Name,
        open: bool,
        listed: bool,
        capacity: u32,
        metadata: u16,
    },
}

#[derive(Debug, Arbitrary)]
enum Report {
    Described,
    Candidate { relay: bool },
    Opened,
    Message(Lane, Message),
    Bytes(Lane, Vec<u8>),
    Relayed,
    Closed,
}

/// A control message.
#[derive(Debug, Arbitrary)]
pub struct Message(MessageKind);

#[derive(Debug, Arbitrary)]
enum MessageKind {
    Ready,
    Use,
    Ping(u32),
    Pong(u32),
    SignalingId(Name),
    /// Claims one of the local peer's own offers.
    ClaimOffer(u8),
    Claim(String),
    Leaving,
    Disconnected,
    Group(Name),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Lane {
    State,
    Events,
    Bulk,
}

impl Name {
    /// Returns the fingerprint of the peer's certificate.
    fn fingerprint(self) -> [u8; 32] {
        let [first, second, third] = match self {
            Name::Local => return LOCAL,
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
            Name::Local => 256,
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

impl Message {
    /// Encodes the message.
    pub fn encode(&self) -> Bytes {
        let message = match &self.0 {
            MessageKind::Ready => Control::Ready,
            MessageKind::Use => Control::Use,
            MessageKind::Ping(id) => Control::Ping(*id),
            MessageKind::Pong(id) => Control::Pong(*id),
            MessageKind::SignalingId(id) => Control::SignalingId(id.sid()),
            MessageKind::ClaimOffer(link) => {
                Control::Claim(description(Setup::ActPass, *link, LOCAL).ufrag)
            }
            MessageKind::Claim(ufrag) => Control::Claim(ufrag.clone()),
            MessageKind::Leaving => Control::Bye(Goodbye::Leaving),
            MessageKind::Disconnected => Control::Bye(Goodbye::Disconnected),
            MessageKind::Group(room) => Control::Group(Uuid::from_u128(room.id().as_u128())),
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
            let sender = tag.map_or(Name::Sid(variant), |(_, sender)| sender);
            let mut described = description(setup, variant, sender.fingerprint());
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
            FromServer::Session(members) => {
                let members = members.as_ref().map(|(one, other)| {
                    format!(r#","members":["{}","{}"]"#, one.sid(), other.sid())
                });
                let secret = "0".repeat(32);
                let members = members.unwrap_or_default();
                format!(r#"{{"Session":{{"resume":"{secret}","timeout_ms":9{members}}}}}"#)
            }
            FromServer::Doubtful(id) => format!(r#"{{"Doubtful":"{}"}}"#, id.sid()),
            FromServer::Resumed(id) => format!(r#"{{"Resumed":"{}"}}"#, id.sid()),
            FromServer::Turn(n) => format!(
                r#"{{"IceServers":{{"urls":["turn:h"],"username":"u","credential":"{n}"}}}}"#
            ),
            FromServer::Room {
                keeper,
                open,
                listed,
                capacity,
                metadata,
            } => {
                let (keeper, metadata) = (keeper.sid(), "x".repeat(usize::from(*metadata % 300)));
                format!(
                    r#"{{"Room":{{"keeper":"{keeper}","open":{open},"listed":{listed},"capacity":{capacity},"metadata":"{metadata}"}}}}"#
                )
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
            FromServer::Identity { from: name, id } => from(name, Signal::Linked(id.id())),
        }
    }
}

fn candidate(relay: bool) -> Candidate {
    let kind = if relay { "relay" } else { "host" };
    format!("candidate:1 1 udp 5 10.0.0.1 9 typ {kind}")
        .parse()
        .expect("a valid candidate")
}

/// The room and its environment.
struct World {
    core: Core,
    now: Duration,
    checks: Checks,
    remotes: Vec<Remote>,
    /// The server's last message.
    last: String,
}

impl Scenario {
    /// Runs the scenario. Panics if a check fails.
    pub fn run(self) {
        let url = if self.grouped {
            "ws://server/room?next=3"
        } else {
            "ws://server/room"
        };
        let mut config = RoomConfig::new(url).expect("a valid URL");
        if self.relay_only {
            config = config.relay_only();
        }
        let identity = Identity { fingerprint: LOCAL };
        let mut world = World {
            core: Core::new(&identity, &config, Entropy::seeded(1)),
            now: Duration::ZERO,
            checks: Checks::new(Name::Local.id(), self.relay_only),
            remotes: Vec::new(),
            last: String::new(),
        };
        world.ticks(1);
        world.server_sends(&FromServer::Assigned(Name::Sid(0)));
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
            Step::Server(message) => self.server_sends(&message),
            Step::Repeat(times) => {
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
            Step::Honest { link, corrupt } => self.honest(link, corrupt),
            Step::Link { link, report } => self.report(link, report),
            Step::Send { to, lane, len } => {
                let bytes = Bytes::from(vec![0; usize::from(len) % 1200]);
                let linked = self.core.active_link(to.id()).is_some();
                assert_eq!(self.core.send(to.id(), lane.into(), bytes), linked);
                self.act();
            }
            Step::Disconnect(peer) => {
                self.checks.disconnect(peer.id());
                self.core.disconnect(self.now, peer.id());
                self.act();
            }
            Step::Leave => {
                self.core.leave();
                self.act();
            }
            Step::Network { changed } => {
                match changed {
                    true => self.core.network_changed(self.now),
                    false => self.core.check_connections(self.now),
                }
                self.act();
            }
            Step::Settings {
                is_open,
                is_listed,
                capacity,
            } => self.core.change_settings(SettingsChange {
                is_open,
                is_listed,
                capacity,
                metadata: None,
            }),
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

    fn server_sends(&mut self, message: &FromServer) {
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

    /// Checks the actions of the room, and carries them out.
    fn act(&mut self) {
        while let Some(action) = self.core.next_action() {
            self.checks.action(&action);
            if let Action::OpenLink { link, offer } = action {
                let offer = offer.map(|sdp| {
                    Description::parse(SdpKind::Offer, &sdp).expect("a valid description")
                });
                self.remotes.push(Remote::new(link, offer));
            }
        }
        self.checks.settled(&self.core);
        self.remotes
            .retain(|remote| self.checks.has_link(remote.link));
    }

    fn report(&mut self, link: u8, report: Report) {
        let Some(at) = self.nth(link) else { return };
        let link = self.remotes[at].link;
        match report {
            Report::Described => self.describe(at),
            Report::Candidate { relay } => {
                self.link(link, LinkInput::Candidate(candidate(relay).to_string()));
            }
            Report::Opened => self.open(at),
            Report::Message(lane, message) => {
                self.link(link, LinkInput::Message(lane.into(), message.encode()));
            }
            Report::Bytes(lane, bytes) => {
                self.link(link, LinkInput::Message(lane.into(), bytes.into()));
            }
            Report::Relayed => self.link(link, LinkInput::Path(Path::Relayed)),
            Report::Closed => self.link(link, LinkInput::Closed("it broke".into())),
        }
    }

    /// Passes the platform's description of its side of a link to the room, once. The room must
    /// send it to the remote peer.
    fn describe(&mut self, at: usize) {
        let remote = &mut self.remotes[at];
        if remote.described.is_some() {
            return;
        }
        let link = remote.link;
        let setup = match remote.offered {
            Some(_) => Setup::Active,
            None => Setup::ActPass,
        };
        let mut local = room_description(link, setup);
        local.candidates = vec![candidate(false), candidate(true)];
        let input = LinkInput::Described(local.to_sdp());
        self.core.handle(self.now, Input::Link(link, input));
        let Some(Action::SocketSend(text)) = self.core.next_action() else {
            panic!("the room must send its description");
        };
        self.checks.action(&Action::SocketSend(text.clone()));
        self.remotes[at].described = match relayed(&text) {
            Some((sid, Signal::Offer(sent) | Signal::Answer(sent))) => Some((sid, sent.tag)),
            sent => panic!("the room must send its description, but sent {sent:?}"),
        };
        self.act();
    }

    fn open(&mut self, at: usize) {
        let remote = &mut self.remotes[at];
        let link = remote.link;
        remote.is_open = true;
        self.checks.opened(link);
        self.link(link, LinkInput::Opened);
    }

    fn honest(&mut self, link: u8, corrupt: Option<u8>) {
        let Some(at) = self.nth(link) else { return };
        let remote = &mut self.remotes[at];
        if remote.described.is_none() {
            self.describe(at);
        } else if let Some(answer) = remote.answer(fingerprint_of) {
            self.server(&answer);
        } else if !remote.is_open {
            self.open(at);
        } else if let Some(message) = remote.next_message() {
            let link = remote.link;
            let mut bytes = message.encode().to_vec();
            if let Some(at) = corrupt {
                let at = usize::from(at) % bytes.len();
                bytes[at] ^= 1;
            }
            self.link(link, LinkInput::Message(Channel::Events, bytes.into()));
        }
    }

    /// Adds a peer that makes or receives an offer and takes honest steps.
    fn link_honestly(&mut self, n: u8, steps: u8) {
        let from = Name::Sid(n + 1);
        // The id of the first peer is lower than the local one, so that it controls the link.
        let session = Name::Session(if n == 0 { n + 1 } else { u8::MAX - n });
        self.server_sends(&match n {
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
        usize::from(link).checked_rem(self.remotes.len())
    }
}

/// Returns the fingerprint of the honest peer with a signaling id.
fn fingerprint_of(sid: SignalingId) -> [u8; 32] {
    let name = (0..=u8::MAX).find(|n| Name::Sid(*n).sid() == sid);
    Name::Session(name.unwrap_or(u8::MAX)).fingerprint()
}
