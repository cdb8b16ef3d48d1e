//! A saved state as rows that a player can read.

use super::ids::RollbackId;

/// One value of a saved state, as returned by [`WorldStore::dump`](super::WorldStore::dump).
///
/// Two peers that compare their dumps find the type, the entity and the field that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpRow {
    /// The full name of the type.
    pub type_name: &'static str,
    /// The entity that has the component, or `None` for a resource.
    pub id: Option<RollbackId>,
    /// The hash of the value, as it is part of the checksum.
    pub hash: u64,
    /// The value with its fields, at most about 1 KB. Empty for types with a hash function of their
    /// own. A reference to an entity is the bits of an [`Entity`](bevy::prelude::Entity): its
    /// [`RollbackId`] plus one.
    pub text: String,
}
