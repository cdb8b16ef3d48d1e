use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_session::{PeerId, Tick};

use super::{
    Mismatch,
    answering::Answering,
    asking::Asking,
    error::InquiryError,
    message::{Ask, Message},
    report::DesyncReport,
    witness::Witness,
};

/// How long finding out what differs may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Finds out with the peers what differs after a [`Mismatch`], and answers them.
///
/// What is asked and answered is bounded: 64 types, 4096 entities of each, 16 values of 1024 bytes.
/// One answer at a time is waited for, 10 seconds for all; then the report says what is known. A
/// peer is answered once in 30 seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inquiries {
    asking: BTreeMap<PeerId, Asking>,
    answering: BTreeMap<PeerId, Answering>,
    reports: VecDeque<DesyncReport>,
    asked: u32,
    now: Duration,
}

impl Inquiries {
    /// Begins to ask a peer what differs, unless it is being asked already.
    pub(crate) fn begin(&mut self, mismatch: Mismatch) {
        let now = self.now;
        self.asking
            .entry(mismatch.peer)
            .or_insert_with(|| Asking::new(mismatch, now));
    }

    /// Takes a message from a peer of the game.
    ///
    /// # Errors
    /// If it is none, or one that is not allowed; then nothing has changed.
    pub(crate) fn receive(
        &mut self,
        from: PeerId,
        bytes: &[u8],
        witness: &impl Witness,
    ) -> Result<(), InquiryError> {
        match Message::decode(bytes)? {
            Message::Ask(ask) => {
                let answering = self.answering.entry(from).or_default();
                answering.receive(ask, self.now, witness)?;
            }
            Message::Tell { number, answer } => {
                if let Some(asking) = self.asking.get_mut(&from) {
                    asking.receive(number, answer, witness);
                    if asking.is_done() {
                        self.finish(from);
                    }
                }
            }
        }
        Ok(())
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Duration) {
        self.now = now;
        let is_over = |asking: &Asking| now.saturating_sub(asking.began()) >= TIMEOUT;
        let over = self.asking.iter().filter(|(_, asking)| is_over(asking));
        let over: Vec<_> = over.map(|(&peer, _)| peer).collect();
        for peer in over {
            self.finish(peer);
        }
    }

    /// The next message to send now, reliably, and to whom.
    pub(crate) fn collect(&mut self) -> Option<(PeerId, Bytes)> {
        for (&peer, answering) in &mut self.answering {
            if let Some(bytes) = answering.take() {
                return Some((peer, bytes));
            }
        }
        for (&peer, asking) in &mut self.asking {
            let number = self.asked;
            let Some(question) = asking.ask(number) else {
                continue;
            };
            self.asked = number.wrapping_add(1);
            let ask = Ask {
                number,
                tick: asking.tick().0,
                question,
            };
            return Some((peer, Message::Ask(ask).encode()?));
        }
        None
    }

    /// The next report that is done.
    pub(crate) fn poll(&mut self) -> Option<DesyncReport> {
        self.reports.pop_front()
    }

    /// Whether a tick is being looked into, by this player or a peer: its state must be kept.
    pub(crate) fn keeps(&self, tick: Tick) -> bool {
        let mut asked = self.asking.values().map(Asking::tick);
        let answered = self.answering.values();
        let mut answered = answered.filter_map(|answering| answering.tick(self.now, TIMEOUT));
        asked.any(|asked| asked == tick) || answered.any(|answered| answered == tick)
    }

    /// A peer was lost: the report says what is known.
    pub(crate) fn lost(&mut self, peer: PeerId) {
        self.answering.remove(&peer);
        self.finish(peer);
    }

    fn finish(&mut self, peer: PeerId) {
        let asking = self.asking.remove(&peer);
        self.reports.extend(asking.map(Asking::into_report));
    }
}
