use crate::entropy::BitModel;

use super::{error::RecordError, field::Field, rotation::RotationModels, vector::VectorModels};

/// The largest context of a record. Larger ones count as this.
pub const MAX_RECORD_CONTEXT: usize = 15;

/// The models of the records of a layout.
///
/// Both sides copy those at the end of an acked packet to start a packet. [`copy_from`] does this
/// without allocating.
///
/// [`copy_from`]: Self::copy_from
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Models {
    /// Whether a record differs from its baseline. The contexts are the caller's and whether the
    /// baseline changed.
    pub(super) changed: [[BitModel; 2]; MAX_RECORD_CONTEXT + 1],
    pub(super) fields: Vec<FieldModels>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldModels {
    /// Whether the field differs from the baseline. The contexts are whether the two fields before
    /// do, whether those were far from their predictions, and whether the baseline changed.
    pub(super) changed: [BitModel; 16],
    pub(super) kind: KindModels,
}

/// The boxes keep flags small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KindModels {
    Flag,
    Vector(Box<VectorModels>),
    Rotation(Box<RotationModels>),
}

impl Models {
    /// Creates models for a layout, for which everything is equally likely.
    pub fn new(layout: &[Field]) -> Self {
        let fields = layout.iter().map(|field| FieldModels {
            changed: Default::default(),
            kind: match field {
                Field::Flag => KindModels::Flag,
                Field::Vector { .. } | Field::Angle { .. } => {
                    KindModels::Vector(Box::new(VectorModels::new()))
                }
                Field::Rotation { .. } => KindModels::Rotation(Box::new(RotationModels::new())),
            },
        });
        Self {
            changed: Default::default(),
            fields: fields.collect(),
        }
    }

    /// Becomes equal to the models of another packet. This allocates nothing.
    ///
    /// # Errors
    /// Returns an error if the other models are for another layout. These models are then
    /// meaningless.
    pub fn copy_from(&mut self, other: &Self) -> Result<(), RecordError> {
        if self.fields.len() != other.fields.len() {
            return Err(RecordError::Layout);
        }
        self.changed = other.changed;
        for (to, from) in self.fields.iter_mut().zip(&other.fields) {
            to.changed = from.changed;
            match (&mut to.kind, &from.kind) {
                (KindModels::Flag, KindModels::Flag) => {}
                (KindModels::Vector(to), KindModels::Vector(from)) => **to = **from,
                (KindModels::Rotation(to), KindModels::Rotation(from)) => **to = **from,
                _ => return Err(RecordError::Layout),
            }
        }
        Ok(())
    }
}
