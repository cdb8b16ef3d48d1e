//! Text and data from other peers: bounded, and safe to display.

use bytes::Bytes;

use super::error::HandshakeError;
use crate::wire::Reader;

/// Text of at most `max` bytes without anything that could disturb what is around it: control
/// characters, and invisible ones that change direction or hide.
pub(super) fn clean(bytes: &[u8], max: usize) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(bytes).chars() {
        if text.len() + c.len_utf8() > max {
            break;
        }
        if !is_disturbing(c) {
            text.push(c);
        }
    }
    text
}

fn is_disturbing(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Reads `len` bytes, of which there may be `max`. `what` names them in the error.
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
    fn what_disturbs_is_left_out_and_the_rest_stays() {
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
        fn it_is_bounded_and_harmless(bytes: Vec<u8>, max in 0usize..50) {
            let text = clean(&bytes, max);
            prop_assert!(text.len() <= max);
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
