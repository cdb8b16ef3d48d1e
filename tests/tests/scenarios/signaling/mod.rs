//! One script for the stock signaling server and ours: what clients hear, and where the two differ on purpose.
//!
//! It has what the tests of `matchbox_signaling` and `matchbox_server` say, and what their code does beyond it.

mod stage;

use anyhow::ensure;
use huddle_tests::{Artifacts, Server, StockServer};
use serde_json::json;
use tungstenite::Message;

use Seen::{Alike, Differ};
use stage::Stage;

/// Something that clients do.
struct Behaviour {
    what: &'static str,
    script: fn(&mut Stage) -> anyhow::Result<()>,
    seen: Seen,
}

/// What everybody hears of it.
enum Seen {
    Alike(&'static [&'static str]),
    Differ {
        stock: &'static [&'static str],
        ours: &'static [&'static str],
        why: &'static str,
    },
}

const BEHAVIOURS: &[Behaviour] = &[
    Behaviour {
        what: "every connection is given an id of its own",
        script: |stage| {
            stage.join("a")?;
            stage.join("b")
        },
        seen: Alike(&[]),
    },
    Behaviour {
        what: "of two members the earlier one hears NewPeer, once",
        script: |stage| {
            stage.join("a")?;
            stage.join("a")?;
            stage.join("a")
        },
        seen: Alike(&[
            "0 hears NewPeer 1",
            "1 hears NewPeer 2",
            "0 hears NewPeer 2",
        ]),
    },
    Behaviour {
        what: "who says goodbye has left, and is answered",
        script: |stage| {
            stage.join("a")?;
            stage.join("a")?;
            stage.close(1)
        },
        seen: Alike(&[
            "0 hears NewPeer 1",
            "1 hears its goodbye answered",
            "0 hears PeerLeft 1",
        ]),
    },
    Behaviour {
        what: "whose connection breaks has left",
        script: |stage| {
            stage.join("a")?;
            stage.join("a")?;
            stage.join("a")?;
            stage.break_off(0)
        },
        seen: Alike(&[
            "0 hears NewPeer 1",
            "1 hears NewPeer 2",
            "0 hears NewPeer 2",
            "2 hears PeerLeft 0",
            "1 hears PeerLeft 0",
        ]),
    },
    Behaviour {
        what: "a room that everybody left is empty",
        script: |stage| {
            stage.join("a")?;
            stage.join("a")?;
            stage.close(0)?;
            stage.break_off(1)?;
            stage.join("a")?;
            stage.join("a")
        },
        seen: Alike(&[
            "0 hears NewPeer 1",
            "0 hears its goodbye answered",
            "1 hears PeerLeft 0",
            "2 hears NewPeer 3",
        ]),
    },
    Behaviour {
        what: "a signal arrives as it was sent, with its sender",
        script: |stage| {
            stage.join("a")?;
            stage.join("a")?;
            stage.signal(0, 1, json!("123"))?;
            stage.signal(
                1,
                0,
                json!({"Offer": "v=0\r\n", "more": [1.5, null, "\u{e9}\u{0}"]}),
            )
        },
        seen: Alike(&[
            "0 hears NewPeer 1",
            "1 hears \"123\" from 0",
            "0 hears {\"Offer\":\"v=0\\r\\n\",\"more\":[1.5,null,\"\u{e9}\\u0000\"]} from 1",
        ]),
    },
    Behaviour {
        what: "a signal to oneself comes back, to somebody who left it is dropped",
        script: |stage| {
            stage.join("a")?;
            stage.signal(0, 0, json!(1))?;
            stage.join("a")?;
            stage.close(1)?;
            stage.signal(0, 1, json!(2))
        },
        seen: Alike(&[
            "0 hears 1 from 0",
            "0 hears NewPeer 1",
            "1 hears its goodbye answered",
            "0 hears PeerLeft 1",
        ]),
    },
    Behaviour {
        what: "rooms hear nothing of each other",
        script: |stage| {
            stage.join("a")?;
            stage.join("b")?;
            stage.join("a")?;
            stage.close(1)?;
            stage.close(2)
        },
        seen: Alike(&[
            "0 hears NewPeer 2",
            "1 hears its goodbye answered",
            "2 hears its goodbye answered",
            "0 hears PeerLeft 2",
        ]),
    },
    Behaviour {
        what: "a signal to somebody in another room",
        script: |stage| {
            stage.join("a")?;
            stage.join("b")?;
            stage.signal(0, 1, json!(1))
        },
        seen: Differ {
            stock: &["1 hears 1 from 0"],
            ours: &[],
            why: "who is not in a room cannot reach who is; matchbox_signaling's full mesh drops it, too",
        },
    },
    Behaviour {
        what: "the root is a room without a name",
        script: |stage| {
            stage.join_at("/")?;
            stage.join_at("/")?;
            stage.close(0)?;
            stage.close(1)
        },
        seen: Alike(&[
            "0 hears NewPeer 1",
            "0 hears its goodbye answered",
            "1 hears PeerLeft 0",
            "1 hears its goodbye answered",
        ]),
    },
    Behaviour {
        what: "names are percent-decoded, and whole",
        script: |stage| {
            stage.join("caf%C3%A9")?;
            stage.join("c%61f%c3%a9")?;
            stage.join("%63af%C3%A9")?;
            stage.join("caf")
        },
        seen: Alike(&[
            "0 hears NewPeer 1",
            "1 hears NewPeer 2",
            "0 hears NewPeer 2",
        ]),
    },
    Behaviour {
        what: "a path of two parts is no room",
        script: |stage| stage.join("a/b"),
        seen: Alike(&["0 is refused: 404 Not Found"]),
    },
    Behaviour {
        what: "unknown parameters mean nothing",
        script: |stage| {
            stage.join("a?color=red")?;
            stage.join("a")?;
            stage.join("b?next=2&color=red")?;
            stage.join("b?color=blue&next=2")
        },
        seen: Alike(&["0 hears NewPeer 1", "2 hears NewPeer 3"]),
    },
    Behaviour {
        what: "next=2 makes pairs in the order of arrival",
        script: |stage| {
            for _ in 0..5 {
                stage.join("a?next=2")?;
            }
            Ok(())
        },
        seen: Alike(&["0 hears NewPeer 1", "2 hears NewPeer 3"]),
    },
    Behaviour {
        what: "next=3 makes groups of three",
        script: |stage| {
            for _ in 0..4 {
                stage.join("a?next=3")?;
            }
            Ok(())
        },
        seen: Alike(&[
            "0 hears NewPeer 1",
            "1 hears NewPeer 2",
            "0 hears NewPeer 2",
        ]),
    },
    Behaviour {
        what: "pairs and the open room of the same name are apart",
        script: |stage| {
            stage.join("a?next=2")?;
            stage.join("a")?;
            stage.join("a?next=2")
        },
        seen: Alike(&["0 hears NewPeer 2"]),
    },
    Behaviour {
        what: "pairs of different names are apart",
        script: |stage| {
            stage.join("a?next=2")?;
            stage.join("b?next=2")?;
            stage.join("a?next=2")?;
            stage.join("b?next=2")
        },
        seen: Alike(&["0 hears NewPeer 2", "1 hears NewPeer 3"]),
    },
    Behaviour {
        what: "groups of different sizes are apart",
        script: |stage| {
            stage.join("a?next=2")?;
            stage.join("a?next=3")?;
            stage.join("a?next=2")?;
            stage.join("a?next=3")?;
            stage.join("a?next=3")
        },
        seen: Alike(&[
            "0 hears NewPeer 2",
            "1 hears NewPeer 3",
            "3 hears NewPeer 4",
            "1 hears NewPeer 4",
        ]),
    },
    Behaviour {
        what: "who leaves while waiting is not paired",
        script: |stage| {
            stage.join("a?next=2")?;
            stage.close(0)?;
            stage.join("a?next=2")?;
            stage.join("a?next=2")
        },
        seen: Alike(&["0 hears its goodbye answered", "1 hears NewPeer 2"]),
    },
    Behaviour {
        what: "members of a full group signal, hear who leaves, and get nobody else",
        script: |stage| {
            for _ in 0..3 {
                stage.join("a?next=3")?;
            }
            stage.signal(2, 0, json!(1))?;
            stage.close(0)?;
            stage.join("a?next=3")?;
            stage.break_off(1)
        },
        seen: Alike(&[
            "0 hears NewPeer 1",
            "1 hears NewPeer 2",
            "0 hears NewPeer 2",
            "0 hears 1 from 2",
            "0 hears its goodbye answered",
            "2 hears PeerLeft 0",
            "1 hears PeerLeft 0",
            "2 hears PeerLeft 1",
        ]),
    },
    Behaviour {
        what: "the last member of a full group leaves while somebody waits for the next",
        script: |stage| {
            for _ in 0..3 {
                stage.join("a?next=2")?;
            }
            stage.break_off(0)?;
            stage.break_off(1)
        },
        seen: Differ {
            stock: &[
                "0 hears NewPeer 1",
                "1 hears PeerLeft 0",
                "2 hears PeerLeft 1",
            ],
            ours: &["0 hears NewPeer 1", "1 hears PeerLeft 0"],
            why: "who waits has never heard of a stranger, so there is nobody to take leave of",
        },
    },
    Behaviour {
        what: "a keep-alive is not answered",
        script: |stage| {
            stage.join("a")?;
            stage.join("a")?;
            stage.say(1, Message::text("\"KeepAlive\""))
        },
        seen: Alike(&["0 hears NewPeer 1"]),
    },
    Behaviour {
        what: "a keep-alive of a client that asks for extensions with huddle=1",
        script: |stage| {
            stage.join("a")?;
            stage.join("a?huddle=1")?;
            stage.say(1, Message::text("\"KeepAlive\""))?;
            stage.signal(1, 0, json!(1))
        },
        seen: Differ {
            stock: &["0 hears NewPeer 1", "0 hears 1 from 1"],
            ours: &[
                "1 hears Members 0",
                "0 hears NewPeer 1",
                "1 hears \"KeepAlive\"",
                "0 hears 1 from 1",
            ],
            why: "pages cannot send pings, and notice a dead connection by the missing echo; and newcomers learn of members that do not answer",
        },
    },
    Behaviour {
        what: "a ping is answered",
        script: |stage| {
            stage.join("a")?;
            stage.say(0, Message::Ping("x".into()))
        },
        seen: Alike(&["0 hears Pong(b\"x\")"]),
    },
    Behaviour {
        what: "messages that are no request do nothing",
        script: |stage| {
            stage.join("a")?;
            stage.join("a")?;
            for nonsense in [
                "",
                "{",
                "null",
                "\"Hello\"",
                "{\"Signal\":{}}",
                "{\"Signal\":{\"receiver\":\"me\",\"data\":1}}",
                "{\"Signal\":{\"receiver\":\"00000000-0000-0000-0000-000000000000\",\"data\":1}}",
            ] {
                stage.say(1, Message::text(nonsense))?;
            }
            stage.say(1, Message::binary(vec![1, 2, 3]))?;
            stage.signal(1, 0, json!("still here"))
        },
        seen: Alike(&["0 hears NewPeer 1", "0 hears \"still here\" from 1"]),
    },
    Behaviour {
        what: "many messages that are no request",
        script: |stage| {
            stage.join("a")?;
            stage.join("a")?;
            for _ in 0..16 {
                stage.say(1, Message::text("{"))?;
            }
            stage.signal(1, 0, json!("still here"))?;
            stage.say(1, Message::text("{"))
        },
        seen: Differ {
            stock: &["0 hears NewPeer 1", "0 hears \"still here\" from 1"],
            ours: &[
                "0 hears NewPeer 1",
                "0 hears \"still here\" from 1",
                "1 is disconnected: 1008",
                "0 hears PeerLeft 1",
            ],
            why: "who sends nothing but nonsense costs work and log lines",
        },
    },
    Behaviour {
        what: "a message of 100 kB",
        script: |stage| {
            stage.join("a")?;
            stage.join("a")?;
            stage.signal(1, 0, json!("x".repeat(100_000)))
        },
        seen: Differ {
            stock: &[
                "0 hears NewPeer 1",
                "0 hears \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... (100017 bytes)",
            ],
            ours: &[
                "0 hears NewPeer 1",
                "1 is disconnected: 1009",
                "0 hears PeerLeft 1",
            ],
            why: "a description takes a few kB, and what waits in memory is bounded: 64 KiB by default",
        },
    },
    Behaviour {
        what: "a room name of 129 bytes",
        script: |stage| stage.join_at(&format!("/{}", "x".repeat(129))),
        seen: Differ {
            stock: &[],
            ours: &["0 is refused: 400 Bad Request"],
            why: "names are kept in memory, so they are bounded",
        },
    },
    Behaviour {
        what: "next is no number",
        script: |stage| {
            stage.join("a")?;
            stage.join("a?next=two")
        },
        seen: Differ {
            stock: &["0 hears NewPeer 1"],
            ours: &["1 is refused: 400 Bad Request"],
            why: "a player who asked for a pair is told of the mistake, not put among strangers",
        },
    },
    Behaviour {
        what: "the health of the server",
        script: |stage| stage.get("/health"),
        seen: Alike(&["/health answers 200"]),
    },
    Behaviour {
        what: "a room is asked for without a WebSocket",
        script: |stage| stage.get("/some-room"),
        seen: Differ {
            stock: &["/some-room answers 400"],
            ours: &["/some-room answers 404"],
            why: "our server can serve a game's pages, and looks for a file there",
        },
    },
];

pub(crate) fn signaling_behaves_like_the_stock_server(artifacts: &Artifacts) -> anyhow::Result<()> {
    let stock = StockServer::start(artifacts)?;
    let ours = Server::start(artifacts)?;
    let mut wrong = Vec::new();
    for (number, behaviour) in BEHAVIOURS.iter().enumerate() {
        let prefix = format!("{number}-");
        let run = |address| {
            let mut stage = Stage::new(address, &prefix);
            match (behaviour.script)(&mut stage) {
                Ok(()) => stage.heard(),
                Err(error) => vec![format!("error: {error:#}")],
            }
        };
        let heard = [run(stock.address()), run(ours.address())];
        let expected = match behaviour.seen {
            Alike(both) => [both, both],
            Differ { stock, ours, .. } => [stock, ours],
        };
        println!("   {}", behaviour.what);
        match behaviour.seen {
            Alike(_) => println!("      both: {}", list(&heard[0])),
            Differ { why, .. } => {
                println!("      stock: {}", list(&heard[0]));
                println!("      ours: {}", list(&heard[1]));
                println!("      because {why}");
            }
        }
        for ((server, heard), expected) in ["stock", "ours"].iter().zip(heard).zip(expected) {
            if heard != expected {
                let what = behaviour.what;
                wrong.push(format!("{what}, {server}: {heard:#?}, not {expected:#?}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn list(heard: &[String]) -> String {
    if heard.is_empty() {
        return "nothing is heard".into();
    }
    heard.join("; ")
}
