//! The signaling server of a peer-to-peer game: where players meet before they talk directly.
//!
//! Players connect by WebSocket and join a room by its URL. The server tells the members of each
//! other and carries the few messages with which two of them set up a WebRTC connection. From
//! then on they need it only to hear of newcomers; the game's own traffic never passes through.
//!
//! It speaks the protocol of [`matchbox_protocol`], so matchbox clients work with it as they are.
//!
//! # Running it
//! ```text
//! huddle-signaling                                       # port 3536 of all addresses
//! huddle-signaling --bind 127.0.0.1:8080 --serve dist    # and the web build in dist/
//! huddle-signaling --help                                # all options, TLS and reverse proxies
//! ```
//! Once ready it prints one line on stdout, `listening on http://ADDR`. SIGTERM or Ctrl-C closes
//! every client and exits with 0. `GET /health` answers with JSON: `status`, `rooms`, `clients`,
//! `uptime_s` and `version`.
//!
//! Or in a program of your own:
//! ```
//! use huddle_signaling::{Config, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), huddle_signaling::ServerError> {
//! # let until_stopped = async {};
//! let config = Config {
//!     bind: ([127, 0, 0, 1], 0).into(),
//!     ..Config::default()
//! };
//! let server = Server::bind(config).await?;
//! println!("listening on http://{}", server.local_addr());
//! server.run(until_stopped).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Rooms
//! | URL | who meets |
//! |---|---|
//! | `ws://host/ROOM` | everybody who uses the same name, up to [`Config::max_room_members`] |
//! | `ws://host/` | the same, in the room without a name |
//! | `ws://host/ROOM?next=N` | groups of N in the order of arrival |
//!
//! A name has at most 128 bytes and no slash. With `?next=N`, a group that is full is sealed: the
//! next player starts a new one, and a member that leaves is not replaced. While a group still
//! waits, the place of a member that leaves is free again. The same name with another N is another
//! room. Clients that ask for extensions get [more](#groups).
//!
//! Requests that are no WebSocket upgrades go to the files of [`Config::serve`], so
//! `http://host/hello/` can be the page of the game whose room is `ws://host/hello`.
//!
//! # Protocol
//! Text messages of JSON. The server sends `{"IdAssigned":ID}` first and then, for the other
//! members of the room, `{"NewPeer":ID}`, `{"PeerLeft":ID}` and
//! `{"Signal":{"sender":ID,"data":…}}`. Of two members, the earlier one gets the `NewPeer`, once:
//! it makes the offer. A client sends `{"Signal":{"receiver":ID,"data":…}}`, which is dropped
//! unless the receiver is in the same room, and `"KeepAlive"`. What is in `data` is up to the
//! clients and arrives byte by byte as it was sent.
//!
//! # Extensions: `?huddle=1`
//! A client that adds this to the URL, in any room and together with clients that do not, gets:
//! - its own `"KeepAlive"` back as `"KeepAlive"`, so it notices a dead connection soon and can
//!   measure the round trip even in a browser, where WebSocket pings cannot be sent;
//! - refusals as [close codes](close_code), because a browser hides the HTTP status of a failed
//!   upgrade. Others get HTTP 400, 404 or 503 with a text that says what to do;
//! - with `?next=N`, groups without ghosts.
//!
//! ## Groups
//! Until a group is final, the server tells such a client how far it has come, with
//! `{"Group":…}`, and asks for `{"Linked":[ID,…]}`, all peers to whom the client has a working
//! link. A full group is final when every pair of members is linked; its id is then the name of a
//! room, to which members come back. A member that does not answer for
//! [`Config::queue_silence_timeout`] is disconnected, and the others go back into the queue, ahead
//! of later players. So do members of a group that is not linked after [`Config::link_timeout`], as
//! soon as there are others to play with. `docs/protocol.md` in the repository has the rules.
//!
//! # Bounds
//! Whatever one client does, the others are served: messages, queues, rooms and clients have the
//! limits in [`Config`]. Who does not read is disconnected, who sends too fast is read slower, and
//! who was silent for [`Config::silence_timeout`] is gone, pings unanswered. Each client is an open
//! file; the program raises its own limit as far as the system allows and warns if that is not
//! far enough, the library leaves it alone.

mod client;
pub mod close_code;
mod config;
mod error;
mod http;
mod hub;
mod message;
mod pick;
mod player;
mod queue;
mod rate;
mod request;
mod rooms;
mod server;

pub use config::Config;
pub use error::ServerError;
pub use server::Server;
