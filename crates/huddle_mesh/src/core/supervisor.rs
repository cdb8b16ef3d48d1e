//! Decides which links are opened, used, replaced and given up.
//!
//! A pair needs one link. The server names who makes the first offer; later offers are made by
//! the lower session id, which also decides which of several links is used. So both sides always
//! agree, and a replacement is open before what it replaces is closed.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    num::NonZeroU16,
    time::Duration,
};

use bytes::Bytes;
use matchbox_protocol::PeerId;
use uuid::Uuid;

use super::{
    Action, Entropy, LinkInput, Told,
    control::{Control, Farewell, Hello, RESERVED_BYTE},
    identity::{Secret, is_controller},
    link::{Introduction, Link, LinkId, Phase, SideKey, Step},
    liveness::{Liveness, Verdict},
    peer::{Member, Peer},
    sdp::{Candidate, CandidateKind, Description, MAX_CANDIDATES, SdpKind, Tag},
    signal::{self, ServerMessage, Signal},
};
use crate::{Channel, LeaveReason, LinkStats, MAX_MESSAGE_LEN};

/// A link must be open and introduced by then.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait after a failed attempt; doubled up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// After that many failures in a row an attempt is made only now and then.
const MAX_FAILURES: u32 = 12;
const WAIT_AFTER_THAT: Duration = Duration::from_secs(30);
/// A replaced link stays that long, for what is under way on it.
const DRAIN: Duration = Duration::from_secs(1);
/// A closed link stays that long, for its farewell.
const FAREWELL: Duration = Duration::from_millis(200);
/// Offers of one member that come faster are ignored.
const OFFER_SPACING: Duration = Duration::from_millis(100);
/// Pongs to one peer are at least that far apart, so that pings cannot be used to flood.
const PONG_SPACING: Duration = Duration::from_millis(20);
const MAX_MEMBERS: usize = 256;
/// Remembered players, those who are gone included.
const MAX_PEERS: usize = 1024;
/// Players who are here; a mesh of more would not work anyway.
const MAX_HERE: usize = 128;
/// Attempts under way.
const MAX_PENDING: usize = 64;

type Actions = VecDeque<Action>;

/// All links of a room.
#[derive(Debug)]
pub(crate) struct Supervisor {
    me: PeerId,
    relay_only: bool,
    my_sid: Option<PeerId>,
    members: BTreeMap<PeerId, Member>,
    peers: BTreeMap<PeerId, Peer>,
    links: BTreeMap<LinkId, Link>,
    next_link: u64,
    cut: BTreeSet<PeerId>,
    /// How many make the group complete; `None` without grouping, or once it has its own room.
    group_size: Option<NonZeroU16>,
    group_room: Option<Uuid>,
}

impl Supervisor {
    pub(crate) fn new(me: PeerId, relay_only: bool, group_size: Option<NonZeroU16>) -> Self {
        Self {
            me,
            relay_only,
            my_sid: None,
            members: BTreeMap::new(),
            peers: BTreeMap::new(),
            links: BTreeMap::new(),
            next_link: 0,
            cut: BTreeSet::new(),
            group_size,
            group_room: None,
        }
    }

    pub(crate) fn stats(&self) -> impl Iterator<Item = (PeerId, LinkStats)> + '_ {
        self.peers
            .iter()
            .filter(|(_, peer)| peer.here)
            .map(|(id, peer)| (*id, peer.stats()))
    }

    pub(crate) fn active_link(&self, peer: PeerId) -> Option<LinkId> {
        self.peers.get(&peer).filter(|peer| peer.here)?.link
    }

    /// The room that a complete group has agreed on, once.
    pub(crate) fn take_group_room(&mut self) -> Option<Uuid> {
        self.group_room.take()
    }

    pub(crate) fn send(
        &mut self,
        peer: PeerId,
        channel: Channel,
        bytes: Bytes,
        actions: &mut Actions,
    ) -> bool {
        let Some(link) = self.active_link(peer) else {
            return false;
        };
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.traffic.packets_sent += 1;
            peer.traffic.bytes_sent += bytes.len() as u64;
        }
        actions.push_back(Action::Send {
            link,
            channel,
            bytes,
        });
        true
    }

    pub(crate) fn cut(&mut self, now: Duration, id: PeerId, actions: &mut Actions) {
        let sid = self.peers.get(&id).and_then(|peer| peer.sid);
        if self.cut.len() < 2 * MAX_PEERS {
            self.cut.insert(id);
            self.cut.extend(sid);
        }
        self.close_pending(
            |link| link.claimed == Some(id) || link.sid == id || Some(link.sid) == sid,
            actions,
        );
        self.dismiss(now, id, Farewell::CutOff, LeaveReason::Cut, actions);
    }

    pub(crate) fn leave(&mut self, actions: &mut Actions) {
        for peer in self
            .peers
            .values()
            .filter(|peer| peer.here && !peer.foreign)
        {
            if let Some(link) = peer.link {
                control(
                    actions,
                    link,
                    Channel::Events,
                    &Control::Bye(Farewell::Leaving),
                );
            }
        }
    }

    // ---- signaling ----

    pub(crate) fn server_message(
        &mut self,
        now: Duration,
        message: ServerMessage,
        actions: &mut Actions,
    ) {
        match message {
            ServerMessage::KeepAlive | ServerMessage::Nothing => {}
            // One id for one connection; whatever follows is not for us to spread.
            ServerMessage::IdAssigned(_) if self.my_sid.is_some() => {}
            ServerMessage::IdAssigned(sid) => {
                self.my_sid = Some(sid);
                for peer in self
                    .peers
                    .values()
                    .filter(|peer| peer.here && !peer.foreign)
                {
                    if let Some(link) = peer.link {
                        control(actions, link, Channel::Events, &Control::SignalingId(sid));
                    }
                }
            }
            ServerMessage::NewPeer(sid) => {
                if Some(sid) == self.my_sid {
                    return;
                }
                let Some(member) = self.member(sid) else {
                    return;
                };
                member.we_offer = true;
                member.failures = 0;
                if self.pending_with(sid).is_none() {
                    self.offer(now, sid, actions);
                }
            }
            ServerMessage::PeerLeft(sid) => {
                self.members.remove(&sid);
                self.close_pending(|link| link.sid == sid, actions);
                for (id, peer) in self.peers.iter_mut().filter(|(_, p)| p.sid == Some(sid)) {
                    peer.sid = None;
                    log::debug!("the server says that {id} left: probing");
                    probe(now, peer, actions);
                }
            }
            ServerMessage::Signal(sid, Err(error)) => {
                log::warn!("ignoring a signal of {sid}: {error}");
            }
            ServerMessage::Signal(sid, Ok(Signal::Offer(offer))) => {
                self.offered(now, sid, offer, actions);
            }
            ServerMessage::Signal(sid, Ok(Signal::Answer(answer))) => {
                self.answered(sid, answer, actions);
            }
            ServerMessage::Signal(sid, Ok(Signal::Candidate { candidate, ufrag })) => {
                self.candidate(sid, candidate, ufrag, actions);
            }
        }
    }

    /// Signaling ids mean nothing any more; links do.
    pub(crate) fn signaling_lost(&mut self, actions: &mut Actions) {
        self.my_sid = None;
        self.members.clear();
        for peer in self.peers.values_mut() {
            peer.sid = None;
        }
        // Attempts that wait for a description wait in vain.
        self.close_pending(|link| link.theirs.is_none() || link.mine.is_none(), actions);
    }

    fn member(&mut self, sid: PeerId) -> Option<&mut Member> {
        if self.members.len() >= MAX_MEMBERS && !self.members.contains_key(&sid) {
            log::warn!("ignoring {sid}: the room has more than {MAX_MEMBERS} members");
            return None;
        }
        Some(self.members.entry(sid).or_default())
    }

    fn offer(&mut self, now: Duration, sid: PeerId, actions: &mut Actions) {
        if self.is_busy() {
            return;
        }
        let Some(member) = self.member(sid) else {
            return;
        };
        member.attempts += 1;
        let attempt = member.attempts;
        let link = self.begin(now, sid, true, attempt);
        actions.push_back(Action::OpenLink { link, offer: None });
    }

    /// Whether as many attempts are under way as this machine should bear.
    fn is_busy(&self) -> bool {
        self.links.values().filter(|link| link.is_pending()).count() >= MAX_PENDING
    }

    /// Whether a description from `sid` may say that it is of `claimed`, or of a stock client.
    ///
    /// Stock clients go by their signaling id, which everybody knows and nobody can prove. So
    /// neither kind may take the other's name.
    fn may_claim(&self, sid: PeerId, claimed: Option<PeerId>) -> bool {
        if self.cut.contains(&sid) {
            return false;
        }
        match claimed {
            None => sid != self.me && !self.peers.contains_key(&sid),
            Some(claimed) => {
                claimed != self.me
                    && !self.cut.contains(&claimed)
                    && !self.members.contains_key(&claimed)
                    && self.peers.get(&claimed).is_none_or(|peer| !peer.foreign)
            }
        }
    }

    fn begin(&mut self, now: Duration, sid: PeerId, offering: bool, attempt: u32) -> LinkId {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let link = Link {
            sid,
            offering,
            attempt,
            since: now,
            foreign: false,
            claimed: None,
            mine: None,
            theirs: None,
            candidates: 0,
            unopened: Vec::new(),
            phase: Phase::Opening,
        };
        self.links.insert(id, link);
        id
    }

    fn pending_with(&self, sid: PeerId) -> Option<(LinkId, &Link)> {
        self.links
            .iter()
            .rfind(|(_, link)| link.sid == sid && link.is_pending())
            .map(|(id, link)| (*id, link))
    }

    fn offered(&mut self, now: Duration, sid: PeerId, offer: Description, actions: &mut Actions) {
        let (me, tag) = (self.me, offer.tag);
        let claimed = tag.map(|tag| tag.session);
        if !self.may_claim(sid, claimed) || self.is_busy() {
            log::debug!("ignoring an offer of {sid}");
            return;
        }
        let Some(member) = self.member(sid) else {
            return;
        };
        let too_fast = member
            .offered_at
            .is_some_and(|at| now.saturating_sub(at) < OFFER_SPACING);
        // A stock client gets one attempt.
        if too_fast || (tag.is_none() && member.foreign) {
            return;
        }
        member.offered_at = Some(now);
        member.foreign = tag.is_none();
        member.session = claimed;

        if let Some(tag) = tag {
            let linked = self
                .peers
                .get(&tag.session)
                .filter(|peer| peer.is_healthy());
            if let (1, Some(link)) = (tag.attempt, linked.and_then(|peer| peer.link)) {
                // A new signaling id for somebody we are linked with: say so on that link. The ICE
                // name shows that their offer reached us, which no other member can know.
                control(actions, link, Channel::Events, &Control::Claim(offer.ufrag));
                return;
            }
        }
        let attempt = tag.map_or(1, |tag| tag.attempt);
        if let Some((pending, link)) = self.pending_with(sid) {
            let (offering, older) = (link.offering, link.attempt < attempt);
            let mine_goes_first = offering && claimed.is_none_or(|other| is_controller(me, other));
            if mine_goes_first || (!offering && !older) {
                return;
            }
            self.close(pending, actions);
        }
        let id = self.begin(now, sid, false, attempt);
        if let Some(link) = self.links.get_mut(&id) {
            link.foreign = tag.is_none();
            link.claimed = claimed;
            link.theirs = Some(SideKey::from(&offer));
        }
        actions.push_back(Action::OpenLink {
            link: id,
            offer: Some(untagged(offer).to_sdp()),
        });
    }

    fn answered(&mut self, sid: PeerId, answer: Description, actions: &mut Actions) {
        let Some((id, link)) = self.pending_with(sid) else {
            return;
        };
        let expected = link.offering
            && link.theirs.is_none()
            && match answer.tag {
                Some(tag) => tag.attempt == link.attempt && tag.session != self.me,
                None => link.attempt == 1,
            };
        let claimed = answer.tag.map(|tag| tag.session);
        if !expected || !self.may_claim(sid, claimed) {
            log::debug!("ignoring an answer of {sid} that fits no offer");
            return;
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.foreign = claimed.is_none();
            link.claimed = claimed;
            link.theirs = Some(SideKey::from(&answer));
        }
        if let Some(member) = self.members.get_mut(&sid) {
            member.foreign = claimed.is_none();
            member.session = claimed;
        }
        actions.push_back(Action::Answer {
            link: id,
            sdp: untagged(answer).to_sdp(),
        });
    }

    fn candidate(
        &mut self,
        sid: PeerId,
        candidate: Candidate,
        ufrag: Option<String>,
        actions: &mut Actions,
    ) {
        let found = self.links.iter_mut().rfind(|(_, link)| {
            link.sid == sid
                && link
                    .theirs
                    .as_ref()
                    .is_some_and(|theirs| ufrag.as_ref().is_none_or(|ufrag| *ufrag == theirs.ufrag))
        });
        let Some((id, link)) = found else { return };
        if link.candidates >= MAX_CANDIDATES {
            return;
        }
        link.candidates += 1;
        actions.push_back(Action::Candidate {
            link: *id,
            candidate: candidate.to_string(),
        });
    }

    // ---- links ----

    pub(crate) fn link_input(
        &mut self,
        now: Duration,
        id: LinkId,
        input: LinkInput,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        match input {
            LinkInput::Described(sdp) => {
                let kind = if link.offering {
                    SdpKind::Offer
                } else {
                    SdpKind::Answer
                };
                match Description::parse(kind, &sdp) {
                    Ok(mut mine) => {
                        link.mine = Some(SideKey::from(&mine));
                        if self.relay_only {
                            mine.candidates.retain(|c| c.kind == CandidateKind::Relay);
                        }
                        mine.tag = (!link.foreign).then_some(Tag {
                            attempt: link.attempt,
                            session: self.me,
                        });
                        let signal = match kind {
                            SdpKind::Offer => Signal::Offer(mine),
                            SdpKind::Answer => Signal::Answer(mine),
                        };
                        actions.push_back(Action::SocketSend(signal::request(link.sid, &signal)));
                    }
                    Err(error) => {
                        log::error!("this platform's own description cannot be used: {error}");
                        self.failed(now, id, "no usable description", entropy, actions);
                    }
                }
            }
            LinkInput::Candidate(text) => {
                let Ok(candidate) = text.parse::<Candidate>() else {
                    return;
                };
                if self.relay_only && candidate.kind != CandidateKind::Relay {
                    return;
                }
                let ufrag = link.mine.as_ref().map(|mine| mine.ufrag.clone());
                let signal = Signal::Candidate { candidate, ufrag };
                actions.push_back(Action::SocketSend(signal::request(link.sid, &signal)));
            }
            LinkInput::Opened => self.opened(now, id, entropy, actions),
            LinkInput::Message(channel, bytes) => {
                self.message(now, id, channel, bytes, entropy, actions);
            }
            LinkInput::Path(path) => {
                if let Phase::Active(peer) = link.phase
                    && let Some(peer) = self.peers.get_mut(&peer)
                {
                    peer.path = path;
                }
            }
            LinkInput::Closed(why) => self.failed(now, id, &why, entropy, actions),
        }
    }

    fn opened(&mut self, now: Duration, id: LinkId, entropy: &mut Entropy, actions: &mut Actions) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if !matches!(link.phase, Phase::Opening) {
            return;
        }
        let unopened = std::mem::take(&mut link.unopened);
        match link.claimed {
            None if link.foreign => {
                let sid = link.sid;
                self.activate(now, id, sid, entropy, actions);
            }
            None => self.failed(now, id, "it opened without a description", entropy, actions),
            Some(claimed) => {
                let knows = self.peers.get(&claimed).map(|peer| peer.secret.knows());
                let hello = Hello {
                    session: self.me,
                    nonce: entropy.bytes(),
                    share: entropy.bytes(),
                    knows: knows.unwrap_or(Secret::Nothing.knows()),
                };
                link.phase = Phase::Introducing(Box::new(Introduction::new(hello)));
                control(actions, id, Channel::Events, &Control::Hello(hello));
            }
        }
        for (channel, bytes) in unopened {
            self.message(now, id, channel, bytes, entropy, actions);
        }
    }

    fn message(
        &mut self,
        now: Duration,
        id: LinkId,
        channel: Channel,
        bytes: Bytes,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if bytes.len() > MAX_MESSAGE_LEN {
            log::debug!("ignoring a message of {} bytes", bytes.len());
            return;
        }
        let control = (!link.foreign && bytes.first() == Some(&RESERVED_BYTE))
            .then(|| Control::decode(&bytes));
        match (&mut link.phase, control) {
            (Phase::Introducing(_), Some(Some(message))) => {
                self.introduce(now, id, &message, entropy, actions);
            }
            (Phase::Introducing(introduction), None) => {
                if !introduction.keep(channel, bytes) {
                    self.failed(
                        now,
                        id,
                        "it sent too much before its introduction",
                        entropy,
                        actions,
                    );
                }
            }
            (Phase::Introducing(_), Some(None)) => {
                self.failed(
                    now,
                    id,
                    "its introduction cannot be read: another version?",
                    entropy,
                    actions,
                );
            }
            (Phase::Active(peer) | Phase::Draining(peer, _), control) => {
                let peer = *peer;
                self.heard(peer, bytes.len(), actions);
                match control {
                    None => actions.push_back(Action::Tell(Told::Packet {
                        peer,
                        channel,
                        bytes,
                    })),
                    Some(Some(message)) => self.control(now, id, peer, message, actions),
                    Some(None) => log::debug!("ignoring an unknown control message of {peer}"),
                }
            }
            (Phase::Opening, _) => {
                if !link.keep(channel, bytes) {
                    self.failed(
                        now,
                        id,
                        "it sent too much before it was open",
                        entropy,
                        actions,
                    );
                }
            }
            (Phase::Closing(_), _) => {}
        }
    }

    fn heard(&mut self, id: PeerId, len: usize, actions: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.traffic.packets_received += 1;
        peer.traffic.bytes_received += len as u64;
        // They talk on the link that was chosen, so they know the secret that goes with it.
        if let Secret::Unconfirmed(secret) = peer.secret {
            peer.secret = Secret::Established(secret);
        }
        if peer.liveness.heard() {
            actions.push_back(Action::Tell(Told::Recovered(id)));
        }
    }

    fn introduce(
        &mut self,
        now: Duration,
        id: LinkId,
        message: &Control,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let (Phase::Introducing(introduction), Some(claimed), Some(mine), Some(theirs)) =
            (&mut link.phase, link.claimed, &link.mine, &link.theirs)
        else {
            return;
        };
        if let Control::Bye(_) = message {
            return self.failed(now, id, "it said goodbye", entropy, actions);
        }
        let nothing = Secret::Nothing;
        let known = self
            .peers
            .get(&claimed)
            .map_or(&nothing, |peer| &peer.secret);
        let step = introduction.receive(
            message,
            claimed,
            known,
            &mine.fingerprint,
            &theirs.fingerprint,
        );
        match step {
            Step::Wait => {}
            Step::Refuse(why) => {
                log::warn!("refusing a link with {claimed}: {why}");
                self.failed(now, id, why, entropy, actions);
            }
            Step::Prove { hello, proof } => {
                control(actions, id, Channel::Events, &Control::Hello(hello));
                control(actions, id, Channel::Events, &Control::Proof(proof));
            }
            Step::Proven { secret } if is_controller(self.me, claimed) => {
                control(actions, id, Channel::Events, &Control::Use);
                self.remember(claimed, Secret::Unconfirmed(secret));
                self.activate(now, id, claimed, entropy, actions);
            }
            Step::Proven { .. } => {}
            Step::Use { .. } if is_controller(self.me, claimed) => {
                self.failed(
                    now,
                    id,
                    "it decided what was not its to decide",
                    entropy,
                    actions,
                );
            }
            Step::Use { secret } => {
                self.remember(claimed, Secret::Established(secret));
                self.activate(now, id, claimed, entropy, actions);
            }
        }
    }

    /// Keeps the secret of a pair that has just proven it to each other; an established one is
    /// only replaced by itself.
    fn remember(&mut self, id: PeerId, secret: Secret) {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&id) {
            let gone = self.peers.iter().find(|(_, peer)| !peer.here);
            if let Some(gone) = gone.map(|(id, _)| *id) {
                self.peers.remove(&gone);
            }
        }
        let peer = self.peers.entry(id).or_default();
        if !matches!(peer.secret, Secret::Established(_)) {
            peer.secret = secret;
        }
    }

    /// From now on `id` is the link that is used with `who`.
    fn activate(
        &mut self,
        now: Duration,
        id: LinkId,
        who: PeerId,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let known = self.peers.get(&who);
        let newcomer = known.is_none_or(|peer| !peer.here);
        let crowded = newcomer && self.here().count() >= MAX_HERE;
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if self.cut.contains(&who)
            || crowded
            || known.is_some_and(|p| p.foreign != link.foreign && p.links_opened > 0)
        {
            return self.close(id, actions);
        }
        let phase = std::mem::replace(&mut link.phase, Phase::Active(who));
        let (sid, foreign) = (link.sid, link.foreign);
        let peer = self.peers.entry(who).or_default();
        let replaced = peer.link.replace(id);
        let was_suspect = peer.liveness.is_suspect() && peer.here;
        peer.foreign = foreign;
        peer.sid = Some(sid);
        peer.farewell = false;
        peer.liveness = Liveness::default();
        peer.path = crate::Path::Unknown;
        peer.links_opened += 1;
        if !std::mem::replace(&mut peer.here, true) {
            let returning = peer.links_opened > 1;
            peer.traffic = Default::default();
            actions.push_back(Action::Tell(Told::Joined {
                peer: who,
                returning,
                foreign,
            }));
        } else if was_suspect {
            actions.push_back(Action::Tell(Told::Recovered(who)));
        }
        if let Some(member) = self.members.get_mut(&sid) {
            member.failures = 0;
        }
        if let Some(old) = replaced.and_then(|old| self.links.get_mut(&old)) {
            old.phase = Phase::Draining(who, now + DRAIN);
        }
        if let (Some(my_sid), false) = (self.my_sid, foreign) {
            control(actions, id, Channel::Events, &Control::SignalingId(my_sid));
        }
        if let Phase::Introducing(introduction) = phase {
            for (channel, bytes) in introduction.into_early() {
                self.heard(who, bytes.len(), actions);
                actions.push_back(Action::Tell(Told::Packet {
                    peer: who,
                    channel,
                    bytes,
                }));
            }
        }
        self.complete_group(entropy, actions);
    }

    fn control(
        &mut self,
        now: Duration,
        id: LinkId,
        from: PeerId,
        message: Control,
        actions: &mut Actions,
    ) {
        match message {
            Control::Ping(ping) => {
                let Some(peer) = self.peers.get_mut(&from) else {
                    return;
                };
                let last = peer.last_pong.replace(now);
                if last.is_none_or(|at| now.saturating_sub(at) >= PONG_SPACING) {
                    control(actions, id, Channel::State, &Control::Pong(ping));
                } else {
                    peer.last_pong = last;
                }
            }
            Control::Pong(ping) => {
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.liveness.pong(now, ping);
                }
            }
            Control::SignalingId(sid) => self.found_at(from, sid),
            Control::Claim(ufrag) => {
                let claimed = self.links.iter().find(|(_, link)| {
                    link.offering
                        && link.is_pending()
                        && link.mine.as_ref().is_some_and(|mine| mine.ufrag == ufrag)
                });
                let Some((pending, sid)) = claimed.map(|(id, link)| (*id, link.sid)) else {
                    return;
                };
                self.close(pending, actions);
                // Only whom the offer reached knows its ICE name.
                if let Some(member) = self.members.get_mut(&sid) {
                    member.session = Some(from);
                }
                self.found_at(from, sid);
                if let Some(my_sid) = self.my_sid {
                    control(actions, id, Channel::Events, &Control::SignalingId(my_sid));
                }
            }
            Control::Bye(why) => {
                let reason = match why {
                    Farewell::Leaving => LeaveReason::Left,
                    Farewell::CutOff => LeaveReason::CutByPeer,
                };
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.farewell = true;
                }
                self.gone(from, reason, actions);
            }
            Control::Group(room) => {
                let lowest = self.here().next().map(|(id, _)| id);
                if self.group_size.is_some() && lowest == Some(from) && from < self.me {
                    self.group_size = None;
                    self.group_room = Some(room);
                }
            }
            Control::Hello(_) | Control::Proof(_) | Control::Use => {}
        }
    }

    /// A peer says under which signaling id it can be reached. That is about this peer alone:
    /// it says nothing of what the server tells of that id.
    fn found_at(&mut self, id: PeerId, sid: PeerId) {
        if Some(sid) == self.my_sid {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.sid = Some(sid);
        }
        if let Some(member) = self.members.get_mut(&sid) {
            member.failures = 0;
        }
    }

    fn here(&self) -> impl Iterator<Item = (PeerId, &Peer)> {
        self.peers
            .iter()
            .filter(|(_, peer)| peer.here)
            .map(|(id, peer)| (*id, peer))
    }

    /// The lowest session id of a complete group chooses the room in which it goes on.
    fn complete_group(&mut self, entropy: &mut Entropy, actions: &mut Actions) {
        let Some(size) = self.group_size else { return };
        let complete = self.here().count() + 1 == usize::from(size.get());
        let mine_to_choose = self.here().all(|(id, peer)| self.me < id && !peer.foreign);
        if !complete || !mine_to_choose {
            return;
        }
        let room = entropy.uuid();
        for link in self.here().filter_map(|(_, peer)| peer.link) {
            control(actions, link, Channel::Events, &Control::Group(room));
        }
        self.group_size = None;
        self.group_room = Some(room);
    }

    // ---- the end of links and peers ----

    /// A link did not work out, or is over.
    fn failed(
        &mut self,
        now: Duration,
        id: LinkId,
        why: &str,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get(&id) else {
            return;
        };
        let (pending, sid, foreign) = (link.is_pending(), link.sid, link.foreign);
        let active = match link.phase {
            Phase::Active(peer) => Some(peer),
            _ => None,
        };
        log::debug!("link {} with {sid} ended: {why}", id.0);
        self.close(id, actions);
        if pending && let Some(member) = self.members.get_mut(&sid) {
            member.failures += 1;
            member.retry_at = now
                + if member.failures > MAX_FAILURES {
                    WAIT_AFTER_THAT
                } else {
                    let doubled = FIRST_WAIT.saturating_mul(1 << member.failures.min(8));
                    entropy.jittered(doubled.min(LONGEST_WAIT) / 2)
                };
        }
        let Some((who, peer)) = active.and_then(|who| Some((who, self.peers.get_mut(&who)?)))
        else {
            return;
        };
        peer.link = None;
        if foreign {
            self.gone(who, LeaveReason::Lost, actions);
        } else {
            probe(now, peer, actions);
        }
    }

    fn close(&mut self, id: LinkId, actions: &mut Actions) {
        if self.links.remove(&id).is_some() {
            actions.push_back(Action::CloseLink { link: id });
        }
    }

    fn close_pending(&mut self, which: impl Fn(&Link) -> bool, actions: &mut Actions) {
        let closing: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| link.is_pending() && which(link))
            .map(|(id, _)| *id)
            .collect();
        for id in closing {
            self.close(id, actions);
        }
    }

    /// A player is gone; every link of theirs is closed.
    fn gone(&mut self, who: PeerId, reason: LeaveReason, actions: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&who) else {
            return;
        };
        if !std::mem::replace(&mut peer.here, false) {
            return;
        }
        peer.link = None;
        let links: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| {
                matches!(link.phase, Phase::Active(p) | Phase::Draining(p, _) if p == who)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in links {
            self.close(id, actions);
        }
        actions.push_back(Action::Tell(Told::Left { peer: who, reason }));
    }

    /// Ends it with a player, who is told why.
    fn dismiss(
        &mut self,
        now: Duration,
        who: PeerId,
        farewell: Farewell,
        reason: LeaveReason,
        actions: &mut Actions,
    ) {
        let Some(peer) = self.peers.get_mut(&who) else {
            return;
        };
        peer.farewell = true;
        let (link, foreign) = (peer.link, peer.foreign);
        if let (Some(id), false) = (link, foreign) {
            control(actions, id, Channel::Events, &Control::Bye(farewell));
            if let Some(link) = self.links.get_mut(&id) {
                link.phase = Phase::Closing(now + FAREWELL);
            }
        }
        self.gone(who, reason, actions);
    }

    // ---- time ----

    /// Lets time pass. Returns whether there is reason to doubt the signaling connection.
    pub(crate) fn tick(
        &mut self,
        now: Duration,
        step: Duration,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) -> bool {
        self.expire_links(now, entropy, actions);
        let doubt = self.watch_peers(now, step, actions);
        for sid in self.due_offers(now) {
            self.offer(now, sid, actions);
        }
        doubt
    }

    fn expire_links(&mut self, now: Duration, entropy: &mut Entropy, actions: &mut Actions) {
        let mut late = Vec::new();
        let mut over = Vec::new();
        for (id, link) in &self.links {
            match link.phase {
                Phase::Opening | Phase::Introducing(_)
                    if now.saturating_sub(link.since) >= ATTEMPT_TIMEOUT =>
                {
                    late.push(*id);
                }
                Phase::Draining(_, until) | Phase::Closing(until) if now >= until => over.push(*id),
                _ => {}
            }
        }
        for id in late {
            self.failed(now, id, "it did not open in time", entropy, actions);
        }
        for id in over {
            self.close(id, actions);
        }
    }

    fn watch_peers(&mut self, now: Duration, step: Duration, actions: &mut Actions) -> bool {
        let mut lost = Vec::new();
        let mut doubt = false;
        for (id, peer) in self
            .peers
            .iter_mut()
            .filter(|(_, peer)| peer.here && !peer.foreign)
        {
            match peer.liveness.tick(step) {
                Verdict::Same => {}
                Verdict::Suspect => {
                    doubt = true;
                    actions.push_back(Action::Tell(Told::Suspect(*id)));
                }
                Verdict::Lost => lost.push(*id),
            }
            if peer.liveness.wants_ping(now) {
                ping(now, peer, actions);
            }
        }
        for id in lost {
            self.gone(id, LeaveReason::Lost, actions);
        }
        doubt
    }

    /// Whom to make an offer now: those whom the server named to us and who have no link yet, and
    /// those whose link fails, if it is ours to replace it.
    fn due_offers(&self, now: Duration) -> BTreeSet<PeerId> {
        let named = self.members.iter().filter(|(sid, member)| {
            let linked = member.session.and_then(|session| self.peers.get(&session));
            let had_its_attempt = member.foreign && member.attempts > 0;
            let cut = member
                .session
                .is_some_and(|session| self.cut.contains(&session));
            member.we_offer
                && !had_its_attempt
                && !cut
                && !self.cut.contains(sid)
                && linked.is_none_or(|peer| peer.links_opened == 0)
        });
        let failing = self.peers.iter().filter(|(id, peer)| {
            peer.links_opened > 0
                && !peer.foreign
                && !peer.farewell
                && !peer.is_healthy()
                && is_controller(self.me, **id)
        });
        let sids = named
            .map(|(sid, _)| *sid)
            .chain(failing.filter_map(|(_, peer)| peer.sid));
        sids.filter(|sid| {
            let waited = self
                .members
                .get(sid)
                .is_none_or(|member| now >= member.retry_at);
            waited && self.pending_with(*sid).is_none()
        })
        .collect()
    }
}

/// Offers to us carry a tag for us, not for the platform.
fn untagged(mut description: Description) -> Description {
    description.tag = None;
    description
}

fn control(actions: &mut Actions, link: LinkId, channel: Channel, message: &Control) {
    actions.push_back(Action::Send {
        link,
        channel,
        bytes: message.encode(),
    });
}

fn ping(now: Duration, peer: &mut Peer, actions: &mut Actions) {
    if let Some(link) = peer.link {
        let id = peer.liveness.ping(now);
        control(actions, link, Channel::State, &Control::Ping(id));
    }
}

/// There is reason to doubt that a peer is there: ask, and give them little time.
fn probe(now: Duration, peer: &mut Peer, actions: &mut Actions) {
    if peer.here && !peer.foreign {
        peer.liveness.probe();
        ping(now, peer, actions);
    }
}
