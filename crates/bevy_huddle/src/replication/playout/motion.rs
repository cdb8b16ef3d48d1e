//! How a component moves between two values: each field in its own way.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_snapshot::playout::Motion;

use crate::replication::codec::Fields;

/// Sets a [`Transform`] to a value that is shown.
pub(crate) type Draw<T> = Arc<dyn Fn(&T, &mut Transform) + Send + Sync>;

/// Moves all fields of `T`.
pub(crate) struct FieldsMotion<T>(pub(crate) Arc<Fields<T>>);

impl<T> Clone for FieldsMotion<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + PartialEq + 'static> Motion for FieldsMotion<T> {
    type Value = T;

    fn between(&self, from: &T, to: &T, t: f32, span: f32) -> T {
        let mut out = to.clone();
        for field in self.0.iter() {
            field.between(&mut out, from, to, t, span);
        }
        out
    }

    fn beyond(&self, from: &T, to: &T, span: f32, ahead: f32) -> T {
        let mut out = to.clone();
        for field in self.0.iter() {
            field.beyond(&mut out, from, to, span, ahead);
        }
        out
    }

    fn shift(&self, at: &T, from: &T, to: &T, part: f32) -> T {
        let mut out = at.clone();
        for field in self.0.iter() {
            field.shift(&mut out, from, to, part);
        }
        out
    }
}
