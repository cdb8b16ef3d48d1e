//! What types must implement to take part in rollbacks.
//!
//! Every suitable type implements these traits. They exist for the compiler's messages, which name all derives
//! that a type needs.

use bevy::{ecs::component::Mutable, prelude::*};
use huddle_rollback::Input;
use serde::{Serialize, de::DeserializeOwned};

use crate::rollback::world::Access;

/// The input of a player in a tick.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the input of a match",
    label = "this input type lacks a trait",
    note = "add `#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]` to `{Self}`"
)]
pub trait RollbackInput: Input + Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<I: Input + Serialize + DeserializeOwned> RollbackInput for I {}

/// A component that is saved, restored and compared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a rollback component",
    label = "this component lacks a trait",
    note = "add `#[derive(Component, Clone, PartialEq, Serialize)]` to `{Self}`",
    note = "for Bevy's own types, enable Bevy's feature `serialize`",
    note = "if it has no `Serialize`, use `rollback_component_unchecked` or `rollback_component_with_hash`"
)]
pub trait RollbackComponent:
    Component<Mutability: Access<Self>> + Clone + PartialEq + Serialize
{
}

#[diagnostic::do_not_recommend]
impl<T: Component<Mutability: Access<Self>> + Clone + PartialEq + Serialize> RollbackComponent
    for T
{
}

/// A resource that is saved, restored and compared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a rollback resource",
    label = "this resource lacks a trait",
    note = "add `#[derive(Resource, Clone, Default, PartialEq, Serialize)]` to `{Self}`"
)]
pub trait RollbackResource:
    Resource<Mutability = Mutable> + Clone + Default + PartialEq + Serialize
{
}

#[diagnostic::do_not_recommend]
impl<T: Resource<Mutability = Mutable> + Clone + Default + PartialEq + Serialize> RollbackResource
    for T
{
}
