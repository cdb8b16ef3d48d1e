//! The readiness of the players, and the start itself.

use huddle_session::PeerId;

use super::{
    Start, StartError, Started,
    message::{Hello, Ready, Running},
};

impl Start {
    /// Returns whether all hellos have arrived with equal settings.
    pub(super) fn has_all(&self) -> bool {
        let mine = self.settings_hash;
        let mut others = self.others.values();
        others.all(|other| other.hello().is_some_and(|hello| hello.settings == mine))
    }

    /// Starts the match if all players are ready and agree.
    pub(super) fn start_if_ready(&mut self) {
        let Some(mine) = self.ready().filter(|_| self.outcome.is_none()) else {
            return;
        };
        let mut is_complete = true;
        let mut contradiction = None;
        for (&by, other) in &self.others {
            match other.ready() {
                None => is_complete = false,
                Some(theirs) if theirs.agreed != mine.agreed || theirs.nonces != mine.nonces => {
                    contradiction = Some((by, theirs.nonces.clone()));
                }
                Some(_) => {}
            }
        }
        if let Some((by, nonces)) = contradiction {
            self.fail(self.contradiction(by, &nonces, &mine.nonces));
        } else if is_complete {
            let seed = u64::from_le_bytes(std::array::from_fn(|i| mine.agreed[i]));
            let id = self.id;
            self.outcome = Some(Ok(Started { id, seed }));
            self.ended = Some(self.now);
            // Without these hellos, other players would relay hellos that have arrived here.
            self.send_hellos();
        }
    }

    /// Returns the error for nonces that `by` claims and that differ from the local ones.
    fn contradiction(&self, by: PeerId, theirs: &[u64], mine: &[u64]) -> StartError {
        let mut nonces = self.players.iter().zip(theirs.iter().zip(mine));
        match nonces.find(|(_, (theirs, mine))| theirs != mine) {
            Some((&about, _)) if about != by && about != self.local_id => {
                StartError::Contradiction { about, by }
            }
            // The nonce of `by` or of the local peer is wrong, or the hash is.
            _ => StartError::Inconsistent { peer: by },
        }
    }

    pub(super) fn hello(&self) -> Hello {
        Hello {
            settings: self.settings_hash,
            nonce: self.nonce,
            start: 0,
            running: self.running,
            received: self.bits(|other| other.hello().is_some()),
            ends: self.bits(|other| other.hello().is_some_and(|o| o.running.is_settled())),
            ready: self.ready(),
        }
    }

    /// Returns the match for which the local peer is ready, or `None` if it is not ready.
    pub(super) fn ready(&self) -> Option<Ready> {
        if !self.has_finished || !self.has_all() {
            return None;
        }
        let states = self.players.iter().map(|peer| match self.others.get(peer) {
            Some(other) => other.hello().map(|hello| (hello.nonce, hello.running)),
            None => Some((self.nonce, self.running)),
        });
        let states: Vec<_> = states.collect::<Option<_>>()?;
        if states.iter().any(|(_, running)| !running.is_settled()) {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"huddle/start");
        hasher.update(&self.id.number.to_le_bytes());
        hasher.update(&self.id.epoch.to_le_bytes());
        hasher.update(&self.settings_hash);
        for (peer, (nonce, running)) in self.players.iter().zip(&states) {
            hasher.update(peer.as_bytes());
            hasher.update(&nonce.to_le_bytes());
            if let Running::Until { tick, members } = running {
                hasher.update(&tick.to_le_bytes());
                hasher.update(&members.to_le_bytes());
            }
        }
        Some(Ready {
            agreed: hasher.finalize().into(),
            nonces: states.into_iter().map(|(nonce, _)| nonce).collect(),
            received: self.bits(|other| other.ready().is_some()),
        })
    }
}
