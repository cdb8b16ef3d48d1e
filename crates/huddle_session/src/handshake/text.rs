//! Text and data from other peers, bounded and safe to display.

use bytes::Bytes;

use super::error::HandshakeError;
use crate::wire::Reader;

/// Returns at most `max` bytes of text that is safe to display next to other text: without control
/// characters, and without invisible characters that hide text or change its direction.
pub(super) fn clean(bytes: &[u8], max: usize) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(bytes).chars() {
        if text.len() + c.len_utf8() > max {
            break;
        }
        if !is_unsafe(c) {
            text.push(c);
        }
    }
    text
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Reads `len` bytes if that is at most `max`. `what` is the name of the field in the error.
pub(super) fn read_bounded(
    reader: &mut Reader,
    what: &'static str,
    len: u64,
    max: usize,
) -> Result<Bytes, HandshakeError> {
    match usize::try_from(len) {
        Ok(fits) if fits <= max => reader.slice(fits).ok_or(HandshakeError::Truncated),
        _ => Err(HandshakeError::TooLong { what, len, max }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unsafe_characters_are_removed() {
        assert_eq!(clean("Grüße, 世界!".as_bytes(), 99), "Grüße, 世界!");
        assert_eq!(clean(b"a\x1b[31m\n\0b\x7f", 99), "a[31mb");
        assert_eq!(
            clean("a\u{202e}b\u{200d}c\u{2028}\u{feff}".as_bytes(), 99),
            "abc"
        );
        assert_eq!(clean(b"a\xffb", 99), "a\u{fffd}b");
        assert_eq!(clean("äöü".as_bytes(), 5), "äö");
    }

    proptest! {
        #[test]
        fn clean_text_is_bounded_and_printable(bytes: Vec<u8>, max in 0usize..50) {
            let text = clean(&bytes, max);
            prop_assert!(text.len() <= max);
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
