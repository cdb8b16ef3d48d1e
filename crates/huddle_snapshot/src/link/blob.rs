use bytes::Bytes;

use super::{error::DecodeError, models::BlobModels};
use crate::{
    entropy::{Decoder, Encoder},
    layout::MAX_BLOB_LEN,
};

impl BlobModels {
    pub(super) fn encode(
        &mut self,
        encoder: &mut Encoder<'_>,
        before: Option<&Bytes>,
        now: &Bytes,
    ) {
        if let Some(before) = before {
            self.is_changed.encode(encoder, before != now);
            if before == now {
                return;
            }
        }
        self.len.encode_long(encoder, now.len() as u64);
        for &byte in now {
            self.byte.encode(encoder, byte);
        }
    }

    pub(super) fn decode(
        &mut self,
        decoder: &mut Decoder<'_>,
        before: Option<&Bytes>,
    ) -> Result<Bytes, DecodeError> {
        if let Some(before) = before
            && !self.is_changed.decode(decoder)
        {
            return Ok(before.clone());
        }
        let len = self.len.decode_long(decoder);
        let len = len.and_then(|len| usize::try_from(len).ok());
        let len = len
            .filter(|&len| len <= MAX_BLOB_LEN)
            .ok_or(DecodeError::OutOfRange)?;
        Ok((0..len).map(|_| self.byte.decode(decoder)).collect())
    }
}
