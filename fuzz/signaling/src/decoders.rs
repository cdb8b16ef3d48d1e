//! Decoders of what a client asks for.

use http::Uri;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::{arrival, room_key};

/// The URL with which a client asks for a room: a room that is accepted can be asked for again in
/// plain words, and a refusal fits the frame that carries it.
pub fn request(text: &str) {
    let Ok(uri) = text.parse::<Uri>() else {
        return;
    };
    match arrival(&uri, 64) {
        Ok(arrival) => {
            let key = arrival.key;
            assert!(key.name.len() <= 128);
            assert!(key.next.is_none_or(|next| next.get() <= 64));
            let name = utf8_percent_encode(&key.name, NON_ALPHANUMERIC);
            let next = key
                .next
                .map(|next| format!("?next={next}"))
                .unwrap_or_default();
            let plain = format!("/{name}{next}").parse().expect("a valid URL");
            assert_eq!(room_key(&plain, 64), Ok(key));
        }
        Err(refusal) => {
            assert!(refusal.to_string().len() <= 123);
            assert!(refusal.status().is_client_error());
            assert!((4000..5000).contains(&refusal.close_code()));
        }
    }
}
