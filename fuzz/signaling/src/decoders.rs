//! Checks of the decoder of a client's URL.

use http::Uri;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::{join_request, room_key};

/// Parses the URL of a client. An accepted room has a canonical URL, and a refusal fits into a
/// close frame.
pub fn request(text: &str) {
    let Ok(uri) = text.parse::<Uri>() else {
        return;
    };
    match join_request(&uri, 64) {
        Ok(join_request) => {
            let key = join_request.key;
            assert!(key.name.len() <= 128);
            assert!(key.next.is_none_or(|next| next.get() <= 64));
            let name = utf8_percent_encode(&key.name, NON_ALPHANUMERIC);
            let next = key
                .next
                .map(|next| format!("?next={next}"))
                .unwrap_or_default();
            let canonical = format!("/{name}{next}").parse().expect("a valid URL");
            assert_eq!(room_key(&canonical, 64), Ok(key));
        }
        Err(refusal) => {
            assert!(refusal.to_string().len() <= 123);
            assert!(refusal.status().is_client_error());
            assert!((4000..5000).contains(&refusal.close_code()));
        }
    }
}
