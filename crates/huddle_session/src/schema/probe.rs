//! A deserializer that answers a type's requests with made-up values.

use std::any::TypeId;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor, value::U32Deserializer,
};

use super::{
    aliases::{self, ReadField},
    search::{Level, Request, Search, Stop, Undecodable},
    shape::{LONG_TUPLE, Shape, State},
};

/// The maximum depth of nested types.
const MAX_DEPTH: usize = 48;

const FLAGS: [bool; 2] = [false, true];
const NUMBERS: [u8; 5] = [1, 0, 2, 100, 16];
const CHARS: [char; 3] = ['a', '0', 'A'];
const TEXTS: [&str; 7] = [
    "a",
    "",
    "0",
    "1.0.0",
    "127.0.0.1:1",
    "2000-01-01T00:00:00Z",
    "00000000-0000-4000-8000-000000000000",
];
const LENS: [usize; 7] = [1, 0, 2, 3, 4, 8, 16];
const ZEROS: [u8; 16] = [0; 16];

/// Deserializes one part.
pub(super) struct Probe<'a> {
    pub(super) search: &'a mut Search,
    pub(super) part: usize,
}

/// Lets a type deserialize a part, and records whether it accepts the value.
pub(super) fn watch<R>(
    search: &mut Search,
    part: usize,
    read: impl FnOnce(Probe<'_>) -> Result<R, Stop>,
) -> Result<R, Stop> {
    let levels = search.begin_part()?;
    let result = read(Probe { search, part });
    search.end_part(part, levels, result.is_ok());
    result
}

impl ReadField for Probe<'_> {
    fn read_field<'de, S: DeserializeSeed<'de>>(
        &mut self,
        field: usize,
        seed: S,
    ) -> Option<S::Value> {
        self.read_part(field, seed).ok()
    }
}

impl Probe<'_> {
    /// Calls `read` with a probe of the i-th part.
    fn with<R>(self, i: usize, read: impl FnOnce(Probe<'_>) -> Result<R, Stop>) -> Result<R, Stop> {
        let part = self.search.child(self.part, i)?;
        watch(self.search, part, read)
    }

    /// Deserializes the i-th part.
    pub(super) fn read_part<'de, S: DeserializeSeed<'de>>(
        &mut self,
        i: usize,
        seed: S,
    ) -> Result<S::Value, Stop> {
        let part = self.search.child(self.part, i)?;
        watch(self.search, part, |probe| seed.deserialize(probe))
    }

    /// Chooses one of `samples`. `zero` is the index of the sample that stands for zero or empty.
    fn leaf<T: Copy>(&self, samples: &[T], zero: usize) -> T {
        match self.search.sample {
            Some(sample) if sample.is_zero && !self.search.part(self.part).rejects_zero => {
                samples[zero]
            }
            _ => samples[self.search.choose(self.part, samples.len())],
        }
    }

    /// Records that the part can never be decoded.
    fn undecodable(self, request: Request, expects: &dyn Expected) -> Stop {
        let part = self.part;
        self.search.undecodable.get_or_insert_with(|| Undecodable {
            part,
            expects: expects.to_string(),
            request,
        });
        self.give_up(Shape::Opaque)
    }

    /// Records that there is no value for the part.
    fn give_up(self, shape: Shape) -> Stop {
        self.search.set_shape(self.part, shape);
        self.search.has_recorded_failure = true;
        self.search.set_state(self.part, State::Dead);
        Stop
    }

    /// Enters a part that contains other parts. Fails if the part is a recursion or too deep.
    fn enter<V>(self, shape: Shape) -> Result<Self, Stop> {
        let id = typeid::of::<V>();
        let ancestors = &self.search.ancestors;
        if let Some(at) = ancestors.iter().rposition(|level| level.id == id) {
            let levels = ancestors[at..].iter().filter(|level| level.counts).count();
            return Err(self.give_up(Shape::Back(levels)));
        }
        if ancestors.len() >= MAX_DEPTH {
            return Err(self.give_up(Shape::Opaque));
        }
        self.search.push(Level {
            id,
            counts: shape != Shape::Newtype,
            is_container: matches!(shape, Shape::Option | Shape::Seq | Shape::Map),
        });
        self.search.set_shape(self.part, shape);
        Ok(self)
    }

    /// Deserializes the fields of a struct, or compares two of their names to find aliases.
    fn visit_fields<'de, V: Visitor<'de>>(
        mut self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match self.search.to_compare(self.part, names) {
            Some((pair, field)) => {
                let verdict = aliases::compare(&mut self, visitor, pair, field);
                self.search.compared(self.part, names, verdict);
                Err(Stop)
            }
            None => visitor.visit_seq(Parts::new(self, names.len())),
        }
    }

    /// Returns the number of elements to create. While the element type is unknown, it is one.
    fn len(&self) -> usize {
        match self.search.part(self.part).parts.last() {
            Some(&element) if self.search.is_dead(element) => 0,
            Some(&element) if !self.search.is_open(element) => self.known_len(),
            _ => 1,
        }
    }

    /// Returns the number of elements to create if the element type is known.
    fn known_len(&self) -> usize {
        let len = LENS[self.search.choose(self.part, LENS.len())];
        match self.search.sample {
            Some(sample) if self.search.containers() > sample.full_levels => 0,
            Some(_) => len.max(1),
            None => len,
        }
    }

    /// Returns the variant to create, preferably one that is not explored yet.
    fn variant(&self, len: usize) -> Option<usize> {
        let known = &self.search.part(self.part).parts;
        let open = known.iter().position(|&part| self.search.is_open(part));
        match open.or((known.len() < len).then_some(known.len())) {
            Some(variant) => Some(variant),
            None => {
                let alive: Vec<_> = (0..known.len())
                    .filter(|&i| !self.search.is_dead(known[i]))
                    .collect();
                match self.search.sample {
                    _ if alive.is_empty() => None,
                    Some(_) => {
                        let is_wanted = |&i: &usize| self.search.wanted.contains(&known[i]);
                        alive.iter().copied().find(is_wanted).or(Some(alive[0]))
                    }
                    None => Some(alive[self.search.choose(self.part, alive.len())]),
                }
            }
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $name:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            self.search.set_shape(self.part, Shape::Leaf(stringify!($name)));
            visitor.$visit(self.leaf(&NUMBERS, 1) as $name)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Stop;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_i128 visit_i128 i128
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_u128 visit_u128 u128
        deserialize_f32 visit_f32 f32
        deserialize_f64 visit_f64 f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.search.set_shape(self.part, Shape::Leaf("bool"));
        visitor.visit_bool(self.leaf(&FLAGS, 0))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.search.set_shape(self.part, Shape::Leaf("char"));
        visitor.visit_char(self.leaf(&CHARS, 1))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.search.set_shape(self.part, Shape::Leaf("str"));
        visitor.visit_borrowed_str(self.leaf(&TEXTS, 1))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.search.set_shape(self.part, Shape::Leaf("bytes"));
        visitor.visit_borrowed_bytes(&ZEROS[..self.leaf(&LENS, 1)])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.search.set_shape(self.part, Shape::Leaf("()"));
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let probe = self.enter::<V>(Shape::Newtype)?;
        probe.with(0, |inner| visitor.visit_newtype_struct(inner))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let probe = self.enter::<V>(Shape::Option)?;
        if probe.len() == 0 {
            visitor.visit_none()
        } else {
            probe.with(0, |inner| visitor.visit_some(inner))
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let probe = self.enter::<V>(Shape::Seq)?;
        let left = probe.len();
        visitor.visit_seq(Repeated { probe, left })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let probe = self.enter::<V>(Shape::Map)?;
        let left = probe.len();
        visitor.visit_map(Repeated { probe, left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        let probe = self.enter::<V>(Shape::Tuple(len))?;
        visitor.visit_seq(Parts::new(probe, len))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let probe = self.enter::<V>(Shape::Struct(fields))?;
        probe.visit_fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let probe = self.enter::<V>(Shape::Enum(variants))?;
        match probe.variant(variants.len()) {
            Some(index) => probe.with(index, |probe| visitor.visit_enum(Variant { probe, index })),
            None => Err(probe.give_up(Shape::Enum(variants))),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        Err(self.undecodable(Request::Any, &visitor))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        Err(self.undecodable(Request::Name, &visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        Err(self.undecodable(Request::Skip, &visitor))
    }
}

/// The elements of a sequence or map. All elements share the part of the first one.
struct Repeated<'a> {
    probe: Probe<'a>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Repeated<'_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stop> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.probe.read_part(0, seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Repeated<'_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stop> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        self.probe.read_part(1, seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The parts of a tuple or struct.
struct Parts<'a> {
    probe: Probe<'a>,
    len: usize,
    read: usize,
    next: usize,
    last: Option<TypeId>,
}

impl<'a> Parts<'a> {
    fn new(probe: Probe<'a>, len: usize) -> Self {
        Self {
            probe,
            len,
            read: 0,
            next: 0,
            last: None,
        }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stop> {
        if self.read == self.len {
            return Ok(None);
        }
        self.read += 1;
        let id = Some(typeid::of::<S>());
        if self.len <= LONG_TUPLE || self.last != id {
            self.last = id;
            self.next += 1;
        }
        self.probe.read_part(self.next - 1, seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.read)
    }
}

/// A variant of an enum.
struct Variant<'a> {
    probe: Probe<'a>,
    index: usize,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Stop> {
        let tag: U32Deserializer<Stop> = u32::try_from(self.index)
            .map_err(|_| Stop)?
            .into_deserializer();
        match seed.deserialize(tag) {
            Ok(tag) => Ok((tag, self)),
            Err(Stop) => Err(self.probe.give_up(Shape::Missing)),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        self.probe.search.set_shape(self.probe.part, Shape::Bare);
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(mut self, seed: S) -> Result<S::Value, Stop> {
        self.probe.search.set_shape(self.probe.part, Shape::Newtype);
        self.probe.read_part(0, seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.probe
            .search
            .set_shape(self.probe.part, Shape::Tuple(len));
        visitor.visit_seq(Parts::new(self.probe, len))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.probe
            .search
            .set_shape(self.probe.part, Shape::Struct(fields));
        self.probe.visit_fields(fields, visitor)
    }
}
