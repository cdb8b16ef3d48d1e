//! Who breaks the rules is told, and in the end not listened to any more.

use super::*;

/// The offence that is the last of a peer, a member or a server.
const LAST_OFFENCE: u64 = 64;
/// Signals a member may send at once, and per second after that. An attempt to link takes one
/// description and a few dozen candidates at most, and is made every few seconds.
const SIGNAL_BURST: u32 = 512;
const SIGNALS_PER_SECOND: u32 = 32;
/// A description costs as much as so many candidates.
const DESCRIPTION_PRICE: u32 = 16;

impl Supervisor {
    /// Somebody broke the rules.
    pub(super) fn offend(
        &mut self,
        now: Duration,
        by: Offender,
        offence: Offence,
        actions: &mut Actions,
    ) {
        let (by, count) = match by {
            Offender::Peer(id) => match self.peers.get_mut(&id) {
                Some(peer) => (by, &mut peer.offences),
                None => return,
            },
            Offender::Member(sid)
                if self.offences.len() < MAX_MEMBERS || self.offences.contains_key(&sid) =>
            {
                (by, self.offences.entry(sid).or_default())
            }
            Offender::Member(_) => {
                return self.server_offends(now, Offence::TooManyOffenders, actions);
            }
            Offender::Server => (by, &mut self.server_offences),
        };
        if *count >= LAST_OFFENCE {
            return;
        }
        *count += 1;
        let count = *count;
        // A storm of offences is not to become one of events.
        if count.is_power_of_two() {
            let offence = offence.clone();
            actions.push_back(Action::Tell(Told::Offence { by, offence, count }));
        }
        if count == LAST_OFFENCE {
            match by {
                Offender::Peer(id) => self.end(
                    now,
                    id,
                    Farewell::CutOff,
                    DisconnectReason::ProtocolViolation,
                    actions,
                ),
                Offender::Member(sid) => self.close_pending(|link| link.sid == sid, actions),
                Offender::Server => self.verdict = Some(offence),
            }
        }
    }

    pub(crate) fn server_offends(
        &mut self,
        now: Duration,
        offence: Offence,
        actions: &mut Actions,
    ) {
        let hopeless = offence == Offence::Flood;
        self.offend(now, Offender::Server, offence, actions);
        if hopeless {
            self.verdict = Some(Offence::Flood);
        }
    }

    /// Why the server is to be left, once.
    pub(crate) fn take_verdict(&mut self) -> Option<Offence> {
        self.verdict.take()
    }

    /// Whoever is at the other end of a link broke the rules.
    pub(super) fn offend_on_link(
        &mut self,
        now: Duration,
        id: LinkId,
        offence: Offence,
        actions: &mut Actions,
    ) {
        let by = match self.links.get(&id).map(|link| (&link.phase, link.sid)) {
            Some((Phase::Active(peer) | Phase::Draining(peer, _), _)) => Offender::Peer(*peer),
            Some((Phase::Opening | Phase::Introducing(_), sid)) => Offender::Member(sid),
            Some((Phase::Closing(_), _)) | None => return,
        };
        self.offend(now, by, offence, actions);
    }

    /// Whether a member has gone too far.
    pub(super) fn is_ignored(&self, sid: SignalingId) -> bool {
        self.offences
            .get(&sid)
            .is_some_and(|count| *count >= LAST_OFFENCE)
    }

    /// Whether a signal may be listened to, as far as its sender and its number go.
    pub(super) fn admits(
        &mut self,
        now: Duration,
        sid: SignalingId,
        is_description: bool,
        actions: &mut Actions,
    ) -> bool {
        if self.is_ignored(sid) {
            return false;
        }
        let price = if is_description { DESCRIPTION_PRICE } else { 1 };
        let Some(member) = self.members.get_mut(&sid) else {
            return true;
        };
        let signals = member
            .signals
            .get_or_insert_with(|| Bucket::new(SIGNAL_BURST, SIGNALS_PER_SECOND, now));
        let paid = signals.take(now, price);
        if !paid {
            let by = Offender::Member(sid);
            self.offend(now, by, Offence::TooManySignals, actions);
        }
        paid
    }
}
