//! Generates URLs and messages of clients. Most are well-formed; some are at a limit or beyond it.

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::json;
use uuid::Uuid;

/// Generates the path and query of a URL.
pub fn request(u: &mut Unstructured) -> Result<String> {
    let mut text = u.choose(&["/", "/", "/", "", "//", "/a/"])?.to_string();
    for _ in 0..*u.choose(&[0, 1, 4, 4, 127, 128, 129])? {
        text += u.choose(&["a", "b", "~", "%20", "%C3%A9", "%ff", "%2F", "%", "+", "é"])?;
    }
    let mut mark = '?';
    for _ in 0..u.int_in_range(0..=3)? {
        let key = u.choose(&["next", "next", "huddle", "group", "n%65xt", "x", ""])?;
        let value = match u.int_in_range(0..=3)? {
            0 => u16::arbitrary(u)?.to_string(),
            1 => String::arbitrary(u)?,
            _ => u
                .choose(&[
                    "1",
                    "2",
                    "64",
                    "65",
                    "0",
                    "",
                    "-1",
                    "+2",
                    "0123456789abcdef0123456789abcdef",
                    "02",
                    "18446744073709551616",
                ])?
                .to_string(),
        };
        text += &format!("{mark}{key}={value}");
        mark = '&';
    }
    Ok(text)
}

/// Generates a client's message, which may be for `receiver`.
pub fn message(u: &mut Unstructured, receiver: Uuid) -> Result<String> {
    let data = match u.int_in_range(0..=4)? {
        0 => json!(null),
        1 => json!({ "Offer": String::arbitrary(u)? }),
        2 => json!([u64::arbitrary(u)?, [], {}, f64::arbitrary(u)?]),
        _ => {
            json!({ "IceCandidate": "{\"candidate\":\"candidate:1 1 udp 5 10.0.0.1 9 typ host\"}" })
        }
    };
    Ok(match u.int_in_range(0..=7)? {
        0 => json!("KeepAlive").to_string(),
        1 => String::arbitrary(u)?,
        4 => json!({ "Linked": [receiver, Uuid::from_u128(u.int_in_range(0..=32)?)] }).to_string(),
        2 => format!(
            "{{\"Signal\" : {{ \"data\":\t{data} , \"receiver\": \"{}\" }} }}\n",
            receiver.simple()
        ),
        3 => json!({ "Signal": { "receiver": String::arbitrary(u)?, "data": data } }).to_string(),
        _ => json!({ "Signal": { "receiver": receiver, "data": data } }).to_string(),
    })
}
