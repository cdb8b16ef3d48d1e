//! The subcommand `huddle-signaling token`.

mod common;

use std::{fs, path::Path, process::Command};

use common::{Client, local_config, refused, start};
use huddle_signaling::{Config, Secret, TokenKey};

const SECRET: &str = "a shared secret of at least 32 bytes";
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIFtO/9061lhaXJbaS38S3+tDhp8cyFM78rqKbknBDEP9
-----END PRIVATE KEY-----
";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA/KLjbZMO1FiqzALjjSpcTAv3tKMFVMkpFobNZ8CP/OE=
-----END PUBLIC KEY-----
";

/// Runs the subcommand. Returns the token, or the error.
fn token(key_file: &Path, args: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_huddle-signaling"))
        .args(["token", "--key-file"])
        .arg(key_file)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        assert!(output.stdout.is_empty());
        Err(text(output.stderr))
    }
}

#[tokio::test]
async fn printed_token_is_accepted_until_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let private_key = folder.path().join("private.pem");
    fs::write(&private_key, PRIVATE_KEY).unwrap();
    let server = start(Config {
        token_keys: vec![
            TokenKey::Secret(Secret::new(SECRET)),
            TokenKey::PublicKey(PUBLIC_KEY.to_owned()),
        ],
        ..local_config()
    })
    .await;
    for key in [&secret, &private_key] {
        let any = token(key, &["--expires", "1h"]).unwrap();
        Client::join(server.addr, &format!("/any?token={any}")).await;

        let args = ["--app", "duel", "--room", "lobby", "--expires", "30m"];
        let args = [&args[..], &["--capacity", "1", "--once"]].concat();
        let url = format!("/lobby?token={}", token(key, &args).unwrap());
        let client = Client::join(server.addr, &url).await;
        assert_eq!(refused(server.addr, &url).await.status, 409);
        let other = format!("/lobby?token={}", token(key, &args).unwrap());
        assert_eq!(refused(server.addr, &other).await.status, 503);
        let other = url.replace("/lobby", "/other");
        assert_eq!(refused(server.addr, &other).await.status, 403);
        client.leave().await;

        let args = ["--room-prefix", "match-", "--expires", "2days"];
        let prefix = token(key, &args).unwrap();
        Client::join(server.addr, &format!("/match-1?token={prefix}")).await;
        let other = format!("/lobby?token={prefix}");
        assert_eq!(refused(server.addr, &other).await.status, 403);
    }
}

#[test]
fn errors_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let missing = token(&file, &["--expires", "1h"]).unwrap_err();
    assert!(missing.contains("cannot read the key in"), "{missing}");
    fs::write(&file, "short").unwrap();
    let short = token(&file, &["--expires", "1h"]).unwrap_err();
    assert!(short.contains("openssl rand"), "{short}");
    assert!(!short.contains("short"), "{short}");
    fs::write(&file, PUBLIC_KEY).unwrap();
    let public = token(&file, &["--expires", "1h"]).unwrap_err();
    assert!(public.contains("Ed25519 private key"), "{public}");
    let endless = token(&file, &[]).unwrap_err();
    assert!(endless.contains("--expires"), "{endless}");
    let both = ["--expires", "1h", "--room", "a", "--room-prefix", "a"];
    let both = token(&file, &both).unwrap_err();
    assert!(both.contains("cannot be used with"), "{both}");
}
