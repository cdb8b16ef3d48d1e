use huddle_session::{
    Schema,
    codec::{self, DecodeError, EncodeError},
};
use huddle_snapshot::{MAX_BLOB_LEN, Shape, Value};
use serde::{Serialize, de::DeserializeOwned};

use super::{value::ValueBuffer, value_codec::ValueCodec};

/// Encodes whole values with `serde`.
pub(crate) struct SerdeCodec;

impl<T: Serialize + DeserializeOwned> ValueCodec<T> for SerdeCodec {
    fn shape(&self) -> Shape {
        Shape::Blob
    }

    fn schema(&self) -> Schema {
        match Schema::checked::<T>() {
            Ok(schema) => schema,
            Err(error) => panic!("cannot replicate `{}`: {error}", std::any::type_name::<T>()),
        }
    }

    fn encode(&self, value: &T, out: &mut ValueBuffer) -> Result<(), EncodeError> {
        codec::encode_into(value, out.start_blob(), MAX_BLOB_LEN)
    }

    fn decode(&self, value: Value<'_>, _: Option<&T>) -> Result<T, DecodeError> {
        match value {
            Value::Blob(bytes) => codec::decode(bytes, MAX_BLOB_LEN),
            Value::Numbers(_) => Err(DecodeError::Malformed(
                "numbers instead of bytes".to_owned(),
            )),
        }
    }
}
