use bevy::prelude::*;

use super::{
    app::add,
    budget::{ReplicationBudget, share_budget},
    components::{
        Importance, LocallyOwned, OnOwnerLeft, Owner, OwnershipPolicy, PeerEntity, PlacedId,
        Replicated, ReplicationId, VisibleTo,
    },
    incoming::{
        apply::apply,
        room::{on_link_added, on_link_removed, on_peer_left},
        spawn::on_peer_added,
    },
    large::{exchange::exchange, messages},
    outgoing::{
        enter::enter,
        leave::{on_replicated_added, on_replicated_removed, on_rollback_added},
        settings::{collect_settings, on_importance_removed, on_visible_to_removed},
    },
    requests,
    rule::field_rule,
    schedule::ReplicationSystems,
};
use crate::{peer::components::LocalPeer, schedule::HuddleSystems};

/// Replicates entities. It is part of [`HuddlePlugins`](crate::HuddlePlugins).
///
/// See the [module](crate::replication) for an overview.
#[derive(Debug, Default, Clone, Copy)]
pub struct ReplicationPlugin;

impl Plugin for ReplicationPlugin {
    fn build(&self, app: &mut App) {
        app.register_type::<Replicated>()
            .register_type::<ReplicationId>()
            .register_type::<VisibleTo>()
            .register_type::<Owner>()
            .register_type::<LocallyOwned>()
            .register_type::<OwnershipPolicy>()
            .register_type::<OnOwnerLeft>()
            .register_type::<PlacedId>()
            .register_type::<Importance>();
        add(
            app,
            field_rule::<PeerEntity>("huddle/peer", |rule| {
                // A component has at least one field.
                rule.flag(|_| true, |_, _| {})
            }),
        );
        requests::add(app);
        messages::add(app);
        app.register_type::<ReplicationBudget>()
            .init_resource::<ReplicationBudget>();
        app.configure_sets(
            FixedPostUpdate,
            (
                ReplicationSystems::Enter,
                ReplicationSystems::Collect,
                HuddleSystems::Send,
            )
                .chain(),
        )
        .configure_sets(
            PreUpdate,
            ReplicationSystems::Apply.after(HuddleSystems::Receive),
        )
        .add_systems(
            PreUpdate,
            (apply, share_budget, exchange)
                .chain()
                .in_set(ReplicationSystems::Apply),
        )
        .add_systems(FixedPostUpdate, enter.in_set(ReplicationSystems::Enter))
        .add_systems(
            FixedPostUpdate,
            collect_settings.in_set(ReplicationSystems::Collect),
        )
        .add_observer(on_link_added)
        .add_observer(on_link_removed)
        .add_observer(on_peer_added)
        .add_observer(on_peer_left)
        .add_observer(on_replicated_added)
        .add_observer(on_replicated_removed)
        .add_observer(on_visible_to_removed)
        .add_observer(on_importance_removed)
        .add_observer(on_rollback_added)
        .add_observer(replicate_local_peer);
    }
}

/// The entity of the local peer is always replicated.
fn replicate_local_peer(added: On<Add, LocalPeer>, mut commands: Commands) {
    if let Ok(mut entity) = commands.get_entity(added.entity) {
        entity.try_insert((Replicated, PeerEntity));
    }
}
