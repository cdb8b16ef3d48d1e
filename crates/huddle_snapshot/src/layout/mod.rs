//! What the replicated components of a game consist of. All peers of a room have the same layout.

mod set;

use std::ops::Range;

use thiserror::Error;

use crate::{
    budget::RateLimit,
    column::{Field, Number},
};

pub use self::set::{ComponentId, ComponentSet, MAX_COMPONENTS};

/// The maximum number of fields of a component.
pub const MAX_FIELDS: usize = 32;

/// The maximum length of the value of a component without fields, in bytes.
pub const MAX_BLOB_LEN: usize = 512;

/// The maximum length of a component's name, in bytes.
pub const MAX_NAME_LEN: usize = 64;

/// The maximum length of all blobs of an entity together, in bytes, plus eight bytes for each number.
/// All values of an entity arrive in one packet, so that the entity is never incomplete.
pub const MAX_ENTITY_LEN: usize = 700;

/// What a component's value consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Whole numbers, such as the steps of a quantised position.
    Fields(Vec<Field>),
    /// At most [`MAX_BLOB_LEN`] bytes that mean nothing to this crate. They are sent whole when they
    /// change.
    Blob,
}

/// A component type that a game replicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    name: String,
    shape: Shape,
    rate_limit: Option<RateLimit>,
    /// The numbers of a value of which nothing is known.
    unknown: Vec<Number>,
}

impl From<(String, Shape)> for Component {
    fn from((name, shape): (String, Shape)) -> Self {
        Self::new(name, shape)
    }
}

impl Component {
    /// Creates a component type that is sent whenever it changes.
    pub fn new(name: impl Into<String>, shape: Shape) -> Self {
        let mut component = Self {
            name: name.into(),
            shape,
            rate_limit: None,
            unknown: Vec::new(),
        };
        let len = component.fields().iter().map(Field::len).sum();
        component.unknown = vec![Number::UNKNOWN; len];
        component
    }

    /// Limits how many changes of the component the other peers receive per second. The last change
    /// always arrives. The limit is clamped to 0.1 to 1000.
    #[must_use]
    pub fn with_max_hz(mut self, hz: f32) -> Self {
        self.rate_limit = Some(RateLimit::hz(hz));
        self
    }

    /// The number of changes per second that the other peers receive at most, if it is limited.
    pub fn max_hz(&self) -> Option<f32> {
        self.rate_limit.map(RateLimit::as_hz)
    }

    pub(crate) fn rate_limit(&self) -> Option<RateLimit> {
        self.rate_limit
    }

    /// The name, which is the same on all peers.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fields. A component without fields has a blob.
    pub fn fields(&self) -> &[Field] {
        match &self.shape {
            Shape::Fields(fields) => fields,
            Shape::Blob => &[],
        }
    }

    /// Returns the number of numbers of the fields.
    pub(crate) fn len(&self) -> usize {
        self.unknown.len()
    }

    /// Returns the numbers of a value of which nothing is known.
    pub(crate) fn unknown(&self) -> &[Number] {
        &self.unknown
    }

    /// Returns `true` if all numbers are in the ranges of the fields.
    pub(crate) fn has_in_range(&self, numbers: &[i32]) -> bool {
        let mut numbers = numbers.iter().copied();
        let mut next = |max: u32| {
            let number = numbers.next().and_then(|number| u32::try_from(number).ok());
            number.is_some_and(|number| number <= max)
        };
        self.fields().iter().all(|field| match *field {
            Field::Vector { max, .. } => max.iter().take(field.len()).all(|&max| next(max)),
            Field::Angle { bits } => next((1 << bits) - 1),
            Field::Flag => next(1),
            Field::Rotation { bits } => next(3) && (0..3).all(|_| next((1 << bits) - 1)),
        })
    }

    /// Returns `true` if the value is a blob.
    pub fn is_blob(&self) -> bool {
        matches!(self.shape, Shape::Blob)
    }
}

/// The component types that a game replicates, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    components: Vec<Component>,
}

/// Why a component type cannot be replicated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// Two component types have the same name.
    #[error("two components are named {0:?}: give each a name of its own")]
    Duplicate(String),
    /// The name is empty or too long.
    #[error("a component is named {0:?}: use a name of 1 to {MAX_NAME_LEN} bytes")]
    Name(String),
    /// The component has no field, or too many.
    #[error("{name} has {count} fields: a component has 1 to {MAX_FIELDS}")]
    Fields {
        /// The name of the component.
        name: String,
        /// The number of its fields.
        count: usize,
    },
    /// A field has a range that cannot be encoded.
    #[error(
        "{name} has the field {field:?}: use 1 to 3 axes below 2^31, angles of 1 to 31 bits, and rotations of 2 to 16 bits"
    )]
    Field {
        /// The name of the component.
        name: String,
        /// The field.
        field: Field,
    },
    /// There are too many component types.
    #[error("{0} components are replicated: at most {MAX_COMPONENTS} are possible")]
    Count(usize),
}

impl Layout {
    /// Creates a layout of these component types, which are pairs of names and shapes, or
    /// [`Component`]s. The order does not matter.
    ///
    /// # Errors
    /// Returns an error if a name is invalid or occurs twice, a component has no fields or more than
    /// [`MAX_FIELDS`], or there are more than [`MAX_COMPONENTS`] component types.
    pub fn new(
        components: impl IntoIterator<Item = impl Into<Component>>,
    ) -> Result<Self, LayoutError> {
        let components = components.into_iter();
        let mut components: Vec<Component> = components.map(Into::into).collect();
        components.sort_by(|a, b| a.name.cmp(&b.name));
        if components.len() > MAX_COMPONENTS {
            return Err(LayoutError::Count(components.len()));
        }
        for component in &components {
            let name = component.name.clone();
            if !(1..=MAX_NAME_LEN).contains(&name.len()) {
                return Err(LayoutError::Name(name));
            }
            if let Shape::Fields(fields) = &component.shape {
                let count = fields.len();
                if !(1..=MAX_FIELDS).contains(&count) {
                    return Err(LayoutError::Fields { name, count });
                }
                if let Some(&field) = fields.iter().find(|field| !is_valid(field)) {
                    return Err(LayoutError::Field { name, field });
                }
            }
        }
        match components.windows(2).find(|two| two[0].name == two[1].name) {
            Some(two) => Err(LayoutError::Duplicate(two[0].name.clone())),
            None => Ok(Self { components }),
        }
    }

    /// Returns the id of the component type with this name.
    pub fn id(&self, name: &str) -> Option<ComponentId> {
        let index = self
            .components
            .binary_search_by(|component| component.name.as_str().cmp(name));
        ComponentId::new(index.ok()?)
    }

    /// Returns the component type with this id.
    pub fn get(&self, id: ComponentId) -> Option<&Component> {
        self.components.get(id.index())
    }

    /// Returns all component types and their ids, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ComponentId, &Component)> {
        let components = self.components.iter().enumerate();
        components.filter_map(|(index, component)| Some((ComponentId::new(index)?, component)))
    }

    /// Returns all component types, sorted by name.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Returns `true` if all components of the set exist.
    pub fn has_all(&self, set: ComponentSet) -> bool {
        set.iter().all(|id| self.get(id).is_some())
    }

    /// Returns where the values of each component of a set are: the range of its fields, or the
    /// number of its blob as a range of one.
    pub(crate) fn places(
        &self,
        set: ComponentSet,
    ) -> impl Iterator<Item = (ComponentId, &Component, Place)> {
        let (mut fields, mut blobs) = (0, 0);
        set.iter().filter_map(move |id| {
            let component = self.get(id)?;
            let place = match component.is_blob() {
                true => {
                    blobs += 1;
                    Place::Blob(blobs - 1)
                }
                false => {
                    let start = fields;
                    fields += component.len();
                    Place::Numbers(start..fields)
                }
            };
            Some((id, component, place))
        })
    }

    /// Returns where the value of one component of a set is.
    pub(crate) fn place(&self, set: ComponentSet, id: ComponentId) -> Option<Place> {
        let mut places = self.places(set);
        places.find_map(|(of, _, place)| (of == id).then_some(place))
    }
}

fn is_valid(field: &Field) -> bool {
    match *field {
        Field::Vector { axes, max } => {
            (1..=3).contains(&axes) && max.iter().all(|max| i32::try_from(*max).is_ok())
        }
        Field::Angle { bits } => (1..=31).contains(&bits),
        Field::Flag => true,
        Field::Rotation { bits } => (2..=16).contains(&bits),
    }
}

/// Where the value of a component is among the values of its entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Numbers(Range<usize>),
    Blob(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(count: usize) -> Shape {
        Shape::Fields(vec![Field::Flag; count])
    }

    fn layout(components: &[(&str, Shape)]) -> Result<Layout, LayoutError> {
        let owned = components
            .iter()
            .map(|(name, shape)| ((*name).to_owned(), shape.clone()));
        Layout::new(owned)
    }

    #[test]
    fn components_are_sorted_by_name_and_have_places() {
        let layout = layout(&[
            ("place", fields(2)),
            ("name", Shape::Blob),
            ("health", fields(1)),
        ])
        .unwrap();
        let names: Vec<_> = layout.components().iter().map(Component::name).collect();
        assert_eq!(names, ["health", "name", "place"]);
        let id = |name| layout.id(name).unwrap();
        let all: ComponentSet = ["health", "name", "place"].into_iter().map(id).collect();
        let places: Vec<_> = layout.places(all).map(|(_, _, place)| place).collect();
        assert_eq!(
            places,
            [Place::Numbers(0..1), Place::Blob(0), Place::Numbers(1..3)]
        );
        assert_eq!(layout.place(all, id("place")), Some(Place::Numbers(1..3)));
        assert_eq!(layout.id("speed"), None);
        assert!(layout.has_all(all));
        let unknown = [ComponentId::new(3).unwrap()].into_iter().collect();
        assert!(!layout.has_all(unknown));
    }

    #[test]
    fn invalid_layouts_are_rejected() {
        let error = |components: &[(&str, Shape)]| layout(components).unwrap_err().to_string();
        assert_eq!(
            error(&[("a", fields(1)), ("b", Shape::Blob), ("a", Shape::Blob)]),
            r#"two components are named "a": give each a name of its own"#
        );
        assert_eq!(
            error(&[("", Shape::Blob)]),
            r#"a component is named "": use a name of 1 to 64 bytes"#
        );
        assert_eq!(
            error(&[("a", fields(0))]),
            "a has 0 fields: a component has 1 to 32"
        );
        assert_eq!(
            error(&[("a", fields(33))]),
            "a has 33 fields: a component has 1 to 32"
        );
        let invalid = [
            Field::Vector {
                axes: 4,
                max: [1; 3],
            },
            Field::Vector {
                axes: 1,
                max: [1 << 31, 0, 0],
            },
            Field::Angle { bits: 32 },
            Field::Angle { bits: 0 },
            Field::Rotation { bits: 17 },
        ];
        for field in invalid {
            assert!(error(&[("a", Shape::Fields(vec![field]))]).starts_with("a has the field"));
        }
        let names: Vec<_> = (0..129).map(|n| n.to_string()).collect();
        let many: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), Shape::Blob))
            .collect();
        assert_eq!(
            error(&many),
            "129 components are replicated: at most 128 are possible"
        );
    }
}
