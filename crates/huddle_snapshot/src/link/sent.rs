use std::{collections::BTreeSet, time::Duration};

use huddle_id::PeerId;

use super::{
    baseline::{Baseline, EarlierState},
    history::{HISTORY, History, MAX_AGE},
    packet::{Record, RecordKind, RecordPlace},
    sends::Sends,
    state::{State, StateRef},
};
use crate::{claim::Register, world::Entity};

/// How often a claim is sent again at once. Nothing may follow the packet, and then its loss shows only
/// when its ack is overdue.
const REPEATS: u8 = 2;

/// What the receiver knows about an entity.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) is_queued: bool,
    /// Whether the local peer has asked about the entity without seeing it.
    pub(super) is_asked_unseen: bool,
    /// Whether the receiver has sent that the entity is dead. It forgets the states of such an entity, even
    /// if the local peer refuses the despawn.
    pub(super) is_dead_there: bool,
    /// The newest state that the receiver has acked.
    pub(super) base: Option<(RecordPlace, State)>,
    /// The newest state before `base` that the receiver has acked.
    pub(super) earlier: Option<RecordPlace>,
    pub(super) sends: Sends,
    /// The newest version that the receiver has acked.
    pub(super) acked: u64,
    /// The newest version that the receiver has acked, or that is under way and not lost.
    pub(super) sent: u64,
    /// The packet with the newest record.
    pub(super) sent_in: Option<u64>,
    /// The packet with the newest record that contains the version `sent`. A later packet can contain
    /// the register alone.
    pub(super) version_in: Option<u64>,
    /// The newest register that the receiver is known to have.
    pub(super) known: Option<Register>,
    /// The newest packet whose ack does not show which register the receiver has. It may have refused the
    /// register that it has acked.
    pub(super) refused_until: Option<u64>,
    /// Whether the receiver has an older register than it should.
    pub(super) owes_register: bool,
    /// The new owner that may not have the last values of the local peer. It is the receiver, or the receiver
    /// relays to it.
    pub(super) owes_values_to: Option<PeerId>,
    /// The newest register that is known, or under way and not lost.
    pub(super) register_sent: Option<Register>,
    /// How often that register is sent again, even if it does not count as lost.
    repeats: u8,
    /// Whether the receiver sees the entity, or will.
    pub(super) is_shown: bool,
    /// The newest packet before another peer may have shown the entity to the receiver.
    pub(super) shown_after: Option<u64>,
    /// Since when the entity waits for a record that fits.
    pub(super) due: Option<Duration>,
    /// The time of the oldest value that the receiver may not have.
    pub(super) behind_since: Option<Duration>,
}

impl Sent {
    /// Returns the kind of the record that the receiver needs, if any.
    /// `relayed` are the owners whose entities the local peer relays to it.
    pub(super) fn due_kind(
        &mut self,
        entity: &Entity,
        receiver: PeerId,
        relayed: &BTreeSet<PeerId>,
    ) -> Option<RecordKind> {
        let register = entity.register();
        self.owes_register &= self.known < Some(register);
        let is_new = self.sent < entity.version();
        let is_repeated = self.repeats > 0 && self.register_sent == Some(register);
        let is_shown = entity.shows_to(receiver, relayed);
        match is_shown {
            Some(true) if is_new || is_repeated => return Some(RecordKind::State),
            Some(false) if is_new && self.is_shown => return Some(RecordKind::Hidden),
            _ => {}
        }
        let is_taker = register.owner() == self.owes_values_to || entity.is_hosts();
        if !is_taker || self.acked >= entity.version() {
            self.owes_values_to = None;
        }
        let taker = self.owes_values_to.filter(|_| entity.values.is_some());
        let may_pass = |taker| {
            // A relay passes on only what every peer may see.
            let may_arrive = taker == receiver || !entity.is_restricted();
            entity.ownership.is_mine() || may_arrive && entity.may_pass_values_to(taker)
        };
        if taker.is_some_and(may_pass) && (is_new || is_repeated) {
            return Some(RecordKind::State);
        }
        let is_due = is_repeated || self.register_sent < Some(register);
        let kind = match is_shown {
            // A register alone would let the receiver keep values that another peer has shown to it.
            Some(false) => RecordKind::Hidden,
            // The receiver should not wait for the values.
            _ if taker.is_some_and(|taker| !may_pass(taker)) => RecordKind::Hidden,
            _ => RecordKind::Register,
        };
        (self.owes_register && is_due).then_some(kind)
    }

    /// Returns whether the receiver knows an earlier owner of an entity with this register, or an earlier
    /// claim of its owner.
    pub(super) fn has_earlier_claim(&self, register: Register) -> bool {
        let is_alive = matches!(register, Register::Alive(_));
        is_alive && self.known.is_some_and(|known| known < register)
    }

    /// Returns the states relative to which the next one is encoded, if the receiver still has them. See
    /// [`super::history`].
    pub(super) fn baseline<'a>(&'a self, seq: u64, history: &'a History) -> Option<Baseline<'a>> {
        let (RecordPlace { seq: base, .. }, state) =
            self.base.as_ref().filter(|_| !self.is_dead_there)?;
        let oldest = self.sends.oldest_after(*base);
        if oldest.is_some_and(|oldest| seq - oldest > MAX_AGE) {
            return None;
        }
        let age = match seq - base {
            age @ ..HISTORY => age as u8,
            _ => 0,
        };
        let earlier = self.earlier.filter(|earlier| seq - earlier.seq <= MAX_AGE);
        let earlier = earlier.and_then(|earlier| {
            Some(EarlierState {
                gap: (base - earlier.seq) as u8,
                state: history.state_at(earlier)?,
            })
        });
        Some(Baseline {
            age,
            state: state.as_ref(),
            earlier,
        })
    }

    /// Returns whether the receiver may not know everything about the entity.
    pub(super) fn is_behind(&self) -> bool {
        self.is_queued || self.acked < self.sent || self.known < self.register_sent
    }

    /// A record leaves in packet `seq`.
    pub(super) fn sent(&mut self, seq: u64, record: &Record) {
        self.sent_in = Some(seq);
        self.due = None;
        if record.kind != RecordKind::Register {
            self.version_in = Some(seq);
        }
        match record.kind {
            RecordKind::State => {
                self.sends.push(seq);
                self.sent = record.version;
                self.is_shown = true;
            }
            RecordKind::Hidden => self.sent = record.version,
            RecordKind::Register => {}
        }
        let register = record.register();
        self.repeats = match self.register_sent < Some(register) {
            true if self.has_earlier_claim(register) => REPEATS,
            true => 0,
            false => self.repeats.saturating_sub(1),
        };
        self.register_sent = self.register_sent.max(Some(register));
    }

    /// The receiver has acked a record, which left at `time`.
    pub(super) fn delivered(
        &mut self,
        place: RecordPlace,
        time: Duration,
        record: &Record,
        state: StateRef<'_>,
    ) {
        let is_newer = record.version > self.acked;
        if self.refused_until < Some(place.seq) {
            self.known = self.known.max(Some(record.register()));
        }
        if self.known >= self.register_sent {
            self.repeats = 0;
        }
        self.acked = self.acked.max(record.version);
        self.sent = self.sent.max(self.acked);
        match record.kind {
            RecordKind::State => match &mut self.base {
                Some((base, _)) if *base == place => {}
                Some((base, _)) if *base > place => self.earlier = self.earlier.max(Some(place)),
                Some((base, kept)) => {
                    self.earlier = Some(*base);
                    *base = place;
                    kept.assign(state);
                }
                None => self.base = Some((place, state.into())),
            },
            // A later state can still arrive, even if it counts as lost.
            RecordKind::Hidden
                if self.sends.oldest_after(place.seq).is_none()
                    && self.shown_after < Some(place.seq) =>
            {
                self.is_shown = false;
            }
            RecordKind::Hidden | RecordKind::Register => {}
        }
        if !self.is_behind() {
            self.behind_since = None;
        } else if is_newer {
            // What the receiver does not have has changed after that.
            self.behind_since = self.behind_since.max(Some(time));
        }
    }
}
