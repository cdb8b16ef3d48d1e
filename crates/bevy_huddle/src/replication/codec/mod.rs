//! How the values of components are encoded: whole, or field by field.

mod field;
mod fields;
mod quantiser;
mod references;
mod serde;
mod value;
mod value_codec;

pub(crate) use self::{
    field::{FieldRule, Stepped, Turning, TypedField},
    fields::Fields,
    quantiser::{Angle, Flag, Integer, Quantiser},
    references::references_in,
    serde::SerdeCodec,
    value::ValueBuffer,
    value_codec::ValueCodec,
};
