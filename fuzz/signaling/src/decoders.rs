//! Checks of the decoders of a client's URL and of the headers of its request.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use ipnet::IpNet;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    address::{Address, FORWARDED_FOR, Peer},
    request::{Refusal, check_app, check_origin, join_request, room_key},
    settings::MAX_METADATA_BYTES,
};

/// The networks of the trusted proxies.
const PROXIES: [&str; 4] = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "fd00::/8"];
/// The only origin that is allowed.
const ORIGIN: &str = "https://game.example.com";

/// Parses the URL of a client. An accepted request has a canonical URL, and a refusal fits into a
/// close frame.
pub fn request(text: &str) {
    let Ok(uri) = text.parse::<Uri>() else {
        return;
    };
    match join_request(&uri, 64) {
        Ok(request) => {
            let key = &request.key;
            assert!(key.app.len() <= 128 && key.name.len() <= 128);
            assert!(key.next.is_none_or(|next| next.get() <= 64));
            let names =
                [&key.app, &key.name].map(|name| utf8_percent_encode(name, NON_ALPHANUMERIC));
            let mut canonical = match names {
                [_, name] if key.app.is_empty() => format!("/{name}?"),
                [app, name] => format!("/{app}/{name}?"),
            };
            if let Some(next) = key.next {
                canonical += &format!("next={next}&");
            }
            if let Some(group) = request.group {
                canonical += &format!("group={group}&");
            }
            if let Some(secret) = request.resume {
                let secret = serde_json::to_value(secret).expect("JSON");
                canonical += &format!("resume={}&", secret.as_str().expect("a string"));
            }
            let settings = &request.settings;
            assert_eq!(settings.open, None);
            if let Some(listed) = settings.listed {
                canonical += &format!("listed={}&", u8::from(listed));
            }
            if let Some(capacity) = settings.capacity {
                assert!(capacity.get() <= 64);
                canonical += &format!("capacity={capacity}&");
            }
            if let Some(metadata) = &settings.metadata {
                let metadata = serde_json::to_value(metadata).expect("JSON");
                let metadata = metadata.as_str().expect("a string");
                assert!(metadata.len() <= MAX_METADATA_BYTES);
                let metadata = utf8_percent_encode(metadata, NON_ALPHANUMERIC);
                canonical += &format!("metadata={metadata}&");
            }
            canonical += &format!("huddle={}", u8::from(request.has_extensions));
            let canonical = canonical.parse().expect("a valid URL");
            assert_eq!(join_request(&canonical, 64).as_ref(), Ok(&request));
            match check_app(key, &["duel".to_owned()]) {
                Ok(()) => assert_eq!(key.app, "duel"),
                Err(refusal) => check_refusal(refusal),
            }
        }
        Err(refusal) => {
            let is_about_settings = matches!(
                refusal,
                Refusal::BadListed | Refusal::BadCapacity { .. } | Refusal::BadMetadata
            );
            assert!(is_about_settings || room_key(&uri, 64) == Err(refusal));
            check_refusal(refusal);
        }
    }
}

/// Checks that a refusal fits into a close frame.
pub(crate) fn check_refusal(refusal: Refusal) {
    assert!(refusal.to_string().len() <= 123);
    assert!(refusal.status().is_client_error() || refusal.status().is_server_error());
    assert!((4000..5000).contains(&refusal.close_code()));
}

/// Reads the address of a connection from the first line, and the headers of a request from the
/// other lines. No header can change the address that a trusted proxy appends.
pub fn headers(text: &str) {
    let (address, lines) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(address) = address.trim().parse::<IpAddr>() else {
        return;
    };
    let mut headers = HeaderMap::new();
    for line in lines.lines() {
        if let Some((name, value)) = line.split_once(':')
            && let Ok(name) = name.parse::<HeaderName>()
            && let Ok(value) = HeaderValue::from_bytes(value.trim().as_bytes())
        {
            headers.append(name, value);
        }
    }
    check_address(address, &headers);
    if check_origin(&headers, &[ORIGIN.to_owned()]).is_ok() {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        assert!(origins.all(|origin| origin.as_bytes().eq_ignore_ascii_case(ORIGIN.as_bytes())));
    }
}

fn check_address(address: IpAddr, headers: &HeaderMap) {
    let proxies = PROXIES.map(|net| net.parse::<IpNet>().expect("a network"));
    let is_forwarded = headers.contains_key(FORWARDED_FOR);
    let peer = Peer::new(address, &proxies);
    let client = peer.client(headers, &proxies);
    let advice = peer.advice(headers);
    let Peer::Trusted(proxy) = peer else {
        assert_eq!(client, Some(Address::from(address)));
        assert_eq!(client, peer.address());
        assert!(advice.is_none() || is_forwarded);
        return;
    };
    assert_eq!(peer.address(), None);
    assert_eq!(advice.is_some(), !is_forwarded && !proxy.is_loopback());
    assert_eq!(client.is_none(), !is_forwarded && proxy.is_loopback());

    // What a trusted proxy sends if a client sends these headers.
    let real = Ipv4Addr::new(203, 0, 113, 7);
    let forwarded = [
        format!("{real}"),
        format!("{real}:49152 , 10.0.0.1"),
        format!("::ffff:{real},[fd00::1]:80,\t127.0.0.1"),
    ];
    for appended in forwarded {
        let appended = appended.parse::<HeaderValue>().expect("a header");
        let mut line = headers.clone();
        line.append(FORWARDED_FOR, appended.clone());
        assert_eq!(peer.client(&line, &proxies), Some(Address::V4(real)));

        // Some proxies join all lines.
        let forged = headers.get_all(FORWARDED_FOR).iter();
        let values: Vec<_> = forged
            .chain([&appended])
            .map(HeaderValue::as_bytes)
            .collect();
        let joined = HeaderValue::from_bytes(&values.join(&b", "[..])).expect("a header");
        let joined = HeaderMap::from_iter([(HeaderName::from_static(FORWARDED_FOR), joined)]);
        assert_eq!(peer.client(&joined, &proxies), Some(Address::V4(real)));
    }
}
