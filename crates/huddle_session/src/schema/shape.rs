//! The known parts of a type, and their text representation.

use std::fmt::{self, Write};

use super::aliases::FieldNames;

/// The last step of a path to the keys of a map.
pub(super) const KEY: &str = "[key]";

pub(super) const OPAQUE: &str = "opaque";

/// In tuples longer than this, adjacent elements of the same type share one [`Part`].
pub(super) const LONG_TUPLE: usize = 32;

type Names = &'static [&'static str];

/// The known parts of a type. The first one is the type itself.
#[derive(Debug, Default)]
pub(super) struct Tree(pub(super) Vec<Part>);

/// A part of a type.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) shape: Shape,
    pub(super) state: State,
    /// The parts that it contains. An enum contains one part per variant.
    pub(super) parts: Vec<usize>,
    /// The names of its fields if they differ from the names in its shape.
    pub(super) names: FieldNames,
    /// The number of times that the search has changed its value.
    pub(super) variation: usize,
    /// The number of values that the part itself has rejected.
    pub(super) rejections: usize,
    /// Whether the part, or a part that contains it, rejects zeros.
    pub(super) rejects_zero: bool,
}

/// The progress of exploring a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// The part is not explored completely.
    #[default]
    Open,
    /// The part is explored completely and accepts a value.
    Known,
    /// The part accepts no value, so the parts after it stay unknown.
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Shape {
    /// The type has not requested the part yet.
    #[default]
    Unseen,
    /// The shape cannot be determined.
    Opaque,
    Leaf(&'static str),
    Newtype,
    Option,
    Seq,
    Map,
    Tuple(usize),
    Struct(Names),
    Enum(Names),
    /// A variant without content.
    Bare,
    /// A variant that does not exist, because its name is an alias.
    Missing,
    /// A recursive occurrence of the enclosing type this many levels further out.
    Back(usize),
}

impl Tree {
    /// Returns the path of a part in the type, such as `pose.at[0]`. It is empty for the type
    /// itself.
    pub(super) fn path(&self, part: usize) -> String {
        let mut steps: Vec<_> = self.ancestors(part).collect();
        steps.reverse();
        let mut path = String::new();
        for (outer, i) in steps {
            let dot = if path.is_empty() { "" } else { "." };
            // Writing to a string never fails.
            let _ = match (self.0[outer].shape, i) {
                (Shape::Struct(names), i) if i < names.len() => {
                    let name = match &self.0[outer].names {
                        FieldNames::Found(found) => found.get(i).unwrap_or(&names[i]),
                        _ => &names[i],
                    };
                    write!(path, "{dot}{name}")
                }
                (Shape::Enum(names), i) if i < names.len() => write!(path, "{dot}{}", names[i]),
                (Shape::Tuple(_), i) => write!(path, "[{i}]"),
                (Shape::Seq, _) => write!(path, "[..]"),
                (Shape::Map, 0) => write!(path, "{KEY}"),
                (Shape::Map, _) => write!(path, "[value]"),
                _ => Ok(()),
            };
        }
        path
    }

    /// Returns the parts that contain a part, from the inside out, each with the index inside it.
    pub(super) fn ancestors(&self, part: usize) -> impl Iterator<Item = (usize, usize)> {
        let mut inner = part;
        std::iter::from_fn(move || {
            // A part is created after the one that contains it.
            let mut parts = self.0[..inner].iter().map(|part| &part.parts).enumerate();
            let (outer, i) = parts.find_map(|(outer, parts)| {
                let i = parts.iter().position(|&part| part == inner)?;
                Some((outer, i))
            })?;
            inner = outer;
            Some((outer, i))
        })
    }

    /// Returns all variants of all enums, or the type itself if there are none.
    pub(super) fn variants(&self) -> Vec<usize> {
        let enums = self
            .0
            .iter()
            .filter(|part| matches!(part.shape, Shape::Enum(_)));
        let variants: Vec<_> = enums.flat_map(|part| part.parts.iter().copied()).collect();
        if variants.is_empty() {
            vec![0]
        } else {
            variants
        }
    }

    fn is_missing(&self, part: usize) -> bool {
        self.0[part].shape == Shape::Missing
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, index: usize) -> fmt::Result {
        let part = &self.0[index];
        match part.shape {
            Shape::Unseen | Shape::Opaque => f.write_str(OPAQUE),
            Shape::Leaf(name) => f.write_str(name),
            Shape::Bare | Shape::Missing => f.write_str("()"),
            Shape::Newtype => self.write_part(f, part, 0),
            Shape::Option => self.write_parts(f, "option<", part, 1, ">"),
            Shape::Seq => self.write_parts(f, "[", part, 1, "]"),
            Shape::Map => self.write_parts(f, "map<", part, 2, ">"),
            Shape::Back(levels) => write!(f, "^{levels}"),
            Shape::Tuple(0) => f.write_str("()"),
            Shape::Tuple(len) => self.write_tuple(f, part, len),
            Shape::Struct(names) => self.write_struct(f, part, names),
            Shape::Enum(names) => self.write_enum(f, part, names),
        }
    }

    fn write_part(&self, f: &mut fmt::Formatter<'_>, part: &Part, i: usize) -> fmt::Result {
        match part.parts.get(i) {
            Some(&index) => self.write(f, index),
            None => f.write_str(OPAQUE),
        }
    }

    fn write_parts(
        &self,
        f: &mut fmt::Formatter<'_>,
        open: &str,
        part: &Part,
        len: usize,
        close: &str,
    ) -> fmt::Result {
        f.write_str(open)?;
        for i in 0..len {
            separate(f, i)?;
            self.write_part(f, part, i)?;
        }
        f.write_str(close)
    }

    fn write_tuple(&self, f: &mut fmt::Formatter<'_>, part: &Part, len: usize) -> fmt::Result {
        let texts: Vec<_> = part
            .parts
            .iter()
            .map(|&i| Written(self, i).to_string())
            .collect();
        let is_uniform = texts.windows(2).all(|pair| pair[0] == pair[1]);
        let is_whole = len > LONG_TUPLE || texts.len() == len;
        match texts.first() {
            Some(first) if len > 1 && is_uniform && is_whole => write!(f, "[{first}; {len}]"),
            _ => {
                f.write_char('(')?;
                for (i, text) in texts.iter().enumerate() {
                    separate(f, i)?;
                    f.write_str(text)?;
                }
                if len > LONG_TUPLE {
                    write!(f, "; {len}")?;
                } else {
                    for i in texts.len()..len {
                        separate(f, i)?;
                        f.write_str(OPAQUE)?;
                    }
                }
                f.write_char(')')
            }
        }
    }

    fn write_struct(&self, f: &mut fmt::Formatter<'_>, part: &Part, names: Names) -> fmt::Result {
        let names = match &part.names {
            FieldNames::Found(found) => found,
            _ => names,
        };
        // Unresolved aliases: the names cannot be assigned to fields.
        if part.state == State::Known && part.parts.len() != names.len() {
            return self.write_parts(f, "(", part, part.parts.len(), ")");
        }
        f.write_char('{')?;
        for (i, name) in names.iter().enumerate() {
            separate(f, i)?;
            write_name(f, name)?;
            f.write_str(": ")?;
            self.write_part(f, part, i)?;
        }
        f.write_char('}')
    }

    fn write_enum(&self, f: &mut fmt::Formatter<'_>, part: &Part, names: Names) -> fmt::Result {
        let has_aliases = part.parts.iter().any(|&variant| self.is_missing(variant));
        f.write_str("enum{")?;
        let mut written = 0;
        for (i, name) in names.iter().enumerate() {
            let variant = part.parts.get(i);
            if variant.is_some_and(|&variant| self.is_missing(variant)) {
                continue;
            }
            separate(f, written)?;
            written += 1;
            if has_aliases {
                write!(f, "{i}")?;
            } else {
                write_name(f, name)?;
            }
            match variant.map(|&variant| (variant, self.0[variant].shape)) {
                Some((_, Shape::Bare)) => {}
                Some((variant, Shape::Tuple(1..) | Shape::Struct(_))) => self.write(f, variant)?,
                Some((variant, _)) => {
                    f.write_char('(')?;
                    self.write(f, variant)?;
                    f.write_char(')')?;
                }
                None => write!(f, "({OPAQUE})")?,
            }
        }
        f.write_char('}')
    }
}

/// Displays one part.
struct Written<'a>(&'a Tree, usize);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, self.1)
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

fn separate(f: &mut fmt::Formatter<'_>, i: usize) -> fmt::Result {
    if i > 0 { f.write_str(", ") } else { Ok(()) }
}

/// Writes a name as ASCII, quoted if it could be confused with other parts of the text.
fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.chars().all(is_plain) {
        f.write_str(name)
    } else {
        write!(f, "\"{}\"", name.escape_default())
    }
}
