//! Renews the credentials of a TURN server, like a game that fetches them from a web service.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bevy::{prelude::*, time::common_conditions::on_real_timer};
use bevy_huddle::prelude::*;
use example_kit::Options;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use web_time::SystemTime;

/// The secret that the tests share with their TURN server.
const SECRET: &[u8] = b"huddle";

/// Sets new credentials twice in the lifetime of the previous ones.
pub(crate) fn plugin(lifetime: Duration) -> impl Plugin {
    move |app: &mut App| {
        let renew = move |options: Res<Options>,
                          rooms: Query<Entity, With<Room>>,
                          mut commands: Commands| {
            for room in &rooms {
                let servers = options.ice_servers.iter().cloned();
                commands.set_ice_servers(room, servers.map(|server| renewed(server, lifetime)));
            }
        };
        app.add_systems(Update, renew.run_if(on_real_timer(lifetime / 2)));
    }
}

/// Returns the server with new credentials, as coturn expects them with `use-auth-secret`.
fn renewed(server: IceServer, lifetime: Duration) -> IceServer {
    let expiry = (SystemTime::now() + lifetime).duration_since(SystemTime::UNIX_EPOCH);
    let username = expiry.unwrap_or_default().as_secs().to_string();
    let credential = Hmac::<Sha1>::new_from_slice(SECRET).ok().map(|mut mac| {
        mac.update(username.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    });
    IceServer {
        username: Some(username),
        credential,
        ..server
    }
}
