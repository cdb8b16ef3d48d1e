//! WebSocket frames, as a client writes and reads them.
//!
//! The clients share the machine with the server, so they must be cheap. They mask their frames with
//! zeros, which leaves the payload as it is, and read complete frames without copying them.

use thiserror::Error;

/// The maximum length of a frame from the server. A relayed signal is much shorter.
const MAX_PAYLOAD: usize = 256 * 1024;

/// The bit of the last frame of a message, in the first byte.
const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A frame from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    /// The status code, unless the frame has none.
    Close(Option<u16>),
}

/// The server sent bytes that are no frame that a signaling server sends.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum FrameError {
    #[error("the server sent a frame of {0} bytes, which no signal needs")]
    TooLong(u64),
    #[error("the server sent a frame that starts with the byte {0:#04x}")]
    Unexpected(u8),
}

/// Splits the bytes from a server into frames.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The start of a frame that has not arrived completely.
    partial: Vec<u8>,
}

impl Decoder {
    /// Passes each frame that these bytes complete to `on_frame`.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        on_frame: impl FnMut(Frame<'_>),
    ) -> Result<(), FrameError> {
        if self.partial.is_empty() {
            let read = read_all(bytes, on_frame)?;
            self.partial.extend_from_slice(&bytes[read..]);
        } else {
            self.partial.extend_from_slice(bytes);
            let read = read_all(&self.partial, on_frame)?;
            self.partial.drain(..read);
            if self.partial.is_empty() {
                self.partial = Vec::new();
            }
        }
        Ok(())
    }
}

/// Returns the number of bytes of the complete frames.
fn read_all(bytes: &[u8], mut on_frame: impl FnMut(Frame<'_>)) -> Result<usize, FrameError> {
    let mut read = 0;
    while let Some((frame, length)) = read_one(&bytes[read..])? {
        on_frame(frame);
        read += length;
    }
    Ok(read)
}

/// Returns the first frame and its length, or `None` if it is not complete.
fn read_one(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let [first, length, rest @ ..] = bytes else {
        return Ok(None);
    };
    let (head, length) = match (length, rest) {
        (length @ 0..=125, _) => (2, u64::from(*length)),
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
        }
        (126 | 127, _) => return Ok(None),
        // A server does not mask its frames.
        _ => return Err(FrameError::Unexpected(*length)),
    };
    let payload = usize::try_from(length).unwrap_or(usize::MAX);
    if payload > MAX_PAYLOAD {
        return Err(FrameError::TooLong(length));
    }
    let Some(payload) = bytes.get(head..head + payload) else {
        return Ok(None);
    };
    let frame = match first ^ FIN {
        TEXT => Frame::Text(payload),
        PING => Frame::Ping(payload),
        PONG => Frame::Pong,
        CLOSE => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        _ => return Err(FrameError::Unexpected(*first)),
    };
    Ok(Some((frame, head + payload.len())))
}

/// Appends a text message, given in parts.
pub(crate) fn push_text(out: &mut Vec<u8>, parts: &[&[u8]]) {
    push(out, TEXT, parts);
}

/// Appends the answer to a ping.
pub(crate) fn push_pong(out: &mut Vec<u8>, payload: &[u8]) {
    push(out, PONG, &[payload]);
}

/// Appends the frame with which a client leaves.
pub(crate) fn push_close(out: &mut Vec<u8>) {
    push(out, CLOSE, &[&1000_u16.to_be_bytes()]);
}

fn push(out: &mut Vec<u8>, opcode: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.push(FIN | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => out.push(0x80 | short),
        (_, Ok(medium)) => {
            out.push(0xfe);
            out.extend(medium.to_be_bytes());
        }
        _ => {
            out.push(0xff);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the frames of the pieces, in text.
    fn frames(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut frames = Vec::new();
        for piece in pieces {
            decoder
                .feed(piece, |frame| frames.push(format!("{frame:?}")))
                .unwrap();
        }
        assert!(decoder.partial.is_empty());
        frames
    }

    #[test]
    fn frames_are_the_same_however_they_are_split() {
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x89, 1, b'p', 0x81, 126, 1, 0];
        bytes.extend([b'x'; 256]);
        bytes.extend([0x88, 2, 3, 232, 0x88, 0]);
        let whole = frames(&[&bytes]);
        assert_eq!(whole.len(), 5);
        assert_eq!(whole[0], format!("{:?}", Frame::Text(b"hi")));
        assert_eq!(whole[1], format!("{:?}", Frame::Ping(b"p")));
        assert_eq!(whole[2], format!("{:?}", Frame::Text(&[b'x'; 256])));
        assert_eq!(whole[3], format!("{:?}", Frame::Close(Some(1000))));
        assert_eq!(whole[4], format!("{:?}", Frame::Close(None)));
        for split in 1..bytes.len() {
            let (a, b) = bytes.split_at(split);
            assert_eq!(frames(&[a, b]), whole, "split at {split}");
        }
    }

    #[test]
    fn written_frames_have_the_length_of_their_payload() {
        for (length, head) in [
            (0, vec![0x81, 0x80]),
            (125, vec![0x81, 0x80 | 125]),
            (126, vec![0x81, 0xfe, 0, 126]),
            (65_536, vec![0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload = vec![b'x'; length];
            let mut frame = Vec::new();
            push_text(
                &mut frame,
                &[&payload[..length / 2], &payload[length / 2..]],
            );
            let expected = [&head[..], &[0; 4], &payload].concat();
            assert_eq!(frame, expected, "{length}");
        }
    }

    #[test]
    fn hostile_frames_are_errors() {
        let mut decoder = Decoder::default();
        let long = [0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(
            decoder.feed(&long, |_| {}),
            Err(FrameError::TooLong(u64::MAX))
        );
        for bytes in [[0x01, 0], [0x82, 0], [0x81, 0x80]] {
            let result = Decoder::default().feed(&bytes, |_| {});
            assert!(matches!(result, Err(FrameError::Unexpected(_))));
        }
    }
}
