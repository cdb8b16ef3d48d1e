//! A signaling server that admits only players with tokens.

use std::{fs, time::Duration};

use anyhow::ensure;
use huddle_tests::{Artifacts, Native, Platform, Server, wait_until};

use crate::steps::{LOAD_TIMEOUT, all_meet, browser};

/// The secret that the game's server and the signaling server share.
const SECRET: &str = "a secret that the game's own server also has";
/// The maximum time until a player reads that it is not admitted.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(10);
const ROOM: &str = "hello";

/// Players join without tokens. They supply them when the server needs them, and meet. A player with
/// a token for another room reads the reason.
pub(crate) fn players_with_tokens_meet(
    artifacts: &Artifacts,
    platform: Platform,
) -> anyhow::Result<()> {
    let server = Server::with_options(artifacts, vec![("HUDDLE_TOKEN_SECRET", SECRET.to_owned())])?;
    let files = tempfile::tempdir()?;
    let key = files.path().join("key");
    fs::write(&key, SECRET)?;
    let token = |room: &str| server.token(&key, &["--room", room, "--expires", "1h"]);

    let settings = [("token", &*token(ROOM)?)];
    let mut ada = Native::measuring(artifacts, "Ada", &server, ROOM, 1, &settings)?;
    let mut bob = browser(platform, "Bob")?;
    bob.open(&server.player(&format!("render=off&bot=2&token={}", token(ROOM)?)))?;
    all_meet(&mut [&mut ada, &mut bob], LOAD_TIMEOUT, "both meet")?;

    let mut eve = browser(platform, "Eve")?;
    eve.open(&server.player(&format!("render=off&bot=3&token={}", token("other")?)))?;
    wait_until(&mut [&mut eve], LOAD_TIMEOUT, "Eve reports", |_| true)?;
    let mut failure = String::new();
    wait_until(
        &mut [&mut eve],
        REFUSAL_TIMEOUT,
        "Eve reads why",
        |reports| {
            failure = reports[0].failure.clone().unwrap_or_default();
            !failure.is_empty()
        },
    )?;
    println!("   {failure}");
    ensure!(
        failure.contains("this token is for another room or game"),
        "the reason is missing: {failure}"
    );
    Ok(())
}
