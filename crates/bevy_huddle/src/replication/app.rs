//! Registers replicated components on an [`App`].

use std::sync::Arc;

use bevy::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    outgoing::changes::{collect_changes, on_component_removed},
    requests::{OwnershipRequest, OwnershipRule},
    resource,
    rule::{ReplicatedComponent, ReplicationRule, TypedRule, add_rule, field_rule, serde_rule},
    schedule::ReplicationSystems,
};

/// Methods that register replicated components.
///
/// Every player must register the same components. Players whose components differ refuse each other,
/// and [`PeerRefused`](crate::PeerRefused) names the difference. A room uses the components that were
/// registered when it was joined.
pub trait ReplicationAppExt {
    /// Replicates `T` as a whole, with `serde`. It is sent again when its encoded bytes change. Use it for
    /// values that change rarely, such as names and scores. A value has at most 512 bytes. For longer ones,
    /// use [`replicate_with`](Self::replicate_with) with [`ReplicationRule::large`].
    ///
    /// `name` identifies the component on the network.
    ///
    /// # Panics
    /// Panics if the name is empty or in use, if the type is already replicated, or if its values cannot
    /// be encoded and decoded without loss.
    fn replicate<T>(&mut self, name: &'static str) -> &mut Self
    where
        T: ReplicatedComponent + Serialize + DeserializeOwned;

    /// Replicates fields of `T` with a range and a step. A change takes a few bits. Use it for values
    /// that change often, such as positions. A rule with [`large`](ReplicationRule::large) replicates `T` as
    /// a whole instead, with up to 16 KiB.
    ///
    /// `name` identifies the component on the network. See [`ReplicationRule`] for an example.
    ///
    /// # Panics
    /// Panics if the name is empty or in use, if the type is already replicated, if the rule has no fields
    /// or more than 32, or if it has fields and is large.
    fn replicate_with<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(ReplicationRule<T>) -> ReplicationRule<T>,
    ) -> &mut Self
    where
        T: ReplicatedComponent;

    /// Replicates a resource as a whole, with `serde`. The host of the room sets it for all peers. The
    /// changes of another peer stay local, until the host changes the resource. A new host continues with
    /// its own value, which it received from the previous host.
    ///
    /// For a value that each peer has, replicate a component instead, and insert it into the entity with
    /// [`LocalPeer`](crate::LocalPeer).
    ///
    /// # Panics
    /// Panics like [`replicate`](Self::replicate).
    fn replicate_resource<R>(&mut self, name: &'static str) -> &mut Self
    where
        R: Resource + ReplicatedComponent + Serialize + DeserializeOwned;

    /// Sets the callback that decides about the requests of other peers for entities with
    /// [`OwnershipPolicy::OnRequest`](crate::replication::OwnershipPolicy). Without a callback, every
    /// request is granted.
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use bevy_huddle::replication::*;
    ///
    /// #[derive(Component)]
    /// struct Locked;
    ///
    /// App::new().decide_ownership(|request| !request.world.entity(request.entity).contains::<Locked>());
    /// ```
    fn decide_ownership<F>(&mut self, decide: F) -> &mut Self
    where
        F: Fn(OwnershipRequest<'_>) -> bool + Send + Sync + 'static;
}

impl ReplicationAppExt for App {
    fn replicate<T>(&mut self, name: &'static str) -> &mut Self
    where
        T: ReplicatedComponent + Serialize + DeserializeOwned,
    {
        add(self, serde_rule::<T>(name))
    }

    fn replicate_with<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(ReplicationRule<T>) -> ReplicationRule<T>,
    ) -> &mut Self
    where
        T: ReplicatedComponent,
    {
        add(self, field_rule::<T>(name, rule))
    }

    fn replicate_resource<R>(&mut self, name: &'static str) -> &mut Self
    where
        R: Resource + ReplicatedComponent + Serialize + DeserializeOwned,
    {
        resource::add::<R>(self, name);
        self.replicate::<R>(name)
    }

    fn decide_ownership<F>(&mut self, decide: F) -> &mut Self
    where
        F: Fn(OwnershipRequest<'_>) -> bool + Send + Sync + 'static,
    {
        self.insert_resource(OwnershipRule(Some(Arc::new(decide))))
    }
}

pub(super) fn add<T: ReplicatedComponent>(app: &mut App, rule: TypedRule<T>) -> &mut App {
    let changes = collect_changes::<T>(&rule);
    if let Some(interpolation) = &rule.interpolation {
        interpolation.register(app);
    }
    add_rule(app.world_mut(), rule);
    app.add_observer(on_component_removed::<T>)
        .add_systems(FixedPostUpdate, changes.in_set(ReplicationSystems::Collect))
}
