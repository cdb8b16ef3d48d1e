//! The entities whose owner is not in the room.

use std::time::Duration;

use super::{event::RemovalReason, peer::SnapshotSession};
use crate::{
    heir::{Succession, Vacancy},
    world::{Entity, Index},
};

/// The time that the next host, or another heir, has to take over an entity before the local peer forgets
/// it.
const HEIR_TIMEOUT: Duration = Duration::from_secs(5);

impl SnapshotSession {
    /// Remembers since when the owner of an entity is gone, if it is.
    pub(super) fn notice_vacancy(&mut self, index: Index) {
        if self.world.get(index).is_some_and(|it| self.is_vacant(it)) {
            self.vacant.entry(index).or_insert(self.now);
        }
    }

    /// Returns whether an entity exists here while its owner is gone. An heir needs the values.
    pub(super) fn is_vacant(&self, entity: &Entity) -> bool {
        let owner = entity.ownership.owner();
        entity.values.is_some() && owner.is_some_and(|owner| !self.members.contains(&owner))
    }

    /// Forgets the entities whose owner is gone, or inherits them.
    pub(super) fn poll_vacancies(&mut self) {
        if self.vacant.is_empty() {
            return;
        }
        let now = self.now;
        let members: Vec<_> = self.members.iter().copied().collect();
        for (index, since) in std::mem::take(&mut self.vacant) {
            let entity = self.world.get(index);
            let Some(entity) = entity.filter(|it| self.is_vacant(it)) else {
                continue;
            };
            let vacancy = Vacancy {
                rules: entity.ownership.rules(),
                owner: entity.ownership.owner(),
                since,
            };
            match vacancy.succession(self.local, self.host, members.iter().copied(), now) {
                Succession::Forget => self.remove(index, RemovalReason::OwnerLeft),
                // Another peer has all values.
                Succession::Inherit if entity.is_incomplete && !entity.is_hosts() => {
                    match now > since + HEIR_TIMEOUT {
                        true => self.remove(index, RemovalReason::OwnerLeft),
                        false => drop(self.vacant.entry(index).or_insert(since)),
                    }
                }
                Succession::Inherit => {
                    self.operate(index, |ownership| ownership.inherit(now));
                }
                // The host does not know the entity.
                Succession::WaitForHost if now > since + HEIR_TIMEOUT => {
                    self.remove(index, RemovalReason::OwnerLeft);
                }
                Succession::WaitUntil(_) | Succession::WaitForHost => {
                    self.vacant.entry(index).or_insert(since);
                }
            }
        }
    }
}
