//! Counts and reports protocol violations, and ignores members that keep violating the protocol.

use super::*;

/// The violation at which the room disconnects from its source, or starts ignoring it.
const LAST_VIOLATION: u64 = 64;
/// The number of signals that a member may send at once, and per second after that. An attempt
/// takes one description and at most a few dozen candidates, and there is one every few seconds.
const SIGNAL_BURST: u32 = 512;
const SIGNALS_PER_SECOND: u32 = 32;
/// The price of a description, in candidates.
const DESCRIPTION_PRICE: u32 = 16;

impl Supervisor {
    /// Counts a protocol violation, reports it, and reacts to the last one.
    pub(super) fn record_violation(
        &mut self,
        now: Duration,
        source: ViolationSource,
        violation: ProtocolViolation,
        actions: &mut Actions,
    ) {
        let count = match source {
            ViolationSource::Peer(id) => match self.peers.get_mut(&id) {
                Some(peer) => &mut peer.violations,
                None => return,
            },
            ViolationSource::Member(sid)
                if self.violations.len() < MAX_MEMBERS || self.violations.contains_key(&sid) =>
            {
                self.violations.entry(sid).or_default()
            }
            ViolationSource::Member(_) => {
                return self.server_violation(now, ProtocolViolation::TooManySources, actions);
            }
            ViolationSource::Server => &mut self.server_violations,
        };
        if *count >= LAST_VIOLATION {
            return;
        }
        *count += 1;
        let count = *count;
        // Many violations must not cause as many events.
        if count.is_power_of_two() {
            let violation = violation.clone();
            actions.push_back(Action::Emit(CoreEvent::ProtocolViolation {
                source,
                violation,
                count,
            }));
        }
        if count == LAST_VIOLATION {
            match source {
                ViolationSource::Peer(id) => self.end(
                    now,
                    id,
                    Goodbye::Disconnected,
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

    /// Returns the violation because of which the room must disconnect from the server, once.
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
        let source = match self.links.get(&id).map(|link| (&link.phase, link.sid)) {
            Some((Phase::Active(peer) | Phase::Draining(peer, _), _)) => {
                ViolationSource::Peer(*peer)
            }
            Some((Phase::Opening | Phase::Open, sid)) => ViolationSource::Member(sid),
            Some((Phase::Closing(_), _)) | None => return,
        };
        self.record_violation(now, source, violation, actions);
    }

    /// Returns whether a member has committed too many violations.
    pub(super) fn is_ignored(&self, sid: SignalingId) -> bool {
        self.violations
            .get(&sid)
            .is_some_and(|count| *count >= LAST_VIOLATION)
    }

    /// Returns whether to handle a signal. Signals of ignored members, and signals above the rate
    /// limit, are dropped.
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
            let source = ViolationSource::Member(sid);
            self.record_violation(now, source, ProtocolViolation::TooManySignals, actions);
        }
        paid
    }
}
