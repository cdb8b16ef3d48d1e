//! Static files: `--serve`.

mod common;

use std::fs;

use common::{Client, RunningServer, get, local_config, start};
use huddle_signaling::Config;
use tempfile::TempDir;

async fn serve(files: &[(&str, &str)]) -> (RunningServer, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("site");
    fs::create_dir(&root).unwrap();
    fs::write(dir.path().join("secret"), "outside").unwrap();
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let config = Config {
        serve: Some(root),
        ..local_config()
    };
    (start(config).await, dir)
}

#[tokio::test]
async fn files_have_a_content_type_and_are_revalidated() {
    let (server, _dir) = serve(&[
        ("index.html", "<p>hi"),
        ("game.wasm", "\0asm"),
        ("game.js", "1"),
    ])
    .await;
    for (path, kind, body) in [
        ("/", "text/html", "<p>hi"),
        ("/game.wasm", "application/wasm", "\0asm"),
        ("/game.js", "text/javascript", "1"),
    ] {
        let response = get(server.addr, path, "").await;
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("content-type"), Some(kind));
        assert_eq!(response.header("cache-control"), Some("no-cache"));
        assert_eq!(response.text(), body);
        let changed = response.header("last-modified").unwrap();
        let since = format!("If-Modified-Since: {changed}\r\n");
        assert_eq!(get(server.addr, path, &since).await.status, 304);
    }
}

#[tokio::test]
async fn precompressed_files_are_sent_to_browsers_that_accept_them() {
    let (server, _dir) = serve(&[
        ("game.wasm", "plain"),
        ("game.wasm.br", "brotli"),
        ("game.wasm.gz", "gzip"),
    ])
    .await;
    for (accept, encoding, body) in [
        ("gzip, deflate, br", Some("br"), "brotli"),
        ("gzip", Some("gzip"), "gzip"),
        ("identity", None, "plain"),
    ] {
        let accept = format!("Accept-Encoding: {accept}\r\n");
        let response = get(server.addr, "/game.wasm", &accept).await;
        assert_eq!(response.header("content-encoding"), encoding);
        assert_eq!(response.header("content-type"), Some("application/wasm"));
        assert_eq!(response.text(), body);
    }
}

#[tokio::test]
async fn folder_and_room_can_share_a_name() {
    let (server, _dir) = serve(&[("hello/index.html", "game")]).await;
    let response = get(server.addr, "/hello?room=x", "").await;
    assert!((300..400).contains(&response.status), "{response:?}");
    assert_eq!(response.header("location"), Some("/hello/?room=x"));
    let response = get(server.addr, "/hello/", "").await;
    assert_eq!((response.status, response.text()), (200, "game"));

    let mut a = Client::join(server.addr, "/hello").await;
    let b = Client::join(server.addr, "/hello").await;
    a.expect_new_peer(&b).await;
    assert_eq!(get(server.addr, "/health", "").await.status, 200);
}

#[tokio::test]
async fn paths_outside_the_folder_are_not_found() {
    let (server, _dir) = serve(&[("a.txt", "a")]).await;
    for path in [
        "/",
        "/b.txt",
        "/no/such/file",
        "/a.txt/b",
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
    ] {
        let response = get(server.addr, path, "").await;
        assert_eq!(response.status, 404, "{path}");
        assert!(response.text().contains("no such file"), "{path}");
    }
}
