use super::*;
use crate::config::{Cluster, Secret, Turn};

/// Returns the error of a configuration with these TURN servers.
fn turn_error(urls: &[&str], secret: &str, lifetime: Duration) -> Option<String> {
    let config = Config {
        turn: Some(Turn {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            secret: Secret::new(secret),
            lifetime,
        }),
        ..Config::default()
    };
    config.check().err().map(|error| error.to_string())
}

#[test]
fn invalid_turn_servers_are_rejected() {
    let hour = Duration::from_secs(3600);
    let url = "turn:turn.example.com:3478?transport=tcp";
    assert_eq!(turn_error(&[url], "secret", hour), None);
    for (urls, secret, lifetime, expected) in [
        (&[] as &[&str], "secret", hour, "at least one URL"),
        (&["stun:turn.example.com"], "secret", hour, "start with"),
        (&[url], "", hour, "secret"),
        (&[url], "secret", Duration::from_secs(1), "lifetime"),
    ] {
        let error = turn_error(urls, secret, lifetime).unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn invalid_clusters_are_rejected() {
    let check = |url: &str, change: fn(&mut Cluster)| {
        let mut cluster = Cluster::new(Secret::new(url));
        change(&mut cluster);
        let cluster = Some(cluster);
        let config = Config {
            cluster,
            ..Config::default()
        };
        config.check().err().map(|error| error.to_string())
    };
    for url in [
        "redis://10.0.0.1",
        "rediss://user:secret@redis.example.com:6380/2",
    ] {
        assert_eq!(check(url, |_| ()), None);
    }
    for url in [
        "",
        "10.0.0.1:6379",
        "http://10.0.0.1",
        "redis+unix:///run/redis.sock",
    ] {
        let error = check(url, |_| ()).unwrap();
        assert!(error.starts_with("redis must be"), "{url}: {error}");
    }
    let fields: [(&str, fn(&mut Cluster)); 5] = [
        ("lease", |c| c.lease = Duration::from_millis(999)),
        ("lease", |c| c.lease = Duration::from_secs(61)),
        ("redis_prefix", |c| c.prefix = "x".repeat(65)),
        ("cluster_address", |c| {
            c.address = Some(([0, 0, 0, 0], 3537).into())
        }),
        ("cluster_address", |c| {
            c.address = Some(([10, 0, 0, 1], 0).into())
        }),
    ];
    for (field, change) in fields {
        let error = check("redis://10.0.0.1", change).unwrap();
        assert!(error.starts_with(field), "{error}");
    }
}

#[test]
fn short_token_secret_is_rejected() {
    let config = |secret: String| Config {
        token_keys: vec![TokenKey::Secret(Secret::new(secret))],
        ..Config::default()
    };
    assert!(config("x".repeat(32)).check().is_ok());
    let error = config("x".repeat(31)).check().unwrap_err().to_string();
    assert!(error.contains("32 bytes"), "{error}");
}

#[test]
fn default_is_valid() {
    assert!(Config::default().check().is_ok());
}

#[test]
fn queue_too_small_for_a_message_is_rejected() {
    let config = Config {
        max_queue_bytes: 64 * 1024,
        ..Config::default()
    };
    let error = config.check().unwrap_err().to_string();
    assert!(error.contains("max_queue_bytes"), "{error}");
}

#[test]
fn limits_that_would_exclude_every_client_are_rejected() {
    let fields: [(&str, fn(&mut Config)); 7] = [
        ("max_total_queue_bytes", |c| c.max_total_queue_bytes = 1024),
        ("max_clients_per_address", |c| c.max_clients_per_address = 0),
        ("max_http_per_address", |c| c.max_http_per_address = 0),
        ("joins_per_second", |c| c.joins_per_second = 0),
        ("join_burst", |c| c.join_burst = 0),
        ("apps", |c| c.apps = vec![String::new()]),
        ("apps", |c| c.apps = vec!["x".repeat(129)]),
    ];
    for (field, change) in fields {
        let mut config = Config::default();
        change(&mut config);
        let error = config.check().unwrap_err().to_string();
        assert!(error.starts_with(field), "{error}");
    }
}

/// The server adds these times to the current time.
#[test]
fn endless_times_are_rejected() {
    let fields: [(&str, fn(&mut Config)); 2] = [
        ("drain", |c| c.drain = Duration::MAX),
        ("resume_timeout", |c| c.resume_timeout = Duration::MAX),
    ];
    for (field, change) in fields {
        let mut config = Config::default();
        change(&mut config);
        let error = config.check().unwrap_err().to_string();
        assert!(error.starts_with(field), "{error}");
    }
}

#[test]
fn origin_that_no_browser_sends_is_rejected() {
    let check = |origin: &str| {
        let allowed_origins = vec![origin.to_owned()];
        let config = Config {
            allowed_origins,
            ..Config::default()
        };
        config.check().map_err(|error| error.to_string())
    };
    for origin in [
        "https://game.example.com",
        "http://localhost:8080",
        "http://[::1]:8080",
        "capacitor://localhost",
    ] {
        assert_eq!(check(origin), Ok(()));
    }
    for origin in [
        "",
        "*",
        "null",
        "game.example.com",
        "https://",
        "https://game.example.com/",
        "https://game.example.com/page",
        "https://*.example.com",
    ] {
        let error = check(origin).unwrap_err();
        assert!(error.contains("allowed_origins"), "{origin}");
    }
}

#[test]
fn timeout_that_is_not_longer_than_the_ping_interval_is_rejected() {
    let config = Config {
        silence_timeout: Duration::from_secs(15),
        ..Config::default()
    };
    let error = config.check().unwrap_err().to_string();
    assert!(error.contains("silence_timeout"), "{error}");
}
