//! Generates URLs, headers, tokens and messages of clients. Most are well-formed; some are at a limit or beyond it.

use std::net::{Ipv4Addr, Ipv6Addr};

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::json;
use uuid::Uuid;

/// Generates the path and query of a URL.
pub fn request(u: &mut Unstructured) -> Result<String> {
    let mut text = u
        .choose(&["/", "/", "/", "", "//", "/a/", "/duel/", "/../"])?
        .to_string();
    name(u, &mut text)?;
    if u.ratio(1, 4)? {
        text.push('/');
        name(u, &mut text)?;
    }
    let mut mark = '?';
    for _ in 0..u.int_in_range(0..=3)? {
        let key = u.choose(&[
            "next", "next", "huddle", "group", "resume", "token", "n%65xt", "x", "", "listed",
            "capacity", "metadata",
        ])?;
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

/// Adds the name of a room or game.
fn name(u: &mut Unstructured, text: &mut String) -> Result<()> {
    for _ in 0..*u.choose(&[0, 1, 4, 4, 127, 128, 129])? {
        *text += u.choose(&[
            "a", "b", "~", "%20", "%C3%A9", "%ff", "%2F", "%", "+", "é", "..",
        ])?;
    }
    Ok(())
}

/// Generates the URL of a client that may create a room with settings.
pub fn creation(u: &mut Unstructured) -> Result<String> {
    let room = u.choose(&["/a", "/a", "/b", "/duel/a", "/%C3%A9"])?;
    let mut text = format!("{room}?huddle={}", u8::from(u.ratio(3, 4)?));
    for _ in 0..u.int_in_range(0..=3)? {
        text += u.choose(&[
            "&listed=1",
            "&listed=1",
            "&listed=0",
            "&listed=yes",
            "&capacity=1",
            "&capacity=2",
            "&capacity=3",
            "&capacity=6",
            "&capacity=0",
            "&metadata=",
            "&metadata=%22%00",
            "&metadata=a+b",
            "&metadata=%ff",
        ])?;
        if u.ratio(1, 8)? {
            text += &"x".repeat(u.int_in_range(250..=260)?);
        }
    }
    Ok(text)
}

/// Generates the query of a list request.
pub fn list(u: &mut Unstructured) -> Result<String> {
    let mut text = String::new();
    for _ in 0..u.int_in_range(0..=3)? {
        text += u.choose(&["app=duel&", "app=&", "limit=", "after=", "after=a&"])?;
        if u.ratio(1, 2)? {
            text += u.choose(&["1&", "2&", "100&", "101&", "%ff&", "%C3%A9&", "0", "&"])?;
        }
    }
    Ok(text)
}

/// Generates a client's message that changes the settings of its room.
pub fn change(u: &mut Unstructured) -> Result<String> {
    let mut settings = serde_json::Map::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let (name, value) = match u.int_in_range(0..=9)? {
            0..=2 => ("open", json!(bool::arbitrary(u)?)),
            3 | 4 => ("listed", json!(bool::arbitrary(u)?)),
            5 => ("capacity", json!(u.int_in_range(0..=8)?)),
            6 => ("capacity", json!(u64::arbitrary(u)?)),
            7 => ("metadata", json!(String::arbitrary(u)?)),
            8 => ("metadata", json!("é".repeat(u.int_in_range(126..=129)?))),
            _ => ("later", json!(null)),
        };
        settings.insert(name.to_owned(), value);
    }
    Ok(json!({ "Room": settings }).to_string())
}

/// Generates the address of a connection, and headers of its request.
pub fn headers(u: &mut Unstructured) -> Result<String> {
    let mut text = address(u)?;
    for _ in 0..u.int_in_range(0..=3)? {
        text += u.choose(&[
            "\nX-Forwarded-For: ",
            "\nx-forwarded-for:",
            "\nX-Forwarded-For: ",
            "\nOrigin: ",
            "\nForwarded: for=",
        ])?;
        if u.ratio(1, 4)? {
            text += u.choose(&[
                "https://game.example.com",
                "HTTPS://game.example.com",
                "https://evil.example",
                "null",
            ])?;
        }
        for _ in 0..u.int_in_range(0..=4)? {
            text += &address(u)?;
            text += u.choose(&[",", ", ", " ,\t", ",,", ""])?;
        }
    }
    Ok(text)
}

/// Generates an address, which may have a port.
fn address(u: &mut Unstructured) -> Result<String> {
    const KNOWN: &[&str] = &[
        "127.0.0.1",
        "::1",
        "10.0.0.1",
        "10.255.255.255",
        "::ffff:10.0.0.1",
        "fd00::1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "203.0.113.7",
        "unknown",
        "_hidden",
        "010.0.0.1",
        "",
    ];
    let address = match u.int_in_range(0..=4)? {
        0 => Ipv4Addr::arbitrary(u)?.to_string(),
        1 => Ipv6Addr::arbitrary(u)?.to_string(),
        _ => u.choose(KNOWN)?.to_string(),
    };
    Ok(match u.int_in_range(0..=7)? {
        0 => format!("[{address}]"),
        1 => format!("[{address}]:{}", u16::arbitrary(u)?),
        2 => format!("{address}:{}", u16::arbitrary(u)?),
        3 => format!("\"{address}\""),
        _ => address,
    })
}

/// Generates a URL, the header and claims of a token, and subprotocols.
pub fn token(u: &mut Unstructured) -> Result<String> {
    let url = match u.arbitrary()? {
        true => request(u)?,
        false => u
            .choose(&["/a?next=2", "/duel/a", "/a?huddle=1", "/b?token=x"])?
            .to_string(),
    };
    let algorithm = u.choose(&["HS256", "HS256", "HS256", "HS512", "EdDSA", "none", ""])?;
    let mut header = format!("{{\"alg\":\"{algorithm}\"");
    if u.ratio(1, 4)? {
        header += u.choose(&[
            ",\"typ\":\"JWT\"",
            ",\"kid\":\"1\"",
            ",\"crit\":[\"x\"]",
            ",\"jwk\":{}",
            ",\"alg\":\"none\"",
        ])?;
    }
    let mut claims = format!("{{\"exp\":{}", number(u)?);
    for _ in 0..u.int_in_range(0..=4)? {
        let name = u.choose(&[
            "app",
            "room",
            "room_prefix",
            "exp",
            "nbf",
            "capacity",
            "jti",
            "aud",
        ])?;
        let value = match u.int_in_range(0..=3)? {
            0 => number(u)?,
            1 => u.choose(&["null", "\"\"", "[]", "{}", "true"])?.to_string(),
            _ => json!(u.choose(&["a", "duel", "b", "/", "é"])?).to_string(),
        };
        claims += &format!(",\"{name}\":{value}");
    }
    let protocols = u.choose(&[
        "",
        "huddle",
        "huddle,huddle.token.x",
        "huddle.token.",
        "huddle, huddle.token.a.b.c",
    ])?;
    Ok(format!("{url}\n{header}}}\n{claims}}}\n{protocols}"))
}

/// Generates a number in JSON, which may be a time close to the current one.
fn number(u: &mut Unstructured) -> Result<String> {
    const KNOWN: &[&str] = &[
        "0",
        "1",
        "2",
        "64",
        "-1",
        "1.5",
        "1799999990",
        "1799999991",
        "1800000010",
        "1800000011",
        "4000000000",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
        "1e400",
    ];
    Ok(match u.ratio(1, 4)? {
        true => u64::arbitrary(u)?.to_string(),
        false => u.choose(KNOWN)?.to_string(),
    })
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
