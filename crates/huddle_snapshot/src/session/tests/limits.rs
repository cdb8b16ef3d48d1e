//! The maximum number of entities of a peer.

use super::*;
use crate::{link::MAX_ENTITIES, session::EntityError};

#[test]
fn peer_that_has_the_maximum_number_of_entities_spawns_no_more() {
    let mut a = unlimited(A, layout());
    let ids: Vec<_> = (0..MAX_ENTITIES)
        .map(|_| spawn(&mut a, Policy::Fixed, 1))
        .collect();
    let values = [(place(), Value::Numbers(&[1, 0]))];
    let refused = Err(EntityError::TooManyAtOnce);
    assert_eq!(a.spawn(NewEntity::default(), &values), refused);
    assert_eq!(a.place(Policy::ByTouch, 4, &values), refused);
    a.despawn(ids[7]).unwrap();
    spawn(&mut a, Policy::Fixed, 1);
    assert_eq!(a.spawn(NewEntity::default(), &values), refused);
}

#[test]
fn peer_accepts_the_maximum_number_of_entities_while_they_change() {
    let [mut a, mut b] = pair();
    let mut ids: VecDeque<_> = (0..MAX_ENTITIES)
        .map(|_| spawn(&mut a, Policy::Fixed, 1))
        .collect();
    let mut now = Duration::ZERO;
    for seq in 0..400 {
        now += Duration::from_millis(16);
        a.advance(now);
        b.advance(now);
        if seq >= 300 {
            for _ in 0..20 {
                a.despawn(ids.pop_front().unwrap()).unwrap();
                ids.push_back(spawn(&mut a, Policy::Fixed, 2));
            }
        }
        exchange(&mut a, &mut b, seq, 1100);
        exchange(&mut b, &mut a, seq, 1100);
    }
    assert_eq!(b.entities().count(), MAX_ENTITIES);
    assert_eq!(x_of(&b, ids[MAX_ENTITIES - 1]), Some(2));
}
