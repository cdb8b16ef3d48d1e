use std::collections::BTreeMap;

use crate::{
    id::{Creator, EntityId},
    numbering::group,
};

/// The maximum number of creators, times the rules of their entities. A room has fewer, but a peer can invent some.
const MAX_CREATORS: usize = 1024;

/// The maximum number of ranges of a creator. A creator with fewer living entities never has more.
const MAX_RANGES: usize = 8192;

/// The ids of despawned entities, so that an entity never comes back to life.
///
/// A creator counts its entities, and most of them are despawned in the end. The ids are therefore
/// kept as ranges: the memory depends on how many entities live, not on how many ever lived.
///
/// Both are limited, so that a hostile peer cannot fill the memory. Beyond the limits, ids of new
/// creators are not recorded, and the lowest two ranges of a creator become one. Entities with other
/// rules have ranges of their own: any peer may despawn some of them, and only the creator others.
#[derive(Debug, Default)]
pub(crate) struct Graveyard {
    /// The first and the last number of each range, for each creator and [group] of numbers. Ranges
    /// never touch.
    ranges: BTreeMap<(Creator, u32), BTreeMap<u32, u32>>,
}

impl Graveyard {
    pub(crate) fn contains(&self, id: EntityId) -> bool {
        self.last_of_range(id).is_some()
    }

    /// Returns the last number of the range that contains an id.
    pub(crate) fn last_of_range(&self, id: EntityId) -> Option<u32> {
        let ranges = self.ranges.get(&key(id))?;
        let (_, &last) = ranges.range(..=id.number).next_back()?;
        (id.number <= last).then_some(last)
    }

    pub(crate) fn insert(&mut self, id: EntityId) {
        if self.contains(id) {
            return;
        }
        if self.ranges.len() >= MAX_CREATORS && !self.ranges.contains_key(&key(id)) {
            return;
        }
        let ranges = self.ranges.entry(key(id)).or_default();
        let (mut first, mut last) = (id.number, id.number);
        if let Some(before) = first.checked_sub(1)
            && let Some((&start, &end)) = ranges.range(..first).next_back()
            && end == before
        {
            first = start;
        }
        if let Some(end) = last.checked_add(1).and_then(|after| ranges.remove(&after)) {
            last = end;
        }
        ranges.insert(first, last);
        if ranges.len() > MAX_RANGES
            && let Some((start, _)) = ranges.pop_first()
            && let Some((_, end)) = ranges.pop_first()
        {
            ranges.insert(start, end);
        }
    }

    /// Returns the number of ranges.
    #[cfg(test)]
    fn ranges(&self) -> usize {
        self.ranges.values().map(BTreeMap::len).sum()
    }
}

fn key(id: EntityId) -> (Creator, u32) {
    (id.creator, group(id.number))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use huddle_id::PeerId;
    use proptest::prelude::*;

    use super::*;

    fn id(creator: u8, number: u32) -> EntityId {
        let creator = Creator::Peer(PeerId::from_bytes([creator; 16]));
        EntityId { creator, number }
    }

    proptest! {
        #[test]
        fn graveyard_agrees_with_a_set(
            ids in prop::collection::vec((0u8..2, prop_oneof![0u32..30, u32::MAX - 9..=u32::MAX]), 0..80),
        ) {
            let mut graveyard = Graveyard::default();
            let mut model = BTreeSet::new();
            for (creator, number) in ids {
                graveyard.insert(id(creator, number));
                model.insert((creator, number));
            }
            for creator in 0..2 {
                for number in (0..31).chain(u32::MAX - 10..=u32::MAX) {
                    let is_dead = model.contains(&(creator, number));
                    prop_assert_eq!(graveyard.contains(id(creator, number)), is_dead);
                }
            }
        }
    }

    #[test]
    fn invented_ids_do_not_fill_the_memory() {
        let mut graveyard = Graveyard::default();
        for number in 0..2 * MAX_RANGES as u32 {
            graveyard.insert(id(1, 2 * number));
        }
        assert_eq!(graveyard.ranges(), MAX_RANGES);
        assert!(
            graveyard.contains(id(1, 0)) && graveyard.contains(id(1, 4 * MAX_RANGES as u32 - 2))
        );
        for creator in 0..2 * MAX_CREATORS as u128 {
            let creator = Creator::Peer(PeerId::from_bytes(creator.to_le_bytes()));
            graveyard.insert(EntityId { creator, number: 7 });
        }
        assert_eq!(graveyard.ranges.len(), MAX_CREATORS);
    }

    #[test]
    fn entities_that_all_died_take_one_range() {
        let mut graveyard = Graveyard::default();
        for number in (0..1000).rev().step_by(2).chain((0..1000).step_by(2)) {
            graveyard.insert(id(1, number));
        }
        assert_eq!(graveyard.ranges(), 1);
        assert!(graveyard.contains(id(1, 999)) && !graveyard.contains(id(1, 1000)));
        assert!(!graveyard.contains(id(2, 5)));
    }

    #[test]
    fn limit_for_entities_of_some_rules_does_not_affect_those_of_others() {
        use crate::{
            claim::{OwnerGone, Policy},
            numbering::number,
        };
        let mut graveyard = Graveyard::default();
        let fixed = |count| id(1, number(Policy::Fixed, OwnerGone::Forget, count));
        graveyard.insert(fixed(0));
        graveyard.insert(fixed(2));
        for count in 0..2 * MAX_RANGES as u32 {
            graveyard.insert(id(1, number(Policy::ByTouch, OwnerGone::PassOn, 2 * count)));
        }
        assert!(graveyard.contains(fixed(0)) && graveyard.contains(fixed(2)));
        assert!(!graveyard.contains(fixed(1)) && !graveyard.contains(fixed(3)));
    }
}
