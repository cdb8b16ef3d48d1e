use bytes::Bytes;
use thiserror::Error;

use crate::layout::{ComponentId, ComponentSet, Layout, MAX_BLOB_LEN, Place};

/// The value of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// The numbers of its fields.
    Numbers(&'a [i32]),
    /// A blob of at most [`MAX_BLOB_LEN`] bytes.
    Blob(&'a [u8]),
}

/// A value that does not agree with the layout of its component.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// The layout does not contain the component.
    #[error("component {0} is not in the layout: register it on every peer")]
    UnknownComponent(usize),
    /// A component with fields received a blob, or the reverse, or the number of numbers is wrong.
    #[error(
        "{0} has a value of another shape: pass exactly the numbers, or the blob, of its layout"
    )]
    Mismatch(String),
    /// A number is out of the range of its field.
    #[error("{0} has a number that is out of range: clamp it before")]
    OutOfRange(String),
    /// A blob is too long.
    #[error(
        "{name} has {len} bytes, and {MAX_BLOB_LEN} is the maximum: replicate less, or send it as an event or a transfer"
    )]
    BlobTooLong {
        /// The name of the component.
        name: String,
        /// The length of the blob.
        len: usize,
    },
}

impl Value<'_> {
    /// Returns an upper bound of the length of the encoded value, in bytes.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Numbers(numbers) => NUMBER_LEN * numbers.len(),
            Self::Blob(blob) => BLOB_LEN + blob.len(),
        }
    }
}

/// The values of an entity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Values {
    pub(crate) components: ComponentSet,
    /// The numbers of all components, in the order of the components.
    pub(crate) numbers: Vec<i32>,
    /// The values of the components that are blobs.
    pub(crate) blobs: Vec<Bytes>,
}

impl Values {
    /// Returns an upper bound of the length of the encoded values, in bytes.
    pub(crate) fn len(&self) -> usize {
        len(self.numbers.len(), &self.blobs)
    }

    /// Returns the value of a component.
    pub(crate) fn get(&self, layout: &Layout, id: ComponentId) -> Option<Value<'_>> {
        match layout.place(self.components, id)? {
            Place::Numbers(range) => self.numbers.get(range).map(Value::Numbers),
            Place::Blob(index) => self.blobs.get(index).map(|blob| Value::Blob(blob)),
        }
    }

    /// Sets the value of a component, which was [checked](check), and adds the component if necessary.
    pub(crate) fn set(&mut self, layout: &Layout, id: ComponentId, value: Value<'_>) {
        let is_new = !self.components.contains(id);
        self.components.insert(id);
        match (layout.place(self.components, id), value) {
            (Some(Place::Numbers(range)), Value::Numbers(numbers)) => {
                let kept = self.numbers.get_mut(range.clone());
                match kept.filter(|kept| !is_new && kept.len() == numbers.len()) {
                    Some(kept) => kept.copy_from_slice(numbers),
                    None => {
                        let old = range.start..if is_new { range.start } else { range.end };
                        self.numbers.splice(old, numbers.iter().copied());
                    }
                }
            }
            (Some(Place::Blob(index)), Value::Blob(blob)) => {
                let blob = Bytes::copy_from_slice(blob);
                match self.blobs.get_mut(index) {
                    Some(old) if !is_new => *old = blob,
                    _ => self.blobs.insert(index, blob),
                }
            }
            _ => {}
        }
    }

    /// Removes a component. Returns whether the entity had it.
    pub(crate) fn remove(&mut self, layout: &Layout, id: ComponentId) -> bool {
        let place = layout.place(self.components, id);
        self.components.remove(id);
        match &place {
            Some(Place::Numbers(range)) => drop(self.numbers.drain(range.clone())),
            Some(Place::Blob(index)) => drop(self.blobs.remove(*index)),
            None => {}
        }
        place.is_some()
    }
}

/// Returns an upper bound of the length of encoded values, in bytes.
pub(crate) fn len(numbers: usize, blobs: &[Bytes]) -> usize {
    let blobs: usize = blobs.iter().map(|blob| BLOB_LEN + blob.len()).sum();
    NUMBER_LEN * numbers + blobs
}

/// An upper bound of the length of an encoded number, in bytes.
const NUMBER_LEN: usize = 8;

/// The length of an encoded blob in addition to its bytes.
const BLOB_LEN: usize = 8;

/// Returns an error if a value does not agree with the layout.
pub(crate) fn check(layout: &Layout, id: ComponentId, value: Value<'_>) -> Result<(), ShapeError> {
    let component = layout.get(id);
    let component = component.ok_or(ShapeError::UnknownComponent(id.index()))?;
    let name = || component.name().to_owned();
    match value {
        Value::Blob(blob) if component.is_blob() => match blob.len() {
            ..=MAX_BLOB_LEN => Ok(()),
            len => Err(ShapeError::BlobTooLong { name: name(), len }),
        },
        Value::Numbers(numbers) if !component.is_blob() && numbers.len() == component.len() => {
            match component.has_in_range(numbers) {
                true => Ok(()),
                false => Err(ShapeError::OutOfRange(name())),
            }
        }
        _ => Err(ShapeError::Mismatch(name())),
    }
}
