//! Encodes components field by field.

use std::sync::Arc;

use huddle_session::{
    Schema,
    codec::{DecodeError, EncodeError},
};
use huddle_snapshot::Shape;

use super::{field::FieldRule, value::ValueBuffer, value_codec::ValueCodec};

/// The fields of `T`.
pub(crate) struct Fields<T>(Vec<Box<dyn FieldRule<T>>>);

impl<T> Fields<T> {
    pub(crate) fn new(fields: Vec<Box<dyn FieldRule<T>>>) -> Self {
        Self(fields)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn FieldRule<T>> {
        self.0.iter().map(|field| &**field)
    }
}

impl<T: Default + Clone + 'static> ValueCodec<T> for Arc<Fields<T>> {
    fn shape(&self) -> Shape {
        Shape::Fields(self.iter().map(|field| field.field()).collect())
    }

    fn schema(&self) -> Schema {
        let texts: Vec<_> = self.iter().map(|field| field.text()).collect();
        Schema::described(&texts.join("; "))
    }

    fn encode(&self, value: &T, out: &mut ValueBuffer) -> Result<(), EncodeError> {
        let numbers = out.start_numbers();
        for field in self.iter() {
            field.encode(value, numbers);
        }
        Ok(())
    }

    fn decode(&self, value: &ValueBuffer, current: Option<&T>) -> Result<T, DecodeError> {
        let mut rest = value.numbers();
        let mut decoded = current.cloned().unwrap_or_default();
        for field in self.iter() {
            let (numbers, after) = rest.split_at(field.field().len().min(rest.len()));
            field.decode(numbers, &mut decoded);
            rest = after;
        }
        Ok(decoded)
    }
}
