//! Generates texts like those of browsers, libraries and hostile peers. Most are well-formed. In
//! some, a part is missing, repeated, damaged, or at its limit or beyond it.

use std::net::{Ipv4Addr, Ipv6Addr};

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::json;
use uuid::Uuid;

type U<'a, 'b> = &'a mut Unstructured<'b>;

/// Generates a session description.
pub fn sdp(u: U) -> Result<String> {
    let end = u.choose(&["\r\n", "\r\n", "\r\n", "\n", " \r\n"])?;
    let mut lines = vec!["v=0".to_owned(), "o=- 1 2 IN IP4 127.0.0.1".to_owned()];
    if u.arbitrary()? {
        add(u, &mut lines, |u| {
            Ok(match u.arbitrary()? {
                true => format!("a=huddle:v2 {}", number(u)?),
                false => format!("a=huddle:v2 {} {}", number(u)?, "5a".repeat(32)),
            })
        })?;
    }
    add(u, &mut lines, |u| {
        Ok(u.choose(&[
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "m=application 9 DTLS/SCTP 5000",
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        ])?
        .to_string())
    })?;
    add(u, &mut lines, |u| {
        Ok(format!("a=ice-ufrag:{}", word(u, 4)?))
    })?;
    add(u, &mut lines, |u| Ok(format!("a=ice-pwd:{}", word(u, 22)?)))?;
    add(u, &mut lines, |u| {
        Ok(format!("a=fingerprint:{}", fingerprint(u)?))
    })?;
    add(u, &mut lines, |u| {
        let setup = u.choose(&["actpass", "active", "passive", "holdconn"])?;
        Ok(format!("a=setup:{setup}"))
    })?;
    add(u, &mut lines, |u| Ok(format!("a=mid:{}", word(u, 1)?)))?;
    add(u, &mut lines, |u| Ok(format!("a=sctp-port:{}", number(u)?)))?;
    if u.arbitrary()? {
        add(u, &mut lines, |u| {
            Ok(format!("a=max-message-size:{}", number(u)?))
        })?;
    }
    let candidates = *u.choose(&[0, 0, 1, 2, 3, 70])?;
    for _ in 0..candidates {
        lines.push(format!("a={}", candidate(u)?));
    }
    Ok(lines.iter().flat_map(|line| [line.as_str(), end]).collect())
}

/// Adds a line. In some cases adds none, two, or a damaged one.
fn add(u: U, lines: &mut Vec<String>, line: fn(U) -> Result<String>) -> Result<()> {
    match u.int_in_range(0..=31)? {
        0 => {}
        1 => lines.extend([line(u)?, line(u)?]),
        2 => {
            let line = line(u)?;
            lines.push(damaged(u, line)?);
        }
        _ => lines.push(line(u)?),
    }
    Ok(())
}

fn damaged(u: U, text: String) -> Result<String> {
    let at = u.choose_index(text.len().max(1))?;
    let kept = text.get(..at).unwrap_or_default();
    Ok(format!("{kept}{}", String::arbitrary(u)?))
}

/// Generates an ICE candidate.
pub fn candidate(u: U) -> Result<String> {
    let transport = *u.choose(&["udp", "udp", "UDP", "tcp", "ssltcp"])?;
    let mut text = format!(
        "candidate:{} {} {transport} {} {} {} typ {}",
        word(u, 1)?,
        u.choose(&["1", "1", "1", "1", "2", "3", "+1"])?,
        if u.ratio(1, 8)? {
            number(u)?
        } else {
            u32::arbitrary(u)?.to_string()
        },
        address(u)?,
        if u.ratio(1, 8)? {
            number(u)?
        } else {
            u16::arbitrary(u)?.to_string()
        },
        u.choose(&["host", "srflx", "prflx", "relay", "other"])?,
    );
    if u.arbitrary()? {
        text += &format!(" raddr {} rport {}", address(u)?, number(u)?);
    }
    if transport == "tcp" || u.ratio(1, 16)? {
        text += " tcptype ";
        text += u.choose(&["active", "passive", "so", "simultaneous"])?;
    }
    if u.arbitrary()? {
        text += " generation 0 network-cost 999";
    }
    if u.ratio(1, 16)? {
        text = damaged(u, text)?;
    }
    Ok(text)
}

/// Generates a message from the signaling server.
pub fn signal(u: U) -> Result<String> {
    let event = match u.int_in_range(0..=15)? {
        0 => json!({ "IdAssigned": id(u)? }),
        1 => json!({ "NewPeer": id(u)? }),
        2 => json!({ "PeerLeft": id(u)? }),
        3 => extension(u)?,
        4..=7 => json!({ "Signal": { "sender": id(u)?, "data": { "Offer": sdp(u)? } } }),
        8..=10 => json!({ "Signal": { "sender": id(u)?, "data": { "Answer": sdp(u)? } } }),
        _ => {
            let data = json!({ "IceCandidate": wire_candidate(u)? });
            json!({ "Signal": { "sender": id(u)?, "data": data } })
        }
    };
    Ok(event.to_string())
}

/// Generates a message that only the huddle server sends.
fn extension(u: U) -> Result<serde_json::Value> {
    Ok(match u.int_in_range(0..=8)? {
        0 => json!("KeepAlive"),
        1 => json!({ "Members": [id(u)?, id(u)?] }),
        2 => json!({ "Doubtful": id(u)? }),
        3 => json!({ "Resumed": id(u)? }),
        4 => json!({ "Session": { "resume": secret(u)?, "timeout_ms": number(u)? } }),
        5 => {
            let members = [id(u)?, id(u)?];
            json!({ "Session": { "resume": secret(u)?, "members": members } })
        }
        6 => {
            let len = *u.choose(&[0, 1, 2, 8, 9])?;
            let urls = vec![format!("turn:{}", word(u, 4)?); len];
            let (username, credential) = (login(u)?, login(u)?);
            json!({ "IceServers": { "urls": urls, "username": username, "credential": credential } })
        }
        7 => json!({ "Room": {
            "keeper": id(u)?,
            "open": bool::arbitrary(u)?,
            "listed": bool::arbitrary(u)?,
            "capacity": players(u)?,
            "metadata": metadata(u)?,
        } }),
        _ => json!({ "Group": stage(u)? }),
    })
}

/// Generates a list of rooms.
pub fn room_list(u: U) -> Result<String> {
    let mut rooms = Vec::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let name = match u.int_in_range(0..=7)? {
            0 => "x".repeat(*u.choose(&[128, 129])?),
            1 => (*u.choose(&["", ".", "..", "%2e", "a/b", "?", "#", "\\", "\t"])?).to_owned(),
            _ => String::arbitrary(u)?,
        };
        rooms.push(json!({
            "name": name,
            "players": players(u)?,
            "capacity": players(u)?,
            "metadata": metadata(u)?,
        }));
    }
    let next: Option<String> = u.arbitrary()?;
    Ok(json!({ "rooms": rooms, "next": next }).to_string())
}

/// Generates a number of players.
fn players(u: U) -> Result<u64> {
    Ok(match u.arbitrary()? {
        true => *u.choose(&[0, 1, 65_535, 65_536, u64::MAX])?,
        false => u64::from(u8::arbitrary(u)?),
    })
}

/// Generates the metadata of a room.
fn metadata(u: U) -> Result<String> {
    Ok(match u.int_in_range(0..=7)? {
        0 => "x".repeat(*u.choose(&[256, 257])?),
        _ => word(u, 1)?,
    })
}

/// Generates the secret of a place.
fn secret(u: U) -> Result<String> {
    let id = id(u)?;
    Ok(if u.arbitrary()? {
        id.replace('-', "")
    } else {
        id
    })
}

/// Generates a user name or password.
fn login(u: U) -> Result<String> {
    Ok(match u.int_in_range(0..=7)? {
        0 => "x".repeat(*u.choose(&[512, 513])?),
        _ => word(u, 1)?,
    })
}

/// Generates the stage of a group.
fn stage(u: U) -> Result<serde_json::Value> {
    Ok(match u.int_in_range(0..=3)? {
        0 => json!("Waiting"),
        1 => json!({ "Full": id(u)?.replace('-', "") }),
        2 => json!({ "Linked": id(u)?.replace('-', "") }),
        _ => json!(String::arbitrary(u)?),
    })
}

fn wire_candidate(u: U) -> Result<String> {
    let candidate = match u.int_in_range(0..=7)? {
        0 => return Ok("null".into()),
        1 => String::new(),
        _ => candidate(u)?,
    };
    let ufrag = match u.int_in_range(0..=3)? {
        0 => None,
        1 => Some(String::arbitrary(u)?),
        _ => Some(word(u, 4)?),
    };
    let json = json!({
        "candidate": candidate,
        "sdpMid": "0",
        "sdpMLineIndex": u.int_in_range(0..=1)?,
        "usernameFragment": ufrag,
    });
    Ok(json.to_string())
}

/// Generates the URL of a room.
pub fn room_url(u: U) -> Result<String> {
    let mut text = u.choose(&["ws", "ws", "wss", "WSS", "http"])?.to_string();
    text += "://";
    if u.ratio(1, 8)? {
        text += "user:secret@";
    }
    text += u.choose(&[
        "localhost",
        "example.org",
        "[::1]",
        "127.0.0.1",
        "bücher.example",
        "",
    ])?;
    if u.arbitrary()? {
        text += &format!(":{}", number(u)?);
    }
    text += u.choose(&["/", "/", "/", "", "//", "/a/"])?;
    text += &match u.int_in_range(0..=3)? {
        0 => String::arbitrary(u)?,
        1 => u
            .choose(&["caf%C3%A9", "%ff", "%2F", ".", "..", "a\\b"])?
            .to_string(),
        _ => word(u, 1)?,
    };
    let mut mark = '?';
    for _ in 0..u.int_in_range(0..=3)? {
        let key = u.choose(&["next", "next", "huddle", "token", "ne%78t", ""])?;
        text += &format!("{mark}{key}={}", number(u)?);
        mark = '&';
    }
    if u.ratio(1, 8)? {
        text += &format!("#{}", word(u, 1)?);
    }
    Ok(text)
}

/// Generates a number, in some cases one at a limit.
fn number(u: U) -> Result<String> {
    const LIMITS: &[&str] = &[
        "0",
        "1",
        "2",
        "9",
        "64",
        "65",
        "5000",
        "65535",
        "65536",
        "262144",
        "2113937151",
        "4294967295",
        "4294967296",
        "18446744073709551615",
        "18446744073709551616",
        "-1",
        "+5",
        "007",
        "",
        "0x10",
    ];
    if u.ratio(1, 4)? {
        Ok(u64::arbitrary(u)?.to_string())
    } else if u.ratio(1, 4)? {
        Ok(u.choose(LIMITS)?.to_string())
    } else {
        Ok(u16::arbitrary(u)?.to_string())
    }
}

/// Generates a word of ICE characters. It has `min_len` characters or a length at some limit.
fn word(u: U, min_len: usize) -> Result<String> {
    const CHARS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let len = match u.int_in_range(0..=15)? {
        0 => *u.choose(&[0, 3, 21, 32, 33, 63, 64, 128, 129, 256, 257])?,
        1 => return String::arbitrary(u),
        _ => min_len,
    };
    let mut word = String::new();
    for _ in 0..len {
        word.push(char::from(*u.choose(CHARS)?));
    }
    if u.ratio(1, 16)? {
        word.push(*u.choose(&['+', '/', '-', '.', ' ', '%'])?);
    }
    Ok(word)
}

fn fingerprint(u: U) -> Result<String> {
    let hash = u.choose(&[
        "sha-256", "sha-256", "sha-256", "SHA-256", "sha-1", "sha-512",
    ])?;
    let len = *u.choose(&[32, 32, 32, 32, 32, 20, 31, 33])?;
    let mut pairs = Vec::new();
    for _ in 0..len {
        pairs.push(format!("{:02X}", u8::arbitrary(u)?));
    }
    Ok(format!("{hash} {}", pairs.join(":")))
}

fn address(u: U) -> Result<String> {
    const KNOWN: &[&str] = &[
        "10.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "127.0.0.1",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:0.0.0.0",
        "::ffff:224.0.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "2001:db8::1",
        ".local",
        "a.b.local",
        "evil.example.org",
    ];
    Ok(match u.int_in_range(0..=7)? {
        0..=3 => Ipv4Addr::arbitrary(u)?.to_string(),
        4 => Ipv6Addr::arbitrary(u)?.to_string(),
        5 => format!("{}.local", id(u)?),
        _ => u.choose(KNOWN)?.to_string(),
    })
}

/// Generates one of few ids, so that messages are about the same peers, or an invalid id.
fn id(u: U) -> Result<String> {
    if u.ratio(1, 32)? {
        return String::arbitrary(u);
    }
    let n: u128 = u.int_in_range(1..=8)?;
    Ok(Uuid::from_u128(n).to_string())
}
