//! A signaling server for peer-to-peer games. It introduces players to each other before they
//! connect directly.
//!
//! Players connect by WebSocket and join a room by its URL. The server announces each new member
//! to the other members, and relays the few messages that set up a WebRTC connection between two
//! of them. After that, players need the server only to meet newcomers. The game's own traffic
//! does not pass through it.
//!
//! The server implements the protocol of [`matchbox_protocol`] and works with stock matchbox
//! clients.
//!
//! # Running the server
//! ```text
//! huddle-signaling                                       # listens on port 3536, all addresses
//! huddle-signaling --bind 127.0.0.1:8080 --serve dist    # also serves the web build in dist/
//! huddle-signaling --help                                # all options, TLS and reverse proxies
//! ```
//! When it is ready, it prints one line on stdout: `listening on http://ADDR`. On SIGTERM or
//! Ctrl-C it refuses new clients, disconnects its clients within [`Config::drain`], and exits with
//! 0.
//!
//! | request | answer |
//! |---|---|
//! | `GET /health` | JSON with `status`, `rooms`, `clients`, `uptime_s` and `version` |
//! | `GET /ready` | 200, or 503 while the server drains |
//! | `GET /rooms?app=GAME` | JSON with the [listed rooms](#settings-of-a-room) of a game |
//! | `GET /metrics` at [`Config::metrics`] | metrics for Prometheus |
//!
//! To run the server in your own program:
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
//! | URL | members |
//! |---|---|
//! | `ws://host/ROOM` | all clients that use this name, up to [`Config::max_room_members`] |
//! | `ws://host/` | the same, in the room with the empty name |
//! | `ws://host/ROOM?next=N` | groups of N clients, in the order of arrival |
//! | `ws://host/GAME/ROOM` | the same, with or without `?next=N`, but only clients of this game |
//!
//! A name has at most 128 bytes. A slash in a name is written as `%2F`. If several games share a
//! server, each should put its name into the URL, so that their players never meet: the queues
//! `lobby?next=2` of two games are separate. [`Config::apps`] restricts the server to certain
//! games.
//!
//! With `?next=N`, a member that leaves a group frees its place until the group is full. A full
//! group is sealed: the next player starts a new group, and a member that leaves is not replaced.
//! The same name with a different N is a different room. Clients with extensions have [additional
//! rules](#groups).
//!
//! A request without a WebSocket upgrade receives a file of [`Config::serve`]. For example,
//! `http://host/hello/` can be the page of the game that uses the room `ws://host/hello`.
//!
//! ## Settings of a room
//! The client that creates a room can set these parameters in its URL. They have no effect with
//! `?next=N`, nor for clients that join later.
//!
//! | parameter | meaning |
//! |---|---|
//! | `listed=1` | `GET /rooms` lists the room |
//! | `capacity=N` | the room is full at N members, at most [`Config::max_room_members`] |
//! | `metadata=TEXT` | a text of at most 256 bytes, which appears in the list |
//!
//! The earliest member of a room is its *keeper*. A keeper with [extensions](#extensions-huddle1)
//! can change these settings, and close the room: then nobody joins it until the keeper opens it
//! again, and the list does not contain it. A room that becomes empty is forgotten with its
//! settings.
//!
//! # Protocol
//! All messages are JSON text. The server sends `{"IdAssigned":ID}` first. After that it sends
//! `{"NewPeer":ID}`, `{"PeerLeft":ID}` and `{"Signal":{"sender":ID,"data":…}}` for the other
//! members of the room. Only the earlier member of each pair receives the `NewPeer`, once. It makes
//! the offer. A client sends `"KeepAlive"`, and `{"Signal":{"receiver":ID,"data":…}}`, which the
//! server drops unless the receiver is in the same room. The server does not interpret `data`, and
//! relays exactly the bytes that the client sent.
//!
//! # Extensions: `?huddle=1`
//! Clients with and without extensions can share a room. A client that adds this parameter to its
//! URL receives:
//! - a `"KeepAlive"` for each one it sends. A client in a browser cannot send WebSocket pings, so
//!   it uses these to detect a dead connection and to measure the round-trip time.
//! - refusals as [close codes](close_code), because a browser hides the HTTP status of a failed
//!   upgrade. Other clients receive HTTP 400, 401, 403, 404, 409, 429 or 503 with a message that
//!   explains what to do.
//! - a secret with which it takes its [place](#places) in the room again after a lost connection.
//! - credentials for [`Config::turn`], and new ones before they expire.
//! - the [settings](#settings-of-a-room) of its room as `{"Room":…}`, and again when they or the
//!   keeper change.
//! - with `?next=N`, groups whose members can all reach each other.
//!
//! ## Places
//! When the connection of a member breaks, the server keeps its place for
//! [`Config::resume_timeout`]. The other members with extensions receive `{"Doubtful":ID}`. If the
//! member reconnects with `&resume=SECRET` in this time, it gets the same id. A member that closes
//! its connection with a close frame leaves immediately.
//!
//! ## Groups
//! Until a group is final, the server sends its stage to these clients as `{"Group":…}`. Each one
//! answers with `{"Linked":[ID,…]}`, the peers that it has a working link to.
//!
//! A full group is final when every pair of members is linked. Its id is then the name of a room,
//! which a member that lost its connection can join again. The server disconnects a member that
//! does not answer for [`Config::queue_silence_timeout`]. The remaining members return to the
//! queue, ahead of later players. If a full group is not linked after [`Config::link_timeout`], its
//! members may move to another group as soon as other players are available. `docs/protocol.md` in
//! the repository contains the exact rules.
//!
//! # Tokens
//! With [`Config::token_keys`], every client needs a token that the game's own server has signed:
//! `?token=TOKEN`, or the WebSocket subprotocols `huddle` and `huddle.token.TOKEN`. [`Claims`]
//! creates tokens, and so does `huddle-signaling token`.
//!
//! # Several instances
//! With [`Config::cluster`], several servers share their rooms, so clients of a room meet at
//! whichever server they connect to. Each room has one owner, which Redis contains. The other servers
//! forward connections to the owner. Each server lists the rooms of all. If one fails, another one
//! takes over its rooms, and their clients connect again as after a restart. [`Cluster`] contains
//! the options, and `docs/hosting.md` in the repository the exact rules.
//!
//! # Limits
//! One client cannot disturb the service for the other clients. [`Config`] limits messages, queues,
//! rooms, clients, and what one address may use:
//!
//! | client | consequence |
//! |---|---|
//! | does not read its messages | disconnected |
//! | sends too fast | the server reads its messages more slowly |
//! | sends nothing for [`Config::silence_timeout`], not even pongs | disconnected |
//! | shares its address with too many clients, or joins too often | refused with [`FULL`](close_code::FULL) or HTTP 429 |
//! | connects and sends no request | disconnected after 5 s, or earlier if the server needs room. A TLS handshake may take 10 s more |
//! | sends endless fragments of a message, or a request whose head is longer than 32 KiB | disconnected |
//!
//! Behind a reverse proxy, the server reads the client's address from `X-Forwarded-For`. It trusts
//! this header only from [`Config::trusted_proxies`].
//!
//! Each client needs one open file. The program raises its own limit as far as the system allows,
//! and warns if that is not enough. The library does not change the limit.

mod access;
mod address;
mod admission;
mod app;
mod client;
pub mod close_code;
mod cluster;
mod config;
mod connection;
mod cork;
mod directory;
mod drain;
mod error;
mod exporter;
mod forward;
mod gate;
mod group_id;
mod http;
mod hub;
mod join;
mod keep_alive;
mod listen;
mod mailbox;
mod message;
mod meter;
mod metrics;
mod outbox;
mod owned_rooms;
mod ownership;
mod page_body;
mod pass;
mod pick;
mod pipe;
mod places;
mod player;
mod queue;
mod rate;
mod request;
mod rooms;
mod server;
mod settings;
mod silence;
mod store;
mod tls;
mod token;
mod turn;
mod verifier;

pub use config::{Cluster, Config, Secret, Tls, TokenKey, Turn};
pub use error::{ServerError, TlsError};
pub use server::Server;
pub use token::{Claims, SigningKey, TokenError};

/// Compiles the code in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
