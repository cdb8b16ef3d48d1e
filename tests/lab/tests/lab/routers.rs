//! Tests of routers and of the kinds of addresses.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
};

use anyhow::{Context, ensure};
use network_lab::{Addresses, Host, Lab, Nat, Router};

use crate::sockets::{PORT, RECEIVE_TIMEOUT, Test, receives_nothing, send, socket};

pub(super) const TESTS: &[(&str, Test)] = &[
    (
        "cone_nat_has_one_port_for_all_destinations",
        cone_nat_has_one_port_for_all_destinations,
    ),
    (
        "symmetric_nat_has_a_port_for_each_destination",
        symmetric_nat_has_a_port_for_each_destination,
    ),
    (
        "only_the_destination_answers_through_a_router",
        only_the_destination_answers_through_a_router,
    ),
    (
        "players_behind_two_cone_nats_reach_each_other",
        players_behind_two_cone_nats_reach_each_other,
    ),
    ("blocked_udp_leaves_tcp_open", blocked_udp_leaves_tcp_open),
    (
        "hosts_with_ipv6_alone_reach_each_other",
        hosts_with_ipv6_alone_reach_each_other,
    ),
    (
        "hosts_with_both_kinds_of_addresses_use_both",
        hosts_with_both_kinds_of_addresses_use_both,
    ),
    (
        "hosts_with_link_local_addresses_reach_each_other",
        hosts_with_link_local_addresses_reach_each_other,
    ),
    (
        "dead_interfaces_have_addresses_and_do_not_disturb",
        dead_interfaces_have_addresses_and_do_not_disturb,
    ),
];

fn bind(host: &Host) -> anyhow::Result<UdpSocket> {
    let unspecified = match host.address() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = host.enter(|| UdpSocket::bind((unspecified, PORT)))??;
    socket.set_read_timeout(Some(RECEIVE_TIMEOUT))?;
    Ok(socket)
}

/// Sends a packet to a host, and returns the sender's address as the host sees it.
fn seen_by(from: &UdpSocket, to: &UdpSocket, host: &Host) -> anyhow::Result<SocketAddr> {
    from.send_to(b"hello", (host.address(), PORT))?;
    let (_, sender) = to.recv_from(&mut [0; 16])?;
    Ok(sender)
}

/// Returns the address of one socket behind a router, as two hosts see it.
fn external_addresses(nat: Nat) -> anyhow::Result<[SocketAddr; 2]> {
    let lab = Lab::new(1)?;
    let (first, second) = (lab.host("first")?, lab.host("second")?);
    let home = Router::new(&lab, "home", nat)?;
    let ada = home.host("ada")?;
    let (a, b, c) = (bind(&ada)?, bind(&first)?, bind(&second)?);
    let seen = [seen_by(&a, &b, &first)?, seen_by(&a, &c, &second)?];
    for address in seen {
        ensure!(
            address.ip() == home.outside().address(),
            "not the router's address: {address}"
        );
    }
    Ok(seen)
}

fn cone_nat_has_one_port_for_all_destinations() -> anyhow::Result<()> {
    let [first, second] = external_addresses(Nat::Cone)?;
    ensure!(first == second, "{first} and {second}");
    Ok(())
}

fn symmetric_nat_has_a_port_for_each_destination() -> anyhow::Result<()> {
    let [first, second] = external_addresses(Nat::Symmetric)?;
    ensure!(first != second, "both see {first}");
    Ok(())
}

fn only_the_destination_answers_through_a_router() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (known, unknown) = (lab.host("known")?, lab.host("unknown")?);
    let home = Router::new(&lab, "home", Nat::Cone)?;
    let ada = home.host("ada")?;
    let (a, b, c) = (bind(&ada)?, bind(&known)?, bind(&unknown)?);
    let external = seen_by(&a, &b, &known)?;
    c.send_to(b"hello", external)?;
    receives_nothing(&a)?;
    send(&b, &a, external.ip())?;
    // A packet that comes too early does not take the port.
    ensure!(
        seen_by(&a, &c, &unknown)? == external,
        "the router has changed the port"
    );
    Ok(())
}

/// The first packet of one side always arrives before the other side's router expects it.
fn players_behind_two_cone_nats_reach_each_other() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let server = lab.host("server")?;
    let homes = [
        Router::new(&lab, "ada's", Nat::Cone)?,
        Router::new(&lab, "bob's", Nat::Cone)?,
    ];
    let (ada, bob) = (homes[0].host("ada")?, homes[1].host("bob")?);
    let (a, b, s) = (bind(&ada)?, bind(&bob)?, bind(&server)?);
    let [to_ada, to_bob] = [seen_by(&a, &s, &server)?, seen_by(&b, &s, &server)?];
    a.send_to(b"hello", to_bob)?;
    receives_nothing(&b)?;
    send(&b, &a, to_ada.ip())?;
    send(&a, &b, to_bob.ip()).map(drop)
}

fn blocked_udp_leaves_tcp_open() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let server = lab.host("server")?;
    let office = Router::new(&lab, "office", Nat::Cone)?;
    let ada = office.host("ada")?;
    let (a, s) = (bind(&ada)?, bind(&server)?);
    seen_by(&a, &s, &server)?;
    office.block_udp()?;
    a.send_to(b"hello", (server.address(), PORT))?;
    receives_nothing(&s)?;
    let listener = server.enter(|| TcpListener::bind((server.address(), PORT)))??;
    let accepting = thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(b"hello")
    });
    let mut text = String::new();
    let address = SocketAddr::new(server.address(), PORT);
    let mut stream = ada.enter(|| TcpStream::connect_timeout(&address, RECEIVE_TIMEOUT))??;
    stream.set_read_timeout(Some(RECEIVE_TIMEOUT))?;
    stream.read_to_string(&mut text)?;
    ensure!(text == "hello", "TCP delivered {text:?}");
    accepting.join().ok().context("the server panicked")??;
    Ok(())
}

fn hosts_with_ipv6_alone_reach_each_other() -> anyhow::Result<()> {
    let lab = Lab::with_addresses(1, Addresses::V6)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    ensure!(ada.address().is_ipv6(), "{}", ada.address());
    let (a, b) = (bind(&ada)?, bind(&bob)?);
    send(&a, &b, bob.address())?;
    let v4 = ada.enter(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(10, 78, 0, 2), PORT))
    })?;
    ensure!(v4.is_err(), "the host has an IPv4 route");
    let home = Router::new(&lab, "home", Nat::Cone)?;
    let cleo = home.host("cleo")?;
    let external = seen_by(&bind(&cleo)?, &b, &bob)?;
    ensure!(external.ip() == home.outside().address(), "{external}");
    Ok(())
}

fn hosts_with_both_kinds_of_addresses_use_both() -> anyhow::Result<()> {
    let lab = Lab::with_addresses(1, Addresses::Both)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    for address in bob.interface().addresses() {
        let b = bob.enter(|| UdpSocket::bind((address, PORT)))??;
        b.set_read_timeout(Some(RECEIVE_TIMEOUT))?;
        let unspecified: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let a = ada.enter(|| UdpSocket::bind((unspecified, PORT)))??;
        send(&a, &b, address)?;
    }
    Ok(())
}

fn hosts_with_link_local_addresses_reach_each_other() -> anyhow::Result<()> {
    let lab = Lab::with_addresses(1, Addresses::LinkLocal)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    send(&socket(&ada)?, &socket(&bob)?, bob.address())?;
    let outside = ada.enter(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))??;
    ensure!(
        outside
            .send_to(b"hello", (Ipv4Addr::new(10, 78, 0, 1), PORT))
            .is_err(),
        "the host has a default route"
    );
    Ok(())
}

fn dead_interfaces_have_addresses_and_do_not_disturb() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    for _ in 0..20 {
        bob.add_dead_interface()?;
    }
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    send(&a, &b, bob.address())?;
    send(&b, &a, ada.address())?;
    let interfaces = bob.enter(|| std::fs::read_to_string("/proc/thread-self/net/dev"))??;
    let dead = interfaces.lines().filter(|line| line.contains("dead"));
    ensure!(dead.count() == 20, "{interfaces}");
    Ok(())
}
