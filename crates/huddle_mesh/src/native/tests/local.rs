//! Links on machines whose network is not the usual one.

use std::time::Duration;

use super::{isolated::is_isolated, links};
use crate::{config::RoomConfig, platform::tls, stats::Path};

const LIMIT: Duration = Duration::from_secs(10);
/// The time that a link may take in a local network.
const FAST: Duration = Duration::from_secs(2);

/// The module of these tests, for their names.
const HERE: &str = "platform::tests::local::";

/// A cable between two network interfaces, without addresses.
const CABLE: &str = "
    ip link add cable1 type veth peer name cable2
    for name in cable1 cable2; do
        echo 1 > /proc/sys/net/ipv6/conf/$name/addr_gen_mode
        ip link set $name up
    done";

/// Opens a link. Each side knows only the candidates of the other one that `is_kept` accepts.
async fn open(is_kept: impl Fn(&str) -> bool) -> links::Opened {
    let config = RoomConfig::new("ws://127.0.0.1:1/room").unwrap();
    let tls = tls::client_config().unwrap();
    let opened = links::link_with([&config; 2], &tls, LIMIT, is_kept).await;
    let opened = opened.unwrap_or_else(|candidates| panic!("no link; {candidates:?}"));
    println!("{opened:?}");
    assert_eq!(opened.path, Path::Direct);
    assert!(opened.took < FAST, "{opened:?}");
    opened
}

#[tokio::test]
async fn two_games_on_an_offline_machine_connect() {
    let test = format!("{HERE}two_games_on_an_offline_machine_connect");
    if is_isolated(&test, "") {
        let opened = open(|_| true).await;
        assert_eq!(opened.candidates.len(), 4, "IPv4 and IPv6 of both");
    }
}

#[tokio::test]
async fn ipv4_link_local_addresses_connect() {
    let test = format!("{HERE}ipv4_link_local_addresses_connect");
    let setup = "
        ip addr add 169.254.3.1/16 dev cable1
        ip addr add 169.254.3.2/16 dev cable2";
    if is_isolated(&test, &format!("{CABLE}{setup}")) {
        open(|candidate| candidate.contains(" 169.254.3.")).await;
    }
}

#[tokio::test]
async fn ipv6_link_local_addresses_connect() {
    let test = format!("{HERE}ipv6_link_local_addresses_connect");
    let setup = "
        ip -6 addr add fe80::a/64 dev cable1 nodad
        ip -6 addr add fe80::b/64 dev cable2 nodad";
    if is_isolated(&test, &format!("{CABLE}{setup}")) {
        let opened = open(|candidate| candidate.contains(" fe80::")).await;
        assert!(opened.candidates.iter().all(|text| !text.contains('%')));
    }
}

#[tokio::test]
async fn dead_interfaces_neither_delay_links_nor_crowd_out_the_good_one() {
    let test = format!("{HERE}dead_interfaces_neither_delay_links_nor_crowd_out_the_good_one");
    let setup = "
        for i in $(seq 40); do
            ip link add dead$i type bridge
            ip link set dead$i up
            ip addr add 10.99.$i.1/24 dev dead$i
        done
        ip addr add 10.1.0.1/24 dev cable1
        ip route add default via 10.1.0.254 dev cable1";
    if is_isolated(&test, &format!("{CABLE}{setup}")) {
        let opened = open(|candidate| candidate.contains(" 10.1.0.1 ")).await;
        assert!(opened.candidates.len() <= 2 * 20, "{opened:?}");
    }
}
