//! Malformed frames and messages. Two honest players continue to exchange signals meanwhile.
#![cfg(target_os = "linux")]

mod common;

use common::{
    TIMEOUT,
    attack::{Scene, frame, open_config, raw_join},
    sources::loopback,
};
use futures_util::future::join_all;
use huddle_signaling::close_code;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Reads until the connection ends, and returns the code of the close frame, if any.
async fn close_code_of(mut stream: TcpStream) -> Option<u16> {
    let mut received = Vec::new();
    let read = timeout(TIMEOUT, stream.read_to_end(&mut received)).await;
    let _ = read.expect("the connection must end");
    let close = received.windows(4).find(|bytes| bytes[0] == 0x88);
    close.map(|bytes| u16::from_be_bytes([bytes[2], bytes[3]]))
}

/// Bytes that a client sends after it has joined, and the code with which the server closes the
/// connection. `None` if it ignores the bytes.
fn malformed() -> Vec<(&'static str, Vec<u8>, Option<u16>)> {
    const TEXT: u8 = 0x81;
    const BINARY: u8 = 0x82;
    const PROTOCOL_ERROR: u16 = 1002;
    let signal = |data: &str| {
        let id = "00000000-0000-0000-0000-000000000000";
        frame(
            TEXT,
            format!(r#"{{"Signal":{{"receiver":"{id}","data":{data}}}}}"#).as_bytes(),
        )
    };
    let fragments = |count: usize, bytes: usize| {
        let mut frames = frame(0x01, &vec![b' '; bytes]);
        for _ in 1..count {
            frames.extend(frame(0x00, &vec![b' '; bytes]));
        }
        frames
    };
    let mut huge = vec![TEXT, 0xff];
    huge.extend(u64::MAX.to_be_bytes());
    huge.extend([0; 4]);
    let deep = |open: &str, close: &str| format!("{}0{}", open.repeat(5000), close.repeat(5000));
    vec![
        (
            "longer than the limit",
            frame(TEXT, &[b' '; 70_000]),
            Some(close_code::MESSAGE_TOO_BIG),
        ),
        (
            "longer than twice the limit",
            frame(TEXT, &[b' '; 200_000]),
            Some(close_code::MESSAGE_TOO_BIG),
        ),
        (
            "an impossible length",
            huge,
            Some(close_code::MESSAGE_TOO_BIG),
        ),
        (
            "long fragments",
            fragments(50, 4096),
            Some(close_code::MESSAGE_TOO_BIG),
        ),
        ("many empty fragments", fragments(20_000, 0), None),
        // They never become a message, so the rate limit does not count them.
        (
            "endless empty fragments",
            fragments(500_000, 0),
            Some(close_code::MESSAGE_TOO_BIG),
        ),
        (
            "fragments without a start",
            frame(0x80, b"x"),
            Some(PROTOCOL_ERROR),
        ),
        (
            "binary",
            frame(BINARY, b"\"KeepAlive\"").repeat(20),
            Some(close_code::POLICY_VIOLATION),
        ),
        (
            "long binary",
            frame(BINARY, &[0; 60_000]).repeat(20),
            Some(close_code::POLICY_VIOLATION),
        ),
        (
            "invalid UTF-8",
            frame(TEXT, b"\xff\xfe"),
            Some(PROTOCOL_ERROR),
        ),
        (
            "invalid JSON",
            frame(TEXT, b"{\"Signal\":{").repeat(20),
            Some(close_code::POLICY_VIOLATION),
        ),
        (
            "deep JSON",
            frame(TEXT, deep("[", "]").as_bytes()).repeat(20),
            Some(close_code::POLICY_VIOLATION),
        ),
        ("a deep signal", signal(&deep("[", "]")), None),
        ("a deep object", signal(&deep("{\"a\":", "}")), None),
        ("a long number", signal(&"9".repeat(50_000)), None),
        ("no mask", vec![TEXT, 1, b'x'], Some(PROTOCOL_ERROR)),
        ("a reserved opcode", frame(0x83, b"x"), Some(PROTOCOL_ERROR)),
        ("a reserved bit", frame(0xc1, b"x"), Some(PROTOCOL_ERROR)),
        (
            "a long ping",
            frame(0x89, &[b'x'; 200]),
            Some(PROTOCOL_ERROR),
        ),
        ("a fragmented ping", frame(0x09, b"x"), Some(PROTOCOL_ERROR)),
        ("many pings", frame(0x89, &[b'x'; 100]).repeat(1000), None),
        (
            "not WebSocket",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            Some(PROTOCOL_ERROR),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_frames_disconnect_only_their_sender() {
    let scene = Scene::start(open_config()).await;
    let addr = scene.addr();
    let attacks = malformed().into_iter().map(async |(what, bytes, code)| {
        let mut stream = raw_join(loopback(2), addr, "/attack").await;
        // A write error means that the server has already closed the connection.
        let _ = stream.write_all(&bytes).await;
        if code.is_some() {
            let closed = close_code_of(stream).await;
            // The server does not read the rest of a long message, which can reset the connection
            // before the close frame arrives.
            let is_reset = closed.is_none() && bytes.len() > 128 * 1024;
            assert!(closed == code || is_reset, "{what}: {closed:?}");
        } else {
            let close = frame(0x88, &1000_u16.to_be_bytes());
            stream.write_all(&close).await.unwrap();
            assert_eq!(close_code_of(stream).await, Some(1000), "{what}");
        }
    });
    join_all(attacks).await;
    scene.check(64).await;
}
