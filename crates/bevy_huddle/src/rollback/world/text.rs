//! Values as text, for reports of differences: `Ship { seat: 1, speed: 2.5 }`.

use std::fmt::{self, Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{
        Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};
use thiserror::Error as ThisError;

/// The longest text of a value in bytes. The rest is replaced by `…`.
const MAX_LEN: usize = 1024;

/// Writes a value with the names of its fields, in at most [`MAX_LEN`] bytes.
pub(super) fn to_text<T: Serialize>(value: &T) -> String {
    let mut text = Text(String::new());
    match value.serialize(&mut text) {
        Ok(()) => text.0,
        Err(Stop::Full) => text.0 + "…",
        Err(Stop::Refused(error)) => format!("{} <{error}>", text.0),
    }
}

struct Text(String);

/// Why the rest of a value is missing.
#[derive(Debug, ThisError)]
enum Stop {
    #[error("the text is too long")]
    Full,
    #[error("{0}")]
    Refused(String),
}

impl Error for Stop {
    fn custom<T: Display>(message: T) -> Self {
        Self::Refused(message.to_string())
    }
}

type Done = Result<(), Stop>;

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_LEN - self.0.len();
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

impl Text {
    fn add(&mut self, part: fmt::Arguments) -> Done {
        self.write_fmt(part).map_err(|_| Stop::Full)
    }

    fn list<'t>(&'t mut self, open: fmt::Arguments, close: &'static str) -> Result<List<'t>, Stop> {
        self.add(open)?;
        Ok(List {
            text: self,
            separator: "",
            close,
        })
    }
}

/// A list, struct or map that is being written.
struct List<'t> {
    text: &'t mut Text,
    separator: &'static str,
    close: &'static str,
}

impl List<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.text.add(format_args!("{}", self.separator))?;
        self.separator = ", ";
        value.serialize(&mut *self.text)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Done {
        self.text.add(format_args!("{}{name}: ", self.separator))?;
        self.separator = ", ";
        value.serialize(&mut *self.text)
    }

    fn close(self) -> Done {
        self.text.add(format_args!("{}", self.close))
    }
}

/// Writes primitive values with their `Debug` text.
macro_rules! write_primitives {
    ($($method:ident $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Done {
            self.add(format_args!("{value:?}"))
        }
    )*};
}

impl<'t> Serializer for &'t mut Text {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = List<'t>;
    type SerializeTuple = List<'t>;
    type SerializeTupleStruct = List<'t>;
    type SerializeTupleVariant = List<'t>;
    type SerializeMap = List<'t>;
    type SerializeStruct = List<'t>;
    type SerializeStructVariant = List<'t>;

    write_primitives!(
        serialize_bool bool, serialize_char char, serialize_str &str, serialize_bytes &[u8],
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128,
        serialize_f32 f32, serialize_f64 f64,
    );

    fn serialize_none(self) -> Done {
        self.add(format_args!("None"))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        let mut list = self.list(format_args!("Some("), ")")?;
        list.item(value)?;
        list.close()
    }

    fn serialize_unit(self) -> Done {
        self.add(format_args!("()"))
    }

    fn serialize_unit_struct(self, name: &'static str) -> Done {
        self.add(format_args!("{name}"))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.add(format_args!("{variant}"))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Done {
        let mut list = self.list(format_args!("{name}("), ")")?;
        list.item(value)?;
        list.close()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        self.serialize_newtype_struct(variant, value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'t>, Stop> {
        self.list(format_args!("["), "]")
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'t>, Stop> {
        self.list(format_args!("("), ")")
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<List<'t>, Stop> {
        self.list(format_args!("{name}("), ")")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'t>, Stop> {
        self.list(format_args!("{variant}("), ")")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<List<'t>, Stop> {
        self.list(format_args!("{{"), "}")
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<List<'t>, Stop> {
        self.list(format_args!("{name} {{ "), " }")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'t>, Stop> {
        self.list(format_args!("{variant} {{ "), " }")
    }
}

/// The parts of lists, with or without names.
macro_rules! write_parts {
    ($($trait:ident $method:ident => $write:ident ($($name:ident)?)),* $(,)?) => {$(
        impl $trait for List<'_> {
            type Ok = ();
            type Error = Stop;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &T) -> Done {
                self.$write($($name,)? value)
            }

            fn end(self) -> Done {
                self.close()
            }
        }
    )*};
}

write_parts!(
    SerializeSeq serialize_element => item (),
    SerializeTuple serialize_element => item (),
    SerializeTupleStruct serialize_field => item (),
    SerializeTupleVariant serialize_field => item (),
    SerializeStruct serialize_field => field (name),
    SerializeStructVariant serialize_field => field (name),
);

impl SerializeMap for List<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.item(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.text.add(format_args!(": "))?;
        value.serialize(&mut *self.text)
    }

    fn end(self) -> Done {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    enum Weapon {
        Laser { heat: f32 },
        Bomb(u8),
        None,
    }

    #[derive(Serialize)]
    struct Ship {
        seat: usize,
        name: &'static str,
        weapons: Vec<Weapon>,
        ammo: BTreeMap<char, u8>,
        target: Option<(i32, i32)>,
    }

    #[test]
    fn text_contains_fields_and_values() {
        let ship = Ship {
            seat: 1,
            name: "Ada",
            weapons: vec![Weapon::Laser { heat: 0.5 }, Weapon::Bomb(3), Weapon::None],
            ammo: BTreeMap::from([('a', 1), ('b', 2)]),
            target: Some((-1, 2)),
        };
        assert_eq!(
            to_text(&ship),
            "Ship { seat: 1, name: \"Ada\", weapons: [Laser { heat: 0.5 }, Bomb(3), None], \
             ammo: {'a': 1, 'b': 2}, target: Some((-1, 2)) }"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = to_text(&"ä".repeat(MAX_LEN));
        assert!(text.ends_with("ä…"), "{text}");
        assert!(text.len() <= MAX_LEN + '…'.len_utf8());
    }
}
