//! Replicated state in a mesh of peers, as pure state machines: values, time and bytes in, bytes,
//! values and events out.
//!
//! The crate does no I/O, starts no threads, reads no clock and does not depend on a game engine, so
//! every test of it can replay a seed. A [`SnapshotSession`] is one peer of a room. The game spawns
//! entities in it and sets their components, and the session brings the entities to every other peer:
//!
//! - **Values** are whole numbers that the game has [quantised](quantise), or short blobs. A
//!   [`Layout`] lists the component types. All values of an entity travel in one record, so that a
//!   peer never sees an incomplete entity.
//! - **Records** are the difference from a state that the receiver has acked, entropy coded by the
//!   [models](entropy) of a packet that it has acked. No loss and no reordering breaks this.
//! - **Ownership** needs no server: every peer decides alike about [claims](claim), and about the
//!   [heirs](heir) of a peer that has left.
//! - **The budget** of a link decides [when to send and how much](budget). The most important records
//!   come first. A [rate limit](Component::with_max_hz) delays the changes of a component.
//! - **Playout** shows the received values [smoothly](playout).
//!
//! Everything that another peer sends is untrusted: it is bounded, never causes a panic, and an
//! invalid packet is an error and nothing else.
//!
//! ```
//! use huddle_id::PeerId;
//! use huddle_snapshot::{Layout, NewEntity, Shape, SnapshotSession, Value, column::Field};
//!
//! let place = Field::Vector { axes: 2, max: [1023, 1023, 0] };
//! let layout = Layout::new([("place".to_owned(), Shape::Fields(vec![place]))])?;
//! let [ada, bob] = [1, 2].map(PeerId::from_u128);
//! // A game passes random numbers.
//! let mut session = SnapshotSession::new(ada, layout.clone(), 0x9e37_79b9);
//! let mut other = SnapshotSession::new(bob, layout, 0x7f4a_7c15);
//! session.link_opened(bob);
//! other.link_opened(ada);
//!
//! let place = session.layout().id("place").unwrap();
//! let ball = session.spawn(NewEntity::default(), &[(place, Value::Numbers(&[300, 40]))])?;
//! let mut packet = Vec::new();
//! session.write(bob, 0, 1, 1000, &mut packet);
//! other.receive(ada, 0, 1, &packet)?;
//! assert_eq!(other.get(ball, place), Some(Value::Numbers(&[300, 40])));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod budget;
pub mod claim;
pub mod column;
pub mod content;
pub mod entropy;
pub mod heir;
pub mod id;
mod layout;
mod link;
mod numbering;
pub mod playout;
pub mod quantise;
mod session;
mod visibility;
mod world;

#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing {
    //! Invariants of the decoders and the session for arbitrary data.
    pub use super::{
        column::fuzzing::entropy, content::fuzzing::contents, session::fuzzing::snapshot_session,
    };
}

pub use layout::{
    Component, ComponentId, ComponentSet, Layout, LayoutError, MAX_BLOB_LEN, MAX_COMPONENTS,
    MAX_ENTITY_LEN, MAX_FIELDS, MAX_NAME_LEN, Shape,
};
pub use link::{DecodeError, MAX_ENTITIES, MIN_SPACE};
pub use session::{
    EntityError, LinkReport, NewEntity, RemovalReason, SnapshotEvent, SnapshotSession,
    SnapshotStats,
};
pub use visibility::Visibility;
pub use world::{ShapeError, Value};

/// Compiles the code in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
