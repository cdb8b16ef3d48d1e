//! Which names of a struct's fields stand for one field (`#[serde(alias)]`).
//!
//! Types ask for their fields by all names, aliases included, those of a field next to each other.
//! A struct that is given a field twice, by two of its names, refuses that and says how the field
//! is called.

use std::fmt;

use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

/// What is known of the names of a struct's fields.
#[derive(Debug, Clone, Default)]
pub(super) enum FieldNames {
    /// There are as many as fields, as far as is known.
    #[default]
    Given,
    /// Neighbours are compared, one pair per run.
    Comparing(Comparison),
    /// One for each field.
    Found(Vec<&'static str>),
    /// It cannot be found out.
    Unclear,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    /// The names of the fields that are told apart.
    found: Vec<&'static str>,
    /// The name of the field after those, if it said so.
    current: Option<&'static str>,
    /// The first name of the pair.
    next: usize,
}

/// Of two names.
pub(super) enum Verdict {
    /// They stand for the field with this name.
    Same(&'static str),
    Different,
    Unclear,
}

impl Comparison {
    /// The next pair, and the field that the first of them stands for.
    pub(super) fn pair(&self, names: &[&'static str]) -> Option<([&'static str; 2], usize)> {
        let pair = [*names.get(self.next)?, *names.get(self.next + 1)?];
        Some((pair, self.found.len()))
    }

    /// Takes what came of the pair.
    pub(super) fn learn(
        mut self,
        names: &[&'static str],
        fields: usize,
        verdict: Verdict,
    ) -> FieldNames {
        let name = |at| names.get(at).copied().unwrap_or_default();
        match verdict {
            Verdict::Same(name) => self.current = Some(name),
            Verdict::Different => {
                let found = self.current.take().unwrap_or(name(self.next));
                self.found.push(found);
            }
            Verdict::Unclear => return FieldNames::Unclear,
        }
        self.next += 1;
        if self.next + 1 < names.len() {
            let has_more = self.found.len() < fields;
            return if has_more {
                FieldNames::Comparing(self)
            } else {
                FieldNames::Unclear
            };
        }
        self.found.push(self.current.unwrap_or(name(self.next)));
        if self.found.len() == fields {
            FieldNames::Found(self.found)
        } else {
            FieldNames::Unclear
        }
    }
}

/// Reads the fields of a struct that is being explored.
pub(super) trait ReadField {
    /// Reads the value of the field with this index. Returns `None` if the type refuses it.
    fn read_field<'de, S: DeserializeSeed<'de>>(
        &mut self,
        field: usize,
        seed: S,
    ) -> Option<S::Value>;
}

/// Gives a struct the value of a field by two names.
pub(super) fn compare<'de, V: Visitor<'de>>(
    fields: &mut impl ReadField,
    visitor: V,
    names: [&'static str; 2],
    field: usize,
) -> Verdict {
    let mut is_different = false;
    let twice = Twice {
        fields,
        names: names.into_iter(),
        field,
        values: 0,
        is_different: &mut is_different,
    };
    let result = visitor.visit_map(twice);
    match result {
        Err(Refused(Some(name))) => Verdict::Same(name),
        _ if is_different => Verdict::Different,
        _ => Verdict::Unclear,
    }
}

struct Twice<'a, F> {
    fields: &'a mut F,
    names: std::array::IntoIter<&'static str, 2>,
    field: usize,
    values: usize,
    is_different: &'a mut bool,
}

impl<'de, F: ReadField> MapAccess<'de> for Twice<'_, F> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        let name = self.names.next();
        name.map(|name| seed.deserialize(name.into_deserializer()))
            .transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        self.values += 1;
        if self.values == 1 {
            let value = self.fields.read_field(self.field, seed);
            return value.ok_or(Refused(None));
        }
        // It wants a value for the second name, so it does not have it yet.
        *self.is_different = true;
        Err(Refused(None))
    }
}

/// An error, and the name of the field that was there twice.
#[derive(Debug)]
struct Refused(Option<&'static str>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this value is not for use")
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(Some(field))
    }
}
