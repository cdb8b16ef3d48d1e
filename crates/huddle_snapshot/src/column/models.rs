use crate::entropy::BitModel;

use super::{field::Field, rotation::RotationModels, vector::VectorModels};

/// The largest context of a record. Larger ones count as this.
pub const MAX_RECORD_CONTEXT: usize = 15;

/// The models of the records of a layout.
///
/// Both sides copy those at the end of an acked packet to start a packet. [`Clone::clone_from`] does
/// this without allocating.
#[derive(Debug, PartialEq, Eq)]
pub struct Models {
    /// Whether a record differs from its baseline. The contexts are the caller's and whether the
    /// baseline changed.
    pub(super) changed: [[BitModel; 2]; MAX_RECORD_CONTEXT + 1],
    pub(super) fields: Vec<FieldModels>,
}

#[derive(Debug, PartialEq, Eq)]
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
}

impl Clone for Models {
    fn clone(&self) -> Self {
        Self {
            changed: self.changed,
            fields: self.fields.clone(),
        }
    }

    fn clone_from(&mut self, other: &Self) {
        self.changed = other.changed;
        self.fields.clone_from(&other.fields);
    }
}

impl Clone for FieldModels {
    fn clone(&self) -> Self {
        Self {
            changed: self.changed,
            kind: self.kind.clone(),
        }
    }

    fn clone_from(&mut self, other: &Self) {
        self.changed = other.changed;
        match (&mut self.kind, &other.kind) {
            (KindModels::Vector(to), KindModels::Vector(from)) => **to = **from,
            (KindModels::Rotation(to), KindModels::Rotation(from)) => **to = **from,
            (to, from) => *to = from.clone(),
        }
    }
}
