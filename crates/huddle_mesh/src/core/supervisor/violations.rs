//! Counts and reports protocol violations, and ignores members that keep violating the protocol.

use super::*;

/// The violation that is the last of a peer, a member or a server.
const LAST_VIOLATION: u64 = 64;
/// Signals a member may send at once, and per second after that. An attempt to link takes one
/// description and a few dozen candidates at most, and is made every few seconds.
const SIGNAL_BURST: u32 = 512;
const SIGNALS_PER_SECOND: u32 = 32;
/// A description costs as much as so many candidates.
const DESCRIPTION_PRICE: u32 = 16;

impl Supervisor {
    /// Somebody broke the rules.
    pub(super) fn record_violation(
        &mut self,
        now: Duration,
        by: ViolationSource,
        violation: ProtocolViolation,
        actions: &mut Actions,
    ) {
        let (by, count) = match by {
            ViolationSource::Peer(id) => match self.peers.get_mut(&id) {
                Some(peer) => (by, &mut peer.violations),
                None => return,
            },
            ViolationSource::Member(sid)
                if self.violations.len() < MAX_MEMBERS || self.violations.contains_key(&sid) =>
            {
                (by, self.violations.entry(sid).or_default())
            }
            ViolationSource::Member(_) => {
                return self.server_violation(now, ProtocolViolation::TooManySources, actions);
            }
            ViolationSource::Server => (by, &mut self.server_violations),
        };
        if *count >= LAST_VIOLATION {
            return;
        }
        *count += 1;
        let count = *count;
        // A storm of violations is not to become one of events.
        if count.is_power_of_two() {
            let violation = violation.clone();
            actions.push_back(Action::Tell(Told::ProtocolViolation {
                by,
                violation,
                count,
            }));
        }
        if count == LAST_VIOLATION {
            match by {
                ViolationSource::Peer(id) => self.end(
                    now,
                    id,
                    Farewell::CutOff,
                    DisconnectReason::ProtocolViolation,
                    actions,
                ),
                ViolationSource::Member(sid) => self.close_pending(|link| link.sid == sid, actions),
                ViolationSource::Server => self.verdict = Some(violation),
            }
        }
    }

    pub(crate) fn server_violation(
        &mut self,
        now: Duration,
        violation: ProtocolViolation,
        actions: &mut Actions,
    ) {
        let hopeless = violation == ProtocolViolation::Flood;
        self.record_violation(now, ViolationSource::Server, violation, actions);
        if hopeless {
            self.verdict = Some(ProtocolViolation::Flood);
        }
    }

    /// Why the server is to be left, once.
    pub(crate) fn take_verdict(&mut self) -> Option<ProtocolViolation> {
        self.verdict.take()
    }

    /// Counts a violation of the peer at the other end of a link.
    pub(super) fn record_violation_on_link(
        &mut self,
        now: Duration,
        id: LinkId,
        violation: ProtocolViolation,
        actions: &mut Actions,
    ) {
        let by = match self.links.get(&id).map(|link| (&link.phase, link.sid)) {
            Some((Phase::Active(peer) | Phase::Draining(peer, _), _)) => {
                ViolationSource::Peer(*peer)
            }
            Some((Phase::Opening | Phase::Open, sid)) => ViolationSource::Member(sid),
            Some((Phase::Closing(_), _)) | None => return,
        };
        self.record_violation(now, by, violation, actions);
    }

    /// Whether a member has gone too far.
    pub(super) fn is_ignored(&self, sid: SignalingId) -> bool {
        self.violations
            .get(&sid)
            .is_some_and(|count| *count >= LAST_VIOLATION)
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
            let by = ViolationSource::Member(sid);
            self.record_violation(now, by, ProtocolViolation::TooManySignals, actions);
        }
        paid
    }
}
