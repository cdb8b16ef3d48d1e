use huddle_session::{
    Schema,
    codec::{DecodeError, EncodeError},
};
use huddle_snapshot::Shape;

use super::value::ValueBuffer;

/// Encodes and decodes the values of a component type.
pub(crate) trait ValueCodec<T>: Send + Sync + 'static {
    /// Returns the shape of the encoded values.
    fn shape(&self) -> Shape;

    /// Returns `true` if the values are [large](huddle_snapshot::content).
    fn is_large(&self) -> bool {
        false
    }

    /// Returns the text that must be the same on every peer.
    fn schema(&self) -> Schema;

    /// Encodes a value into `out`.
    fn encode(&self, value: &T, out: &mut ValueBuffer) -> Result<(), EncodeError>;

    /// Decodes a value. What is not encoded comes from `current`, if there is one.
    fn decode(&self, value: &ValueBuffer, current: Option<&T>) -> Result<T, DecodeError>;
}
