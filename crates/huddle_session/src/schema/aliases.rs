//! Finds out which names of a struct belong to the same field (`#[serde(alias)]`).
//!
//! A type passes all names of its fields to the deserializer, including aliases. The names of one
//! field are adjacent. If a struct receives a field twice, under two of its names, it returns a
//! duplicate-field error that contains the name of the field.

use std::fmt;

use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

/// The state of the search for the names of a struct's fields.
#[derive(Debug, Clone, Default)]
pub(super) enum FieldNames {
    /// Every name belongs to a field of its own, as far as is known.
    #[default]
    Given,
    /// The search compares adjacent names, one pair per run.
    Comparing(Comparison),
    /// One name for each field.
    Found(Vec<&'static str>),
    /// The type does not reveal its aliases.
    Unclear,
}

/// The progress of comparing adjacent names.
#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    /// The names of the fields found so far.
    found: Vec<&'static str>,
    /// The name of the current field, if a duplicate-field error contained it.
    current: Option<&'static str>,
    /// The index of the first name of the next pair.
    next: usize,
}

/// The result of comparing two names.
pub(super) enum Verdict {
    /// Both names belong to the field with this name.
    Same(&'static str),
    Different,
    Unclear,
}

impl Comparison {
    /// Returns the next pair of names, and the index of the field that the first one belongs to.
    pub(super) fn pair(&self, names: &[&'static str]) -> Option<([&'static str; 2], usize)> {
        let pair = [*names.get(self.next)?, *names.get(self.next + 1)?];
        Some((pair, self.found.len()))
    }

    /// Records the result for the current pair.
    pub(super) fn record(
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

/// Provides the values of an explored struct's fields.
pub(super) trait ReadField {
    /// Deserializes the field with this index. Returns `None` if the type rejects the value.
    fn read_field<'de, S: DeserializeSeed<'de>>(
        &mut self,
        field: usize,
        seed: S,
    ) -> Option<S::Value>;
}

/// Passes a field to a struct twice, under two names, to find out whether they are the same field.
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
        Err(Rejected(Some(name))) => Verdict::Same(name),
        _ if is_different => Verdict::Different,
        _ => Verdict::Unclear,
    }
}

/// A map that contains the same value under two names.
struct Twice<'a, F> {
    fields: &'a mut F,
    names: std::array::IntoIter<&'static str, 2>,
    field: usize,
    values: usize,
    is_different: &'a mut bool,
}

impl<'de, F: ReadField> MapAccess<'de> for Twice<'_, F> {
    type Error = Rejected;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Rejected> {
        let name = self.names.next();
        name.map(|name| seed.deserialize(name.into_deserializer()))
            .transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Rejected> {
        self.values += 1;
        if self.values == 1 {
            let value = self.fields.read_field(self.field, seed);
            return value.ok_or(Rejected(None));
        }
        // The struct requests a value for the second name, so the names are different fields.
        *self.is_different = true;
        Err(Rejected(None))
    }
}

/// An error, with the name of the duplicate field if that is the cause.
#[derive(Debug)]
struct Rejected(Option<&'static str>);

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the struct rejected a made-up value")
    }
}

impl std::error::Error for Rejected {}

impl de::Error for Rejected {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(Some(field))
    }
}
