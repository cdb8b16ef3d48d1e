//! Tests a whole online game in one process: several apps, a virtual network with adjustable
//! conditions, and a virtual clock that runs as fast as the machine allows.
//!
//! This module needs the `testing` feature. Enable it in `[dev-dependencies]`.
//!
//! A [`Lab`] runs one app per player. The game needs no changes: it joins rooms and sends with the
//! same commands. All random decisions come from the seed, so a failure is reproducible.
//!
//! ```
//! use std::time::Duration;
//!
//! use bevy::prelude::*;
//! use bevy_huddle::{prelude::*, replication::*, testing::{Conditions, Lab}};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Splash;
//! #[derive(Component, Clone, Serialize, Deserialize)]
//! struct Name(String);
//!
//! fn game(app: &mut App) {
//!     app.add_peer_event::<Splash>("splash").replicate::<Name>("name");
//! }
//!
//! let mut lab = Lab::new(7);
//! lab.record::<FromPeer<Splash>>();
//! lab.network(Conditions { latency: Duration::from_millis(50), loss: 0.1, ..default() });
//! let (ada, bob) = (lab.player(game), lab.player(game));
//! lab.run_until(|lab| lab.have_met(&[ada, bob]));
//! let local_peer = lab.peer(ada, ada);
//! lab.commands(ada, |commands| {
//!     commands.entity(local_peer).insert(Name("Ada".to_owned()));
//!     commands.broadcast(Splash);
//! });
//! lab.run_until(|lab| lab.seen(bob, ada).is_some_and(|name: &Name| name.0 == "Ada"));
//! lab.run_for(Duration::from_secs(3));
//! assert_eq!(lab.take_events::<FromPeer<Splash>>(bob).len(), 1);
//! ```

mod conditions;
mod inspect;
mod lab;
mod network;
mod transport;

pub use conditions::Conditions;
pub use lab::{Lab, Player};
