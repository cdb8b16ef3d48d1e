//! Rejects messages at the sender that the receiver could not decode.
//!
//! The encoding contains no field names and no separators. The receiver therefore needs every
//! field, and a length before the elements of every sequence. It also enforces
//! [bounds](super::reading).

use std::{
    cell::{Cell, RefCell},
    fmt::{self, Write},
};

use serde::{
    Serialize, Serializer,
    ser::{
        Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::error::{EncodeError, MAX_DEPTH, MAX_ELEMENTS_BEYOND_BYTES};

/// The maximum number of steps of a path in an error text.
const MAX_SHOWN: usize = 8;

/// The results of checking a value while it is encoded.
#[derive(Debug, Default)]
pub(super) struct Check {
    /// The number of elements of all sequences and maps.
    elements: Cell<usize>,
    problem: Cell<Option<Problem>>,
    /// The path of the part that failed, from the inside out.
    path: RefCell<Vec<Step>>,
}

/// The reason why the receiver could not decode a part.
#[derive(Debug, Clone, Copy)]
enum Problem {
    TooDeep,
    SkippedField,
    NoLength,
    WrongLength { claimed: usize, written: usize },
}

/// A step from a value to one of its parts.
#[derive(Debug, Clone, Copy)]
enum Step {
    Name(&'static str),
    Index(usize),
}

impl Check {
    /// Wraps a value so that it is checked while it is encoded.
    pub(super) fn guard<'a, T: Serialize + ?Sized>(&'a self, value: &'a T) -> impl Serialize + 'a {
        Guarded {
            inner: value,
            depth_left: MAX_DEPTH,
            check: self,
        }
    }

    /// Returns the error for a value that could not be encoded. `reason` is the error of the
    /// serializer or of the type.
    pub(super) fn error(&self, reason: &dyn fmt::Display) -> EncodeError {
        let at = self.path_text();
        match self.problem.get() {
            Some(Problem::TooDeep) => EncodeError::TooDeep { at },
            Some(Problem::SkippedField) => EncodeError::SkippedField { field: at },
            Some(Problem::NoLength) => EncodeError::NoLength { at },
            Some(Problem::WrongLength { claimed, written }) => EncodeError::WrongLength {
                at,
                claimed,
                written,
            },
            None => EncodeError::Unsupported {
                at,
                reason: reason.to_string(),
            },
        }
    }

    /// Checks that the receiver accepts the number of elements in this number of bytes.
    pub(super) fn check_elements(&self, bytes: usize) -> Result<(), EncodeError> {
        let elements = self.elements.get();
        match bytes.saturating_add(MAX_ELEMENTS_BEYOND_BYTES) {
            max if elements > max => Err(EncodeError::TooManyElements { elements, max }),
            _ => Ok(()),
        }
    }

    fn count(&self, elements: usize) {
        self.elements
            .set(self.elements.get().saturating_add(elements));
    }

    fn fail<E: Error>(&self, problem: Problem) -> E {
        self.problem.set(Some(problem));
        E::custom("the receiver could not decode it")
    }

    /// Adds a step to the path if the part could not be encoded.
    fn step<R, E>(&self, step: Step, result: Result<R, E>) -> Result<R, E> {
        result.inspect_err(|_| self.path.borrow_mut().push(step))
    }

    fn path_text(&self) -> String {
        let path = self.path.borrow();
        let mut text = String::new();
        for step in path.iter().rev().take(MAX_SHOWN) {
            // Writing to a string never fails.
            let _ = match step {
                Step::Name(name) if text.is_empty() => write!(text, "{name}"),
                Step::Name(name) => write!(text, ".{name}"),
                Step::Index(index) => write!(text, "[{index}]"),
            };
        }
        if path.len() > MAX_SHOWN {
            text.push('…');
        }
        text
    }
}

/// A value or serializer, with the bounds that apply to it.
struct Guarded<'a, T> {
    inner: T,
    depth_left: u32,
    check: &'a Check,
}

impl<'a, T> Guarded<'a, T> {
    fn with<U>(&self, inner: U) -> Guarded<'a, U> {
        Guarded {
            inner,
            depth_left: self.depth_left,
            check: self.check,
        }
    }

    /// Enters a value that may contain other values, exactly where the receiver counts a level.
    fn deeper<E: Error>(&mut self) -> Result<(), E> {
        let left = self.depth_left.checked_sub(1);
        self.depth_left = left.ok_or_else(|| self.check.fail(Problem::TooDeep))?;
        Ok(())
    }

    fn parts<U>(&self, inner: U) -> Parts<'a, U> {
        Parts {
            guarded: self.with(inner),
            variant: None,
            claimed: None,
            written: 0,
        }
    }
}

impl<T: Serialize + ?Sized> Serialize for Guarded<'_, &T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(self.with(inner))
    }
}

/// Methods for values that contain no other values.
macro_rules! flat {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Guarded<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'a, S::SerializeSeq>;
    type SerializeTuple = Parts<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'a, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'a, S::SerializeMap>;
    type SerializeStruct = Parts<'a, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'a, S::SerializeStructVariant>;

    flat! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_f32(f32) serialize_f64(f64) serialize_char(char)
        serialize_str(&str) serialize_bytes(&[u8])
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_struct(name)
    }

    fn serialize_none(mut self) -> Result<S::Ok, S::Error> {
        self.deeper()?;
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<S::Ok, S::Error> {
        self.deeper()?;
        let value = self.with(value);
        self.inner.serialize_some(&value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.deeper()?;
        let value = self.with(value);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_unit_variant(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.deeper()?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.deeper()?;
        let value = self.with(value);
        let written = self
            .inner
            .serialize_newtype_variant(name, index, variant, &value);
        self.check.step(Step::Name(variant), written)
    }

    fn serialize_seq(mut self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.claim(len)?;
        let (inner, rest) = self.split();
        let mut parts = rest.parts(inner.serialize_seq(len)?);
        parts.claimed = len;
        Ok(parts)
    }

    fn serialize_map(mut self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.claim(len)?;
        let (inner, rest) = self.split();
        let mut parts = rest.parts(inner.serialize_map(len)?);
        parts.claimed = len;
        Ok(parts)
    }

    fn serialize_tuple(mut self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.deeper()?;
        let (inner, rest) = self.split();
        Ok(rest.parts(inner.serialize_tuple(len)?))
    }

    fn serialize_tuple_struct(
        mut self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.deeper()?;
        let (inner, rest) = self.split();
        Ok(rest.parts(inner.serialize_tuple_struct(name, len)?))
    }

    fn serialize_struct(
        mut self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        self.deeper()?;
        let (inner, rest) = self.split();
        Ok(rest.parts(inner.serialize_struct(name, len)?))
    }

    fn serialize_tuple_variant(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.deeper()?;
        let (inner, rest) = self.split();
        let mut parts = rest.parts(inner.serialize_tuple_variant(name, index, variant, len)?);
        parts.variant = Some(variant);
        Ok(parts)
    }

    fn serialize_struct_variant(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.deeper()?;
        let (inner, rest) = self.split();
        let mut parts = rest.parts(inner.serialize_struct_variant(name, index, variant, len)?);
        parts.variant = Some(variant);
        Ok(parts)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl<'a, S: Serializer> Guarded<'a, S> {
    /// Enters a sequence or map, whose elements the receiver counts.
    fn claim(&mut self, len: Option<usize>) -> Result<(), S::Error> {
        self.deeper()?;
        let len = len.ok_or_else(|| self.check.fail(Problem::NoLength))?;
        self.check.count(len);
        Ok(())
    }

    fn split(self) -> (S, Guarded<'a, ()>) {
        let rest = self.with(());
        (self.inner, rest)
    }
}

/// Encodes the parts of a compound value one after the other.
struct Parts<'a, C> {
    guarded: Guarded<'a, C>,
    /// The enum variant that contains the parts.
    variant: Option<&'static str>,
    /// The length, for sequences and maps.
    claimed: Option<usize>,
    written: usize,
}

impl<C> Parts<'_, C> {
    /// Encodes a part.
    fn write<T: Serialize + ?Sized, E>(
        &mut self,
        step: Step,
        value: &T,
        write: impl FnOnce(&mut C, &Guarded<'_, &T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let value = self.guarded.with(value);
        self.written += 1;
        let written = write(&mut self.guarded.inner, &value);
        self.locate(step, written)
    }

    /// Encodes the next part, which has no name.
    fn write_next<T: Serialize + ?Sized, E>(
        &mut self,
        value: &T,
        write: impl FnOnce(&mut C, &Guarded<'_, &T>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.write(Step::Index(self.written), value, write)
    }

    fn skip<E: Error>(&self, field: &'static str) -> Result<(), E> {
        let skipped = Err(self.guarded.check.fail(Problem::SkippedField));
        self.locate(Step::Name(field), skipped)
    }

    fn locate<R, E>(&self, step: Step, written: Result<R, E>) -> Result<R, E> {
        let check = self.guarded.check;
        let written = check.step(step, written);
        match self.variant {
            Some(variant) => check.step(Step::Name(variant), written),
            None => written,
        }
    }

    /// Returns the inner serializer, if the number of parts equals the claimed length.
    fn finish<E: Error>(self) -> Result<C, E> {
        let written = self.written;
        match self.claimed {
            Some(claimed) if claimed != written => {
                let problem = Problem::WrongLength { claimed, written };
                Err(self.guarded.check.fail(problem))
            }
            _ => Ok(self.guarded.inner),
        }
    }
}

/// Implements the serializers of values whose parts have no names.
macro_rules! unnamed {
    ($($trait:ident $method:ident)*) => {$(
        impl<C: $trait> $trait for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.write_next(value, |inner, value| inner.$method(value))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.finish::<C::Error>()?.end()
            }
        }
    )*};
}

unnamed! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

/// Implements the serializers of values whose parts have names.
macro_rules! named {
    ($($trait:ident)*) => {$(
        impl<C: $trait> $trait for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.write(Step::Name(name), value, |inner, value| inner.serialize_field(name, value))
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.skip(name)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.finish::<C::Error>()?.end()
            }
        }
    )*};
}

named! { SerializeStruct SerializeStructVariant }

impl<C: SerializeMap> SerializeMap for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.write_next(key, |inner, key| inner.serialize_key(key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let value = self.guarded.with(value);
        let written = self.guarded.inner.serialize_value(&value);
        self.locate(Step::Index(self.written.saturating_sub(1)), written)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.finish::<C::Error>()?.end()
    }
}

#[cfg(test)]
mod tests;
