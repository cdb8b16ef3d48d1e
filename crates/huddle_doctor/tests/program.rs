//! The program, with a real signaling server, real links, and STUN servers of the test.

mod common;

use std::{
    net::{Ipv4Addr, UdpSocket},
    thread,
};

use common::{doctor, own_address, signaling};

/// The public address that the STUN servers report. It is reserved for documentation.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

#[test]
fn links_within_the_machine_are_tested() {
    let server = signaling();
    let output = doctor(&["--server", &server]);
    output.assert_contains(&format!("[ok] {server} connected in "));
    output.assert_contains("[ok] any path: open in ");
    output.assert_contains(" ms, direct");
    output.assert_contains("[--] host: ");
    output.assert_contains("Other networks have not been tested");
    assert!(output.is_success, "{output:?}");
}

#[test]
fn router_with_one_port_for_all_servers_is_a_cone() {
    let address = own_address();
    let (server, first, second) = (signaling(), stun(address, 0), stun(address, 0));
    let output = doctor(&["--server", &server, "--ice", &first, "--ice", &second]);
    output.assert_contains("You can play with most players.");
    output.assert_contains(&format!("[ok] {first} answered in "));
    output.assert_contains("endpoint-independent mapping (cone)");
    output.assert_contains("srflx: 203.0.x.x:");
    assert!(!output.text.contains(&PUBLIC.to_string()), "{output:?}");
    assert!(output.is_success, "{output:?}");
}

#[test]
fn router_with_another_port_for_each_server_is_symmetric() {
    let address = own_address();
    let (first, second) = (stun(address, 0), stun(address, 1000));
    let output = doctor(&["--ice", &first, "--ice", &second, "--show-addresses"]);
    output
        .assert_contains("Only relayed links will work with most players: a TURN server is needed");
    output.assert_contains("endpoint-dependent mapping (symmetric)");
    output.assert_contains(&format!("srflx: {PUBLIC}:"));
    assert!(!output.is_success, "{output:?}");
}

#[test]
fn each_problem_of_a_server_has_its_own_text() {
    let address = own_address();
    let (silent, url) = silent_stun(address);
    let working = stun(address, 0);
    let output = doctor(&[
        "--ice",
        &working,
        "--ice",
        &url,
        "--ice",
        "stun:no-such-name.invalid",
        "--ice",
        "turn:host:3478",
    ]);
    output.assert_contains(&format!("[!!] {url} did not answer"));
    output.assert_contains("[!!] stun:no-such-name.invalid has an unknown name");
    output.assert_contains("`turn:host:3478` cannot be used: a TURN server needs a user name");
    output.assert_contains("fewer than two servers reported the public address");
    assert!(output.is_success, "{output:?}");
    drop(silent);
}

#[test]
fn silence_of_all_servers_is_a_network_that_blocks_udp() {
    let address = own_address();
    let (_silent, url) = silent_stun(address);
    let output = doctor(&["--ice", &url]);
    output.assert_contains("Your network blocks the game");
    output.assert_contains("[!!] UDP is blocked, or all servers are down");
    assert!(!output.is_success, "{output:?}");
}

#[test]
fn dead_signaling_server_is_the_first_problem() {
    let address = own_address();
    let output = doctor(&["--server", "ws://127.0.0.1:9", "--ice", &stun(address, 0)]);
    output.assert_contains("The game's server cannot be reached.");
    output.assert_contains("[!!] ws://127.0.0.1:9 failed: the signaling server cannot be reached");
    assert!(!output.is_success, "{output:?}");
}

/// Starts a STUN server that reports [`PUBLIC`], with the port of the client plus `offset`, as if a
/// router were in between. Returns its URL.
fn stun(address: Ipv4Addr, offset: u16) -> String {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    let url = format!("stun:{}", socket.local_addr().unwrap());
    thread::spawn(move || {
        let mut request = [0; 1500];
        while let Ok((len, client)) = socket.recv_from(&mut request) {
            if len < 20 {
                continue;
            }
            let (cookie, port) = ([0x21, 0x12, 0xA4, 0x42], client.port().wrapping_add(offset));
            // A binding response (RFC 8489) with an XOR-MAPPED-ADDRESS.
            let mut response = vec![1, 1, 0, 12];
            response.extend(&request[4..20]);
            response.extend([0, 0x20, 0, 8, 0, 1]);
            response.extend((port ^ 0x2112).to_be_bytes());
            response.extend(
                PUBLIC
                    .octets()
                    .iter()
                    .zip(cookie)
                    .map(|(byte, key)| byte ^ key),
            );
            let _ = socket.send_to(&response, client);
        }
    });
    url
}

/// Returns the URL of a STUN server that receives requests and never answers.
fn silent_stun(address: Ipv4Addr) -> (UdpSocket, String) {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    let url = format!("stun:{}", socket.local_addr().unwrap());
    (socket, url)
}
