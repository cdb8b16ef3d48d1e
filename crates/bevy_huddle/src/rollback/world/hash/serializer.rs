//! `serde` calls become numbers in the hash.

use std::fmt::Display;

use serde::{
    Serialize, Serializer,
    ser::{
        Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};
use thiserror::Error as ThisError;

use super::mixer::Mix;

/// A `Serialize` implementation refused the value.
#[derive(Debug, ThisError)]
#[error("the value cannot be serialized")]
pub(super) struct NotSerializable;

impl Error for NotSerializable {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

type Done = Result<(), NotSerializable>;

/// Hashes values without references to entities.
#[derive(Default)]
pub(super) struct ValueHasher<M> {
    pub(super) mixer: M,
}

impl<M: Mix> ValueHasher<M> {
    fn float(&mut self, value: f64) {
        let bits = match value {
            _ if M::EXACT => value.to_bits(),
            value if value.is_nan() => f64::NAN.to_bits(),
            // Adding zero turns `-0.0` into `0.0`.
            value => (value + 0.0).to_bits(),
        };
        self.mixer.add(bits);
    }

    fn bytes(&mut self, bytes: &[u8]) -> Done {
        self.mixer.add(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mixer.add(u64::from_le_bytes(word));
        }
        Ok(())
    }

    fn add(&mut self, number: u64) -> Done {
        self.mixer.add(number);
        Ok(())
    }
}

impl<'h, M: Mix> Serializer for &'h mut ValueHasher<M> {
    type Ok = ();
    type Error = NotSerializable;
    type SerializeSeq = Sequence<'h, M>;
    type SerializeTuple = &'h mut ValueHasher<M>;
    type SerializeTupleStruct = &'h mut ValueHasher<M>;
    type SerializeTupleVariant = &'h mut ValueHasher<M>;
    type SerializeMap = Map<'h, M>;
    type SerializeStruct = &'h mut ValueHasher<M>;
    type SerializeStructVariant = &'h mut ValueHasher<M>;

    fn serialize_bool(self, value: bool) -> Done {
        self.add(u64::from(value))
    }

    fn serialize_i8(self, value: i8) -> Done {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i16(self, value: i16) -> Done {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i32(self, value: i32) -> Done {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i64(self, value: i64) -> Done {
        self.add(value.cast_unsigned())
    }

    fn serialize_i128(self, value: i128) -> Done {
        self.serialize_u128(value.cast_unsigned())
    }

    fn serialize_u8(self, value: u8) -> Done {
        self.add(u64::from(value))
    }

    fn serialize_u16(self, value: u16) -> Done {
        self.add(u64::from(value))
    }

    fn serialize_u32(self, value: u32) -> Done {
        self.add(u64::from(value))
    }

    fn serialize_u64(self, value: u64) -> Done {
        self.add(value)
    }

    fn serialize_u128(self, value: u128) -> Done {
        self.add(value as u64)?;
        self.add((value >> 64) as u64)
    }

    fn serialize_f32(self, value: f32) -> Done {
        if M::EXACT {
            // The conversion to `f64` may change the bits of a NaN.
            return self.add(u64::from(value.to_bits()));
        }
        self.float(f64::from(value));
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Done {
        self.float(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Done {
        self.add(u64::from(value))
    }

    fn serialize_str(self, value: &str) -> Done {
        self.bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.bytes(value)
    }

    fn serialize_none(self) -> Done {
        self.add(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.mixer.add(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.add(0)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.add(0)
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Done {
        self.add(u64::from(index))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        self.mixer.add(u64::from(index));
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, NotSerializable> {
        Ok(Sequence {
            hasher: self,
            len: 0,
        })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, NotSerializable> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, NotSerializable> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, NotSerializable> {
        self.mixer.add(u64::from(index));
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, NotSerializable> {
        Ok(Map {
            outer: self.mixer,
            hasher: self,
            sum: 0,
            len: 0,
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, NotSerializable> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, NotSerializable> {
        self.mixer.add(u64::from(index));
        Ok(self)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Done {
        self.bytes(value.to_string().as_bytes())
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// A list. Its length is hashed at the end, because `serde` may not tell it at the start.
pub(super) struct Sequence<'h, M> {
    hasher: &'h mut ValueHasher<M>,
    len: u64,
}

impl<M: Mix> SerializeSeq for Sequence<'_, M> {
    type Ok = ();
    type Error = NotSerializable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.len += 1;
        value.serialize(&mut *self.hasher)
    }

    fn end(self) -> Done {
        self.hasher.add(self.len)
    }
}

/// A map: the sum of the hashes of its entries, because the order of a `HashMap` is arbitrary.
pub(super) struct Map<'h, M> {
    hasher: &'h mut ValueHasher<M>,
    outer: M,
    sum: u64,
    len: u64,
}

impl<M: Mix> SerializeMap for Map<'_, M> {
    type Ok = ();
    type Error = NotSerializable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.hasher.mixer = M::default();
        key.serialize(&mut *self.hasher)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut *self.hasher)?;
        self.sum = self.sum.wrapping_add(self.hasher.mixer.finish());
        self.len += 1;
        Ok(())
    }

    fn end(self) -> Done {
        self.hasher.mixer = self.outer;
        self.hasher.add(self.sum)?;
        self.hasher.add(self.len)
    }
}

/// Structs, tuples and their variants have a fixed number of parts: only the parts are hashed.
macro_rules! hash_parts {
    ($($trait:ident $method:ident $($name:ident)?),* $(,)?) => {$(
        impl<M: Mix> $trait for &mut ValueHasher<M> {
            type Ok = ();
            type Error = NotSerializable;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &T) -> Done {
                value.serialize(&mut **self)
            }

            fn end(self) -> Done {
                Ok(())
            }
        }
    )*};
}

hash_parts!(
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
    SerializeStruct serialize_field _name,
    SerializeStructVariant serialize_field _name,
);
