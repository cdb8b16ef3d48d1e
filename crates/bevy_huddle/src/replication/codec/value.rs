//! An encoded value of a component.

use huddle_snapshot::Value;

/// An encoded value, in memory that is reused.
#[derive(Debug, Default)]
pub(crate) struct ValueBuffer {
    numbers: Vec<i32>,
    blob: Vec<u8>,
    is_blob: bool,
}

impl ValueBuffer {
    /// Empties the buffer for numbers.
    pub(super) fn start_numbers(&mut self) -> &mut Vec<i32> {
        self.is_blob = false;
        self.numbers.clear();
        &mut self.numbers
    }

    /// Empties the buffer for bytes.
    pub(super) fn start_blob(&mut self) -> &mut Vec<u8> {
        self.is_blob = true;
        self.blob.clear();
        &mut self.blob
    }

    /// Copies a value.
    pub(crate) fn copy_from(&mut self, value: Value<'_>) {
        match value {
            Value::Numbers(numbers) => self.start_numbers().extend_from_slice(numbers),
            Value::Blob(bytes) => self.start_blob().extend_from_slice(bytes),
        }
    }

    /// Returns the value that was encoded or copied last.
    pub(crate) fn value(&self) -> Value<'_> {
        match self.is_blob {
            true => Value::Blob(&self.blob),
            false => Value::Numbers(&self.numbers),
        }
    }
}
