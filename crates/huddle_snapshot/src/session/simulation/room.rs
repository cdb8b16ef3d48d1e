//! Peers join, leave, start again and lose their links.

use super::*;

impl Room {
    pub(super) fn new(seed: u64, peers: usize, callers: Callers) -> Self {
        let mut rng = Rng::with_seed(seed);
        let shortest = rng.u32(0..4);
        let conditions = Conditions {
            loss: [0.0, 0.05, 0.15, 0.3][rng.usize(..4)],
            duplication: [0.0, 0.1][rng.usize(..2)],
            delay: (shortest, shortest + rng.u32(0..12)),
        };
        let mut room = Self {
            peers: Vec::new(),
            network: Network::new(callers.first_seq, callers.has_gaps),
            conditions,
            callers,
            budget: [BudgetOptions::UNLIMITED, BudgetOptions::default(), TIGHT][seed as usize % 3],
            hostile: None,
            rng,
            now: 0,
            joined: 0,
            requests: Vec::new(),
            reports: VecDeque::new(),
        };
        (0..peers).for_each(|_| room.join());
        room
    }

    pub(super) fn time(&self) -> Duration {
        Duration::from_secs(1) * self.now / 60
    }

    pub(super) fn join(&mut self) {
        self.joined += 1;
        // Ids that do not increase.
        let id = PeerId::from_u128(self.joined.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 0xffff_fffb);
        let mut session = SnapshotSession::new(id, layout(), self.rng.u32(..));
        session.advance(self.time());
        session.set_budget_options(self.budget);
        let peer = Peer {
            id,
            session,
            dead: BTreeSet::new(),
            shown: BTreeSet::new(),
            claims: 0,
            reports: BTreeMap::new(),
        };
        self.peers.push(peer);
        for other in 0..self.peers.len() - 1 {
            self.link(other, self.peers.len() - 1);
        }
        self.elect();
    }

    pub(super) fn link(&mut self, a: usize, b: usize) {
        let (id_a, id_b) = (self.peers[a].id, self.peers[b].id);
        if !self.network.is_linked(id_a, id_b) {
            self.network.open(id_a, id_b);
            self.peers[a].session.link_opened(id_b);
            self.peers[b].session.link_opened(id_a);
        }
    }

    pub(super) fn unlink(&mut self, a: usize, b: usize) {
        let (id_a, id_b) = (self.peers[a].id, self.peers[b].id);
        if self.network.is_linked(id_a, id_b) {
            self.network.close(id_a, id_b);
            for (of, gone) in [(a, id_b), (b, id_a)] {
                self.peers[of].session.link_lost(gone);
                self.peers[of].reports.remove(&gone);
            }
        }
    }

    /// Closes the link between two peers that are both linked with a third one.
    pub(super) fn make_hole(&mut self) {
        let (a, b) = (
            self.rng.usize(..self.peers.len()),
            self.rng.usize(..self.peers.len()),
        );
        let ids = [a, b].map(|at| Some(self.peers[at].id));
        if a == b || ids.contains(&self.peers[a].session.host) {
            return;
        }
        self.unlink(a, b);
        if !self.is_connected() {
            self.link(a, b);
        }
        self.elect();
    }

    /// Returns whether all peers see each other, over a link or a relay.
    pub(super) fn is_connected(&self) -> bool {
        let ids: Vec<_> = self.peers.iter().map(|peer| peer.id).collect();
        ids.iter()
            .all(|a| ids.iter().all(|b| a == b || self.are_near(*a, *b)))
    }

    /// Returns whether two peers have a link, or are linked with a third one.
    pub(super) fn are_near(&self, a: PeerId, b: PeerId) -> bool {
        let is_linked =
            |c: &Peer| self.network.is_linked(a, c.id) && self.network.is_linked(c.id, b);
        self.network.is_linked(a, b) || self.peers.iter().any(is_linked)
    }

    /// Returns whether an entity of the first peer reaches the second one.
    pub(super) fn reaches(&self, id: EntityId, owner: &Peer, peer: PeerId) -> bool {
        match self.network.is_linked(owner.id, peer) {
            true => owner.session.is_visible_to(id, peer),
            false => owner.session.can_show(id, peer),
        }
    }

    /// Sends the reports of links. They take a while.
    pub(super) fn report(&mut self) {
        for from in &self.peers {
            let links = self.network.links_of(from.id);
            for to in &links {
                let at = self.now + self.rng.u32(..8);
                let at = at.max(self.reports.back().map_or(0, |(last, ..)| *last));
                self.reports.push_back((at, *to, from.id, links.clone()));
            }
        }
    }

    pub(super) fn receive_reports(&mut self) {
        while let Some((_, to, from, links)) = self.reports.pop_front_if(|(at, ..)| *at <= self.now)
        {
            if !self.network.is_linked(from, to) {
                continue;
            }
            let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == to) else {
                continue;
            };
            peer.reports.insert(from, links);
            let reports = peer.reports.iter();
            let pairs = reports.flat_map(|(from, links)| links.iter().map(|to| (*from, *to)));
            peer.session.set_reported_links(pairs);
        }
    }

    pub(super) fn leave(&mut self, index: usize) {
        for other in 0..self.peers.len() {
            if other != index {
                self.unlink(other, index);
            }
        }
        self.peers.remove(index);
        self.elect();
    }

    /// Replaces the session of a peer by a new one, which knows nothing.
    pub(super) fn restart(&mut self, index: usize) {
        let linked = self.network.links_of(self.peers[index].id);
        let others: Vec<_> = (0..self.peers.len())
            .filter(|other| linked.contains(&self.peers[*other].id))
            .collect();
        for &other in &others {
            self.unlink(other, index);
        }
        let id = self.peers[index].id;
        let mut session = SnapshotSession::new(id, layout(), self.rng.u32(..));
        session.advance(self.time());
        session.set_budget_options(self.budget);
        self.peers[index] = Peer {
            id,
            session,
            dead: BTreeSet::new(),
            shown: BTreeSet::new(),
            claims: 0,
            reports: BTreeMap::new(),
        };
        for other in others {
            self.link(other, index);
        }
        self.elect();
    }

    /// Separates the peers into two groups, each of which considers the other one gone.
    pub(super) fn split(&mut self) {
        let side: Vec<bool> = self.peers.iter().map(|_| self.rng.bool()).collect();
        for a in 0..side.len() {
            for b in 0..a {
                if side[a] != side[b] {
                    self.unlink(a, b);
                }
            }
        }
        self.elect();
    }

    pub(super) fn heal(&mut self) {
        for a in 0..self.peers.len() {
            (0..a).for_each(|b| self.link(a, b));
        }
        self.elect();
    }

    /// The host of each group is the peer with the lowest id. It is linked with all others: otherwise, they
    /// would disagree about the host, or lose what a former host has done.
    pub(super) fn elect(&mut self) {
        for a in 0..self.peers.len() {
            let host = self.group(self.peers[a].id).first().copied();
            let host = self.peers.iter().position(|peer| Some(peer.id) == host);
            if let Some(host) = host.filter(|host| *host != a) {
                self.link(a, host);
            }
        }
        let groups: Vec<_> = self.peers.iter().map(|it| self.group(it.id)).collect();
        for (peer, members) in self.peers.iter_mut().zip(groups) {
            peer.session.set_members(members.clone());
            peer.session.set_host(members.first().copied());
        }
        self.report();
    }

    /// Returns the peers that a peer reaches, possibly over several links.
    pub(super) fn group(&self, peer: PeerId) -> BTreeSet<PeerId> {
        let mut group = BTreeSet::new();
        let mut new = vec![peer];
        while let Some(id) = new.pop() {
            if group.insert(id) {
                new.extend(self.network.links_of(id));
            }
        }
        group
    }
}
