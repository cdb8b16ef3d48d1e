//! A player whose game starts again with the same peer id, as a page that is reloaded.

use std::time::Duration;

use bevy::prelude::*;

use super::game::{Charge, LabExt, Label, meet};
use crate::replication::OwnershipPolicy;

#[test]
fn restarted_peer_leaves_no_ghosts() {
    for pause in [0, 3, 20] {
        let (mut lab, [ada, bob, eve]) = meet();
        lab.spawn(ada, Charge(1));
        lab.spawn(ada, (Charge(2), OwnershipPolicy::ByTouch));
        lab.settle();
        lab.kill(ada);
        lab.run_for(Duration::from_secs(pause));
        lab.revive(ada);
        lab.run_until(|lab| lab.have_met(&[ada, bob, eve]));
        lab.settle();
        lab.settle();
        for player in [ada, bob, eve] {
            assert_eq!(lab.all::<Charge>(player), [Charge(2)], "after {pause} s");
        }
    }
}

#[test]
fn entity_of_a_restarted_peer_has_the_components_of_the_new_session() {
    for _ in 0..4 {
        let (mut lab, [ada, bob, eve]) = meet();
        for name in ["first", "second", "third"] {
            let local = lab.peer(ada, ada);
            lab.with(ada, |world| {
                world.entity_mut(local).insert(Label(name.to_owned())).id()
            });
            lab.settle();
            for viewer in [bob, eve] {
                let peer = lab.peer(viewer, ada);
                let label = lab[viewer].world().get::<Label>(peer);
                assert_eq!(label, Some(&Label(name.to_owned())));
            }
            lab.kill(ada);
            lab.revive(ada);
            lab.run_until(|lab| lab.have_met(&[ada, bob, eve]));
        }
    }
}
