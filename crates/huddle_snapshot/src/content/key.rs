use crate::{id::EntityId, layout::ComponentId};

/// The maximum length of a large value, in bytes.
pub const MAX_CONTENT_LEN: usize = 16 * 1024;

/// Identifies a large value: a component of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentKey {
    /// The entity.
    pub entity: EntityId,
    /// The component.
    pub component: ComponentId,
}
