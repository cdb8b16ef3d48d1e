use proptest::prelude::*;

use super::*;

fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|net| net.parse().unwrap()).collect()
}

fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let value = http::HeaderValue::from_bytes(line.as_bytes()).unwrap();
        headers.append(FORWARDED_FOR, value);
    }
    headers
}

/// Returns the address that counts, with the trusted proxies 127.0.0.0/8, ::1 and 10.0.0.0/8.
fn client(peer: &str, lines: &[&str]) -> Option<Address> {
    let trusted = nets(&["127.0.0.0/8", "::1/128", "10.0.0.0/8"]);
    let peer = Peer::new(peer.parse().unwrap(), &trusted);
    peer.client(&headers(lines), &trusted)
}

fn address(text: &str) -> Option<Address> {
    Some(text.parse::<IpAddr>().unwrap().into())
}

#[test]
fn program_on_the_same_machine_is_not_limited() {
    for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(client(peer, &[]), None, "{peer}");
    }
    let untrusted = Peer::new("127.0.0.1".parse().unwrap(), &[]);
    assert_eq!(untrusted.client(&headers(&[]), &[]), address("127.0.0.1"));
}

#[test]
fn last_address_that_is_not_trusted_counts() {
    for (lines, expected) in [
        (&["203.0.113.7"] as &[&str], "203.0.113.7"),
        (&["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (&["198.51.100.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        (
            &["198.51.100.1,203.0.113.7", "10.1.2.3,127.0.0.1"],
            "203.0.113.7",
        ),
        (&["garbage, 203.0.113.7"], "203.0.113.7"),
        (&["\u{e9}, 203.0.113.7"], "203.0.113.7"),
        (&["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
        (&["203.0.113.7:443"], "203.0.113.7"),
        (&["[203.0.113.7]"], "203.0.113.7"),
        (&["[2001:db8::7]:443 "], "2001:db8::7"),
        (&["[2001:db8::7]"], "2001:db8::7"),
        (&[" 2001:db8::7"], "2001:db8::7"),
        (&["::ffff:203.0.113.7"], "203.0.113.7"),
    ] {
        assert_eq!(client("127.0.0.1", lines), address(expected), "{lines:?}");
        assert_eq!(client("::1", lines), address(expected), "{lines:?}");
    }
}

#[test]
fn header_without_an_address_counts_for_the_proxy() {
    for lines in [
        &[""] as &[&str],
        &["unknown"],
        &["203.0.113.7, unknown"],
        &["203.0.113.7,"],
        &["203.0.113.7", ""],
        &["300.0.0.1"],
        &["203.0.113.7:99999"],
        &["[203.0.113.7"],
        &["203.0.113.7\u{e9}"],
    ] {
        assert_eq!(client("10.0.0.1", lines), address("10.0.0.1"), "{lines:?}");
        assert_eq!(
            client("127.0.0.1", lines),
            address("127.0.0.1"),
            "{lines:?}"
        );
    }
}

#[test]
fn proxy_without_the_header_counts_itself() {
    assert_eq!(client("10.0.0.1", &[]), address("10.0.0.1"));
}

#[test]
fn network_of_64_bits_is_one_address() {
    assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:0:0:2"));
    assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
    assert_ne!(address("::1"), address("0.0.0.1"));
}

/// The other instance has checked where the header comes from.
#[test]
fn instance_of_the_cluster_sends_the_address_of_the_client() {
    let received = |lines: &[&str]| Peer::Instance.client(&headers(lines), &nets(&["10.0.0.0/8"]));
    for text in ["203.0.113.1", "10.0.0.1", "127.0.0.1", "2001:db8:1:2::"] {
        assert_eq!(received(&[text]), address(text));
        assert_eq!(address(text).unwrap().ip().to_string(), text);
    }
    assert_eq!(received(&[]), None);
    let same = address("2001:db8:1:2:3:4:5:6").unwrap().ip().to_string();
    assert_eq!(same, "2001:db8:1:2::");
}

#[test]
fn missing_trust_is_reported() {
    let trusted = nets(&["10.0.0.1/32"]);
    let advice = |peer: &str, lines: &[&str]| {
        let peer = Peer::new(peer.parse().unwrap(), &trusted);
        peer.advice(&headers(lines))
    };
    for peer in [
        "172.17.0.1",
        "192.168.1.1",
        "fd00::1",
        "127.0.0.1",
        "100.64.0.1",
    ] {
        let advice = advice(peer, &["203.0.113.7"]).unwrap();
        assert!(advice.contains("--trusted-proxy"), "{peer}");
    }
    let unset = advice("10.0.0.1", &[]).unwrap();
    assert!(unset.contains("X-Forwarded-For"));
    assert_eq!(advice("10.0.0.1", &["203.0.113.7"]), None);
    assert_eq!(advice("203.0.113.9", &["203.0.113.7"]), None);
    assert_eq!(advice("172.17.0.1", &[]), None);
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::V4),
        any::<Ipv6Addr>().prop_map(IpAddr::V6),
        any::<Ipv4Addr>().prop_map(|address| IpAddr::V6(address.to_ipv6_mapped())),
    ]
}

/// Returns an entry for the address in one of the forms that proxies write.
fn entry(address: IpAddr, port: Option<u16>) -> String {
    match port {
        None => address.to_string(),
        Some(port) => SocketAddr::new(address, port).to_string(),
    }
}

proptest! {
    #[test]
    fn untrusted_peer_cannot_forge_its_address(
        peer in any_address(),
        lines in prop::collection::vec("[ -~\u{80}-\u{ff}]{0,60}", 0..4),
    ) {
        let trusted = nets(&["127.0.0.0/8", "10.0.0.0/8"]);
        let found = Peer::new(peer, &trusted);
        prop_assume!(matches!(found, Peer::Client(_)));
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        prop_assert_eq!(found.client(&headers(&lines), &trusted), Some(peer.into()));
    }

    #[test]
    fn entries_that_a_client_prepends_do_not_count(
        real in any_address(),
        port in any::<Option<u16>>(),
        forged in prop::collection::vec("[ -~\u{80}-\u{ff}]{0,60}", 0..4),
        proxies in 0_usize..3,
    ) {
        let trusted = nets(&["127.0.0.0/8", "10.0.0.0/8"]);
        prop_assume!(!is_trusted(real.to_canonical(), &trusted));
        let mut lines: Vec<_> = forged.iter().map(String::as_str).collect();
        let appended = entry(real, port) + &", 10.0.0.2".repeat(proxies);
        lines.push(&appended);
        let peer = Peer::new(Ipv4Addr::LOCALHOST.into(), &trusted);
        prop_assert_eq!(peer.client(&headers(&lines), &trusted), Some(real.into()));
        let joined = lines.join(",");
        prop_assert_eq!(peer.client(&headers(&[&joined]), &trusted), Some(real.into()));
    }
}
