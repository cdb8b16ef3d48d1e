//! Finds the fields that differ between two values that are given as text.
//!
//! The texts have the form of `Debug` output: `Ship { seat: 1, place: Vec2(1.0, 2.5) }`. They may come from another
//! peer, so no text is invalid: what the parser does not understand is part of a value.

use std::collections::BTreeMap;

/// A field of a value that differs between two states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDifference {
    /// The path from the type to the field, such as `translation.x`. Elements of lists and tuples are numbered, and
    /// entries of maps are named by their keys. Empty if the value has no fields.
    pub path: String,
    /// The local value, or `None` if the local state has no such field.
    pub mine: Option<String>,
    /// The other value, or `None` if the other state has no such field.
    pub theirs: Option<String>,
}

/// The maximum depth of fields. Deeper ones are part of the value.
const MAX_DEPTH: usize = 16;

/// Types whose elements have names, as `glam` serializes them.
const VECTORS: [&str; 10] = [
    "Vec2", "Vec3", "Vec3A", "Vec4", "Quat", "DVec2", "DVec3", "DVec4", "IVec2", "IVec3",
];

/// Returns the fields that differ, in the order of their paths.
pub(super) fn differences(mine: &str, theirs: &str) -> Vec<FieldDifference> {
    let (mine, theirs) = (Fields::parse(mine), Fields::parse(theirs));
    let is_cut = mine.is_cut || theirs.is_cut;
    let paths = mine.values.keys().chain(theirs.values.keys());
    let mut paths: Vec<_> = paths.collect();
    paths.sort_unstable();
    paths.dedup();
    let differences = paths.into_iter().filter_map(|path| {
        let (mine, theirs) = (mine.values.get(path), theirs.values.get(path));
        // A field that is missing in a text that was cut may exist.
        let is_known = !is_cut || mine.is_some() && theirs.is_some();
        (mine != theirs && is_known).then(|| FieldDifference {
            path: path.clone(),
            mine: mine.map(|value| (*value).to_owned()),
            theirs: theirs.map(|value| (*value).to_owned()),
        })
    });
    differences.collect()
}

/// The fields of a value, with their paths.
struct Fields<'a> {
    text: &'a str,
    at: usize,
    values: BTreeMap<String, &'a str>,
    /// Whether the text ends before the value does.
    is_cut: bool,
}

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Self {
        let mut fields = Self {
            text,
            at: 0,
            values: BTreeMap::new(),
            is_cut: text.ends_with('…'),
        };
        fields.value("", 0);
        fields
    }

    /// Reads a value and returns its text.
    fn value(&mut self, path: &str, depth: usize) -> &'a str {
        let start = self.at;
        self.skip_plain();
        let name = self.text[start..self.at].trim();
        let is_open = matches!(self.peek(), Some('{' | '(' | '['));
        if !is_open || depth == MAX_DEPTH {
            if depth == MAX_DEPTH {
                self.at = self.text.len();
            }
            if self.at == self.text.len() && depth > 0 {
                // The last value of a text that was cut may be incomplete.
                self.is_cut = true;
            } else {
                self.add(path, name);
            }
            return self.text[start..self.at].trim();
        }
        self.skip();
        let before = self.values.len();
        self.items(name, path, depth);
        let text = self.text[start..self.at].trim();
        if self.values.len() == before && !self.is_cut {
            self.add(path, text);
        } else if !name.is_empty() {
            // The variant of an enum.
            self.add(path, name);
        }
        text
    }

    /// Reads the items of a list, struct or map up to its end.
    fn items(&mut self, name: &str, path: &str, depth: usize) {
        for index in 0.. {
            self.skip_spaces();
            match self.peek() {
                None => {
                    self.is_cut = true;
                    return;
                }
                Some('}' | ')' | ']') => return self.skip(),
                Some(_) => {}
            }
            let before = (self.at, self.values.len());
            let label = label(name, index);
            let end = self.end_of_key();
            if let Some(end) = end {
                let key = self.text[self.at..end].trim();
                self.at = end + 1;
                self.skip_spaces();
                self.value(&join(path, key), depth + 1);
            } else {
                self.value(&join(path, &label), depth + 1);
            }
            self.skip_spaces();
            if self.peek() == Some(',') || self.at == before.0 {
                self.skip();
            }
        }
    }

    /// Returns the position of the colon after a key, if the next item has a key.
    fn end_of_key(&mut self) -> Option<usize> {
        let start = self.at;
        self.skip_plain();
        let end = self.at;
        self.at = start;
        (self.text[end..].starts_with(':')).then_some(end)
    }

    fn add(&mut self, path: &str, value: &'a str) {
        self.values.insert(path.to_owned(), value);
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(' ') {
            self.skip();
        }
    }

    /// Skips everything up to the next punctuation outside of quotes.
    fn skip_plain(&mut self) {
        let mut quote = None;
        let mut is_escaped = false;
        while let Some(next) = self.peek() {
            match quote {
                Some(end) => {
                    if next == end && !is_escaped {
                        quote = None;
                    }
                    is_escaped = next == '\\' && !is_escaped;
                }
                None if matches!(next, '"' | '\'') => quote = Some(next),
                None if "{}()[],:".contains(next) => return,
                None => {}
            }
            self.skip();
        }
    }
}

/// Returns the name of an element without a key.
fn label(name: &str, index: usize) -> String {
    match ["x", "y", "z", "w"].get(index) {
        Some(&axis) if VECTORS.contains(&name) => axis.to_owned(),
        _ => index.to_string(),
    }
}

fn join(path: &str, label: &str) -> String {
    match path {
        "" => label.to_owned(),
        path => format!("{path}.{label}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(mine: &str, theirs: &str) -> Vec<String> {
        let differences = differences(mine, theirs).into_iter();
        differences
            .map(|field| {
                let [mine, theirs] =
                    [field.mine, field.theirs].map(|value| value.unwrap_or_default());
                format!("{}|{mine}|{theirs}", field.path)
            })
            .collect()
    }

    #[test]
    fn differing_fields_are_named() {
        let mine = r#"Ship { name: "a, \"b\"", place: Transform { at: Vec3(1.0, 2.0, 3.0) }, shots: [1, 2], ammo: {'a': 1} }"#;
        let theirs = r#"Ship { name: "a, c", place: Transform { at: Vec3(1.0, 2.5, 3.0) }, shots: [1, 3], ammo: {'a': 2} }"#;
        let expected = [
            "ammo.'a'|1|2",
            r#"name|"a, \"b\""|"a, c""#,
            "place.at.y|2.0|2.5",
            "shots.1|2|3",
        ];
        assert_eq!(texts(mine, theirs), expected);
        assert_eq!(texts("Age(4)", "Age(5)"), ["0|4|5"]);
        assert_eq!(texts("4", "5"), ["|4|5"]);
        assert_eq!(texts(mine, mine), [""; 0]);
    }

    #[test]
    fn different_variants_and_lengths_are_named() {
        let mine = "Ship { state: Idle, shots: [] }";
        let theirs = "Ship { state: Hit { ticks: 3 }, shots: [7] }";
        let expected = [
            "shots|[]|",
            "shots.0||7",
            "state|Idle|Hit",
            "state.ticks||3",
        ];
        assert_eq!(texts(mine, theirs), expected);
        assert_eq!(texts("Idle", "Hit(3)"), ["|Idle|Hit", "0||3"]);
    }

    #[test]
    fn fields_behind_the_end_of_a_text_are_not_compared() {
        let mine = "Ship { x: 1, y: 2, z: 3";
        assert_eq!(texts(mine, "Ship { x: 2, y: 2, z: 35 }"), ["x|1|2"]);
        assert_eq!(texts("Ship { x: 1, y: 2…", "Ship { x: 1, y: 25…"), [""; 0]);
    }

    proptest! {
        #[test]
        fn random_texts_never_panic(mine in "[{(a:,\"'\\\\ ä…1)}]{0,200}", theirs in ".{0,100}") {
            differences(&mine, &theirs);
            differences(&theirs, &mine);
        }
    }
}
