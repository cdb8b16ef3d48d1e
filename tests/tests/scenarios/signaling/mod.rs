//! Compares the stock signaling server with ours: the messages that clients receive, and the
//! intended differences.
//!
//! The table covers the tests of `matchbox_signaling` and `matchbox_server`, and the rest of their
//! behavior.

mod clients;

use anyhow::ensure;
use huddle_tests::{Artifacts, Server, StockServer};
use serde_json::json;
use tungstenite::Message;

use Expected::{Different, Same};
use clients::ClientGroup;

/// A behavior of the server that clients observe.
struct Behavior {
    description: &'static str,
    script: fn(&mut ClientGroup) -> anyhow::Result<()>,
    expected: Expected,
}

/// The messages that the clients receive from both servers.
enum Expected {
    Same(&'static [&'static str]),
    Different {
        stock: &'static [&'static str],
        ours: &'static [&'static str],
        reason: &'static str,
    },
}

const BEHAVIORS: &[Behavior] = &[
    Behavior {
        description: "every connection receives a unique id",
        script: |clients| {
            clients.join("a")?;
            clients.join("b")
        },
        expected: Same(&[]),
    },
    Behavior {
        description: "earlier members receive NewPeer once for each new member",
        script: |clients| {
            clients.join("a")?;
            clients.join("a")?;
            clients.join("a")
        },
        expected: Same(&[
            "0 receives NewPeer 1",
            "1 receives NewPeer 2",
            "0 receives NewPeer 2",
        ]),
    },
    Behavior {
        description: "a client that closes its connection leaves and receives a close frame",
        script: |clients| {
            clients.join("a")?;
            clients.join("a")?;
            clients.close(1)
        },
        expected: Same(&[
            "0 receives NewPeer 1",
            "1 receives a close frame",
            "0 receives PeerLeft 1",
        ]),
    },
    Behavior {
        description: "a client whose connection breaks leaves",
        script: |clients| {
            clients.join("a")?;
            clients.join("a")?;
            clients.join("a")?;
            clients.drop_connection(0)
        },
        expected: Same(&[
            "0 receives NewPeer 1",
            "1 receives NewPeer 2",
            "0 receives NewPeer 2",
            "2 receives PeerLeft 0",
            "1 receives PeerLeft 0",
        ]),
    },
    Behavior {
        description: "a room is empty after all members have left",
        script: |clients| {
            clients.join("a")?;
            clients.join("a")?;
            clients.close(0)?;
            clients.drop_connection(1)?;
            clients.join("a")?;
            clients.join("a")
        },
        expected: Same(&[
            "0 receives NewPeer 1",
            "0 receives a close frame",
            "1 receives PeerLeft 0",
            "2 receives NewPeer 3",
        ]),
    },
    Behavior {
        description: "a signal arrives as it was sent, with its sender",
        script: |clients| {
            clients.join("a")?;
            clients.join("a")?;
            clients.signal(0, 1, json!("123"))?;
            clients.signal(
                1,
                0,
                json!({"Offer": "v=0\r\n", "more": [1.5, null, "\u{e9}\u{0}"]}),
            )
        },
        expected: Same(&[
            "0 receives NewPeer 1",
            "1 receives \"123\" from 0",
            "0 receives {\"Offer\":\"v=0\\r\\n\",\"more\":[1.5,null,\"\u{e9}\\u0000\"]} from 1",
        ]),
    },
    Behavior {
        description: "a signal to its sender comes back, and a signal to a departed member is dropped",
        script: |clients| {
            clients.join("a")?;
            clients.signal(0, 0, json!(1))?;
            clients.join("a")?;
            clients.close(1)?;
            clients.signal(0, 1, json!(2))
        },
        expected: Same(&[
            "0 receives 1 from 0",
            "0 receives NewPeer 1",
            "1 receives a close frame",
            "0 receives PeerLeft 1",
        ]),
    },
    Behavior {
        description: "rooms receive nothing from each other",
        script: |clients| {
            clients.join("a")?;
            clients.join("b")?;
            clients.join("a")?;
            clients.close(1)?;
            clients.close(2)
        },
        expected: Same(&[
            "0 receives NewPeer 2",
            "1 receives a close frame",
            "2 receives a close frame",
            "0 receives PeerLeft 2",
        ]),
    },
    Behavior {
        description: "a signal to a member of another room",
        script: |clients| {
            clients.join("a")?;
            clients.join("b")?;
            clients.signal(0, 1, json!(1))
        },
        expected: Different {
            stock: &["1 receives 1 from 0"],
            ours: &[],
            reason: "a client outside a room cannot reach its members; matchbox_signaling's full mesh drops the signal, too",
        },
    },
    Behavior {
        description: "the root is a room without a name",
        script: |clients| {
            clients.join_at("/")?;
            clients.join_at("/")?;
            clients.close(0)?;
            clients.close(1)
        },
        expected: Same(&[
            "0 receives NewPeer 1",
            "0 receives a close frame",
            "1 receives PeerLeft 0",
            "1 receives a close frame",
        ]),
    },
    Behavior {
        description: "room names are percent-decoded and compared as a whole",
        script: |clients| {
            clients.join("caf%C3%A9")?;
            clients.join("c%61f%c3%a9")?;
            clients.join("%63af%C3%A9")?;
            clients.join("caf")
        },
        expected: Same(&[
            "0 receives NewPeer 1",
            "1 receives NewPeer 2",
            "0 receives NewPeer 2",
        ]),
    },
    Behavior {
        description: "a path of two segments",
        script: |clients| {
            clients.join("a/b")?;
            clients.join("a/b")
        },
        expected: Different {
            stock: &["0 is refused: 404 Not Found", "0 is refused: 404 Not Found"],
            ours: &["0 receives NewPeer 1"],
            reason: "it is the room of a game, so that the queues of different games never mix",
        },
    },
    Behavior {
        description: "a path of three segments is not a room",
        script: |clients| clients.join("a/b/c"),
        expected: Same(&["0 is refused: 404 Not Found"]),
    },
    Behavior {
        description: "unknown parameters are ignored",
        script: |clients| {
            clients.join("a?color=red")?;
            clients.join("a")?;
            clients.join("b?next=2&color=red")?;
            clients.join("b?color=blue&next=2")
        },
        expected: Same(&["0 receives NewPeer 1", "2 receives NewPeer 3"]),
    },
    Behavior {
        description: "next=2 forms pairs in the order of arrival",
        script: |clients| {
            for _ in 0..5 {
                clients.join("a?next=2")?;
            }
            Ok(())
        },
        expected: Same(&["0 receives NewPeer 1", "2 receives NewPeer 3"]),
    },
    Behavior {
        description: "next=3 forms groups of three",
        script: |clients| {
            for _ in 0..4 {
                clients.join("a?next=3")?;
            }
            Ok(())
        },
        expected: Same(&[
            "0 receives NewPeer 1",
            "1 receives NewPeer 2",
            "0 receives NewPeer 2",
        ]),
    },
    Behavior {
        description: "pairs and the open room of the same name are separate",
        script: |clients| {
            clients.join("a?next=2")?;
            clients.join("a")?;
            clients.join("a?next=2")
        },
        expected: Same(&["0 receives NewPeer 2"]),
    },
    Behavior {
        description: "pairs of different names are separate",
        script: |clients| {
            clients.join("a?next=2")?;
            clients.join("b?next=2")?;
            clients.join("a?next=2")?;
            clients.join("b?next=2")
        },
        expected: Same(&["0 receives NewPeer 2", "1 receives NewPeer 3"]),
    },
    Behavior {
        description: "groups of different sizes are separate",
        script: |clients| {
            clients.join("a?next=2")?;
            clients.join("a?next=3")?;
            clients.join("a?next=2")?;
            clients.join("a?next=3")?;
            clients.join("a?next=3")
        },
        expected: Same(&[
            "0 receives NewPeer 2",
            "1 receives NewPeer 3",
            "3 receives NewPeer 4",
            "1 receives NewPeer 4",
        ]),
    },
    Behavior {
        description: "a client that leaves while it waits is not paired",
        script: |clients| {
            clients.join("a?next=2")?;
            clients.close(0)?;
            clients.join("a?next=2")?;
            clients.join("a?next=2")
        },
        expected: Same(&["0 receives a close frame", "1 receives NewPeer 2"]),
    },
    Behavior {
        description: "members of a full group exchange signals and are notified of departures, but not of new members",
        script: |clients| {
            for _ in 0..3 {
                clients.join("a?next=3")?;
            }
            clients.signal(2, 0, json!(1))?;
            clients.close(0)?;
            clients.join("a?next=3")?;
            clients.drop_connection(1)
        },
        expected: Same(&[
            "0 receives NewPeer 1",
            "1 receives NewPeer 2",
            "0 receives NewPeer 2",
            "0 receives 1 from 2",
            "0 receives a close frame",
            "2 receives PeerLeft 0",
            "1 receives PeerLeft 0",
            "2 receives PeerLeft 1",
        ]),
    },
    Behavior {
        description: "the last member of a full group leaves while a client waits for the next group",
        script: |clients| {
            for _ in 0..3 {
                clients.join("a?next=2")?;
            }
            clients.drop_connection(0)?;
            clients.drop_connection(1)
        },
        expected: Different {
            stock: &[
                "0 receives NewPeer 1",
                "1 receives PeerLeft 0",
                "2 receives PeerLeft 1",
            ],
            ours: &["0 receives NewPeer 1", "1 receives PeerLeft 0"],
            reason: "the waiting client was never notified that this member joined, so it does not have to know that it left",
        },
    },
    Behavior {
        description: "a keep-alive is not answered",
        script: |clients| {
            clients.join("a")?;
            clients.join("a")?;
            clients.send(1, Message::text("\"KeepAlive\""))
        },
        expected: Same(&["0 receives NewPeer 1"]),
    },
    Behavior {
        description: "a keep-alive of a client that requests extensions with huddle=1",
        script: |clients| {
            clients.join("a")?;
            clients.join("a?huddle=1")?;
            clients.send(1, Message::text("\"KeepAlive\""))?;
            clients.signal(1, 0, json!(1))
        },
        expected: Different {
            stock: &["0 receives NewPeer 1", "0 receives 1 from 1"],
            ours: &[
                "1 receives Session 10000 ms, secret: true",
                "1 receives Members 0",
                "1 receives Room of 0, open: true, capacity: 64",
                "0 receives NewPeer 1",
                "1 receives \"KeepAlive\"",
                "0 receives 1 from 1",
            ],
            reason: "pages cannot send pings, so they detect a dead connection by the missing echo; new members receive the ids of members that do not answer; a client that loses its connection takes its place again; players can list their rooms and close them",
        },
    },
    Behavior {
        description: "a ping is answered",
        script: |clients| {
            clients.join("a")?;
            clients.send(0, Message::Ping("x".into()))
        },
        expected: Same(&["0 receives Pong(b\"x\")"]),
    },
    Behavior {
        description: "invalid messages are ignored",
        script: |clients| {
            clients.join("a")?;
            clients.join("a")?;
            for invalid in [
                "",
                "{",
                "null",
                "\"Hello\"",
                "{\"Signal\":{}}",
                "{\"Signal\":{\"receiver\":\"me\",\"data\":1}}",
                "{\"Signal\":{\"receiver\":\"00000000-0000-0000-0000-000000000000\",\"data\":1}}",
            ] {
                clients.send(1, Message::text(invalid))?;
            }
            clients.send(1, Message::binary(vec![1, 2, 3]))?;
            clients.signal(1, 0, json!("still here"))
        },
        expected: Same(&["0 receives NewPeer 1", "0 receives \"still here\" from 1"]),
    },
    Behavior {
        description: "many invalid messages",
        script: |clients| {
            clients.join("a")?;
            clients.join("a")?;
            for _ in 0..16 {
                clients.send(1, Message::text("{"))?;
            }
            clients.signal(1, 0, json!("still here"))?;
            clients.send(1, Message::text("{"))
        },
        expected: Different {
            stock: &["0 receives NewPeer 1", "0 receives \"still here\" from 1"],
            ours: &[
                "0 receives NewPeer 1",
                "0 receives \"still here\" from 1",
                "1 is disconnected: 1008",
                "0 receives PeerLeft 1",
            ],
            reason: "a client that sends only invalid messages wastes CPU time and fills the log",
        },
    },
    Behavior {
        description: "a message of 100 kB",
        script: |clients| {
            clients.join("a")?;
            clients.join("a")?;
            clients.signal(1, 0, json!("x".repeat(100_000)))
        },
        expected: Different {
            stock: &[
                "0 receives NewPeer 1",
                "0 receives \"xxxxxxxxxxxxxxxxxxxxxxxxxxxx... (100020 bytes)",
            ],
            ours: &[
                "0 receives NewPeer 1",
                "1 is disconnected: 1009",
                "0 receives PeerLeft 1",
            ],
            reason: "a session description takes a few kB, and queued data is limited to 64 KiB by default",
        },
    },
    Behavior {
        description: "a room name of 129 bytes",
        script: |clients| clients.join_at(&format!("/{}", "x".repeat(129))),
        expected: Different {
            stock: &[],
            ours: &["0 is refused: 400 Bad Request"],
            reason: "names are kept in memory, so their length is bounded",
        },
    },
    Behavior {
        description: "next is not a number",
        script: |clients| {
            clients.join("a")?;
            clients.join("a?next=two")
        },
        expected: Different {
            stock: &["0 receives NewPeer 1"],
            ours: &["1 is refused: 400 Bad Request"],
            reason: "the client requested a pair, so an error is better than a room with unknown members",
        },
    },
    Behavior {
        description: "the health endpoint",
        script: |clients| clients.get("/health"),
        expected: Same(&["/health answers 200"]),
    },
    Behavior {
        description: "a room is requested without a WebSocket",
        script: |clients| clients.get("/some-room"),
        expected: Different {
            stock: &["/some-room answers 400"],
            ours: &["/some-room answers 404"],
            reason: "our server can serve a game's pages, and looks for a file at this path",
        },
    },
];

pub(crate) fn signaling_behaves_like_the_stock_server(artifacts: &Artifacts) -> anyhow::Result<()> {
    let stock = StockServer::start(artifacts)?;
    let ours = Server::start(artifacts)?;
    let mut wrong = Vec::new();
    for (number, behavior) in BEHAVIORS.iter().enumerate() {
        let prefix = format!("{number}-");
        let run = |address| {
            let mut clients = ClientGroup::new(address, &prefix);
            match (behavior.script)(&mut clients) {
                Ok(()) => clients.received(),
                Err(error) => vec![format!("error: {error:#}")],
            }
        };
        let received = [run(stock.address()), run(ours.address())];
        let expected = match behavior.expected {
            Same(both) => [both, both],
            Different { stock, ours, .. } => [stock, ours],
        };
        println!("   {}", behavior.description);
        match behavior.expected {
            Same(_) => println!("      both: {}", list(&received[0])),
            Different { reason, .. } => {
                println!("      stock: {}", list(&received[0]));
                println!("      ours: {}", list(&received[1]));
                println!("      because {reason}");
            }
        }
        for ((server, received), expected) in ["stock", "ours"].iter().zip(received).zip(expected) {
            if received != expected {
                let description = behavior.description;
                wrong.push(format!(
                    "{description}, {server}: received {received:#?}, expected {expected:#?}"
                ));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn list(received: &[String]) -> String {
    if received.is_empty() {
        return "no messages".into();
    }
    received.join("; ")
}
