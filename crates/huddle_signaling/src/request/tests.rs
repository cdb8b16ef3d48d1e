use super::*;

fn parse(uri: &str) -> Result<(String, Option<usize>), Refusal> {
    let key = room_key(&uri.parse().unwrap(), 64)?;
    assert_eq!(key.app, "");
    Ok((key.name, key.next.map(NonZeroUsize::get)))
}

fn parse_app(uri: &str) -> Result<(String, String), Refusal> {
    room_key(&uri.parse().unwrap(), 64).map(|key| (key.app, key.name))
}

#[test]
fn room_is_a_path_of_one_segment() {
    assert_eq!(parse("/"), Ok((String::new(), None)));
    assert_eq!(parse("/hello"), Ok(("hello".into(), None)));
    assert_eq!(parse("/caf%C3%A9%2F1"), Ok(("café/1".into(), None)));
}

#[test]
fn room_of_a_game_is_a_path_of_two_segments() {
    let both = |app: &str, name: &str| Ok((app.to_owned(), name.to_owned()));
    assert_eq!(parse_app("/duel/lobby?next=2"), both("duel", "lobby"));
    assert_eq!(parse_app("/caf%C3%A9%2F1/%2F"), both("café/1", "/"));
    for path in [
        "/a/", "//", "//b", "/a/b/", "/a//b", "/a/b/c", "/../a/b", "/a/b/..",
    ] {
        assert_eq!(parse_app(path), Err(Refusal::NotFound), "{path}");
    }
    // These are names, not folders.
    assert_eq!(parse_app("/../b"), both("..", "b"));
    let longest = "x".repeat(128);
    let path = format!("/{longest}/{longest}");
    assert_eq!(parse_app(&path), both(&longest, &longest));
    for path in [format!("/{longest}x/b"), format!("/a/{longest}x")] {
        assert_eq!(parse_app(&path), Err(Refusal::BadName));
    }
    assert_eq!(parse_app("/%ff/b"), Err(Refusal::BadName));
}

#[test]
fn listed_games_exclude_others() {
    let check = |uri: &str, apps: &[&str]| {
        let apps: Vec<_> = apps.iter().map(|app| (*app).to_owned()).collect();
        check_app(&room_key(&uri.parse().unwrap(), 64).unwrap(), &apps)
    };
    for uri in ["/", "/lobby", "/duel/lobby"] {
        assert_eq!(check(uri, &[]), Ok(()), "{uri}");
    }
    assert_eq!(check("/duel/lobby", &["cubes", "duel"]), Ok(()));
    assert_eq!(check("/other/lobby", &["duel"]), Err(Refusal::UnknownApp));
    assert_eq!(check("/Duel/lobby", &["duel"]), Err(Refusal::UnknownApp));
    assert_eq!(check("/duel", &["duel"]), Err(Refusal::AppNeeded));
}

#[test]
fn pages_of_other_origins_are_refused() {
    let check = |origins: &[&str], allowed: &[&str]| {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        let allowed: Vec<_> = allowed.iter().map(|origin| (*origin).to_owned()).collect();
        check_origin(&headers, &allowed)
    };
    let game = "https://game.example.com";
    assert_eq!(check(&["https://evil.example"], &[]), Ok(()));
    assert_eq!(check(&[], &[game]), Ok(()));
    assert_eq!(check(&[game], &["https://other.example", game]), Ok(()));
    assert_eq!(check(&["HTTPS://Game.example.com"], &[game]), Ok(()));
    for origins in [
        &["https://evil.example"] as &[&str],
        &["null"],
        &[""],
        &["http://game.example.com"],
        &["https://game.example.com:8443"],
        &["https://game.example.com.evil.example"],
        &[game, "https://evil.example"],
    ] {
        assert_eq!(
            check(origins, &[game]),
            Err(Refusal::WrongOrigin),
            "{origins:?}"
        );
    }
}

#[test]
fn room_name_is_short_utf8() {
    let longest = "x".repeat(128);
    assert_eq!(parse(&format!("/{longest}")), Ok((longest.clone(), None)));
    assert_eq!(parse(&format!("/{longest}x")), Err(Refusal::BadName));
    assert_eq!(parse("/%ff"), Err(Refusal::BadName));
}

#[test]
fn next_is_a_group_size() {
    assert_eq!(parse("/r?next=2"), Ok(("r".into(), Some(2))));
    assert_eq!(parse("/r?a=b&next=64&huddle=1"), Ok(("r".into(), Some(64))));
    assert_eq!(parse("/r?next=2&next=3"), Ok(("r".into(), Some(3))));
    for bad in ["0", "65", "two", "", "-1", "1.5", "99999999999999999999999"] {
        let parsed = parse(&format!("/r?next={bad}"));
        assert_eq!(parsed, Err(Refusal::BadNext { max: 64 }), "next={bad}");
    }
}

#[test]
fn extensions_need_the_exact_parameter() {
    let wants = |uri: &str| wants_extensions(&uri.parse().unwrap());
    assert!(wants("/r?huddle=1"));
    assert!(wants("/a/b?next=0&huddle=1"));
    assert!(!wants("/r"));
    assert!(!wants("/r?huddle=0"));
    assert!(!wants("/huddle=1"));
}

#[test]
fn group_parameter_is_an_id() {
    let group = |uri: &str| join_request(&uri.parse().unwrap(), 64).unwrap().group;
    let id = Uuid::from_u128(7);
    let back = format!("/r?next=2&huddle=1&group={}", id.simple());
    assert_eq!(group(&back), Some(id));
    for none in ["/r?next=2&huddle=1", "/r?group=", "/r?group=seven"] {
        assert_eq!(group(none), None, "{none}");
    }
}

#[test]
fn settings_of_a_new_room_are_parameters() {
    let settings = |query: &str| {
        let uri = format!("/r?huddle=1{query}").parse().unwrap();
        join_request(&uri, 64).map(|request| request.settings)
    };
    assert_eq!(settings(""), Ok(SettingsChange::default()));
    let all = settings("&listed=1&capacity=64&metadata=a+%22b%22%26%C3%A9%00&open=0");
    let expected = SettingsChange {
        open: None,
        listed: Some(true),
        capacity: NonZeroUsize::new(64),
        metadata: Metadata::try_from("a \"b\"&é\0".to_owned()).ok(),
    };
    assert_eq!(all, Ok(expected));
    let last = settings("&m%65tadata=%ff&metadata=a&metadata&listed=1&listed=0").unwrap();
    assert_eq!(last.metadata, Some(Metadata::default()));
    assert_eq!(last.listed, Some(false));

    for bad in ["", "2", "true", "on"] {
        let refused = settings(&format!("&listed={bad}"));
        assert_eq!(refused, Err(Refusal::BadListed), "{bad}");
    }
    for bad in ["0", "65", "", "-1", "four", "18446744073709551616"] {
        let refused = settings(&format!("&capacity={bad}"));
        assert_eq!(refused, Err(Refusal::BadCapacity { max: 64 }), "{bad}");
    }
    let long = "%C3%A9".repeat(128) + "x";
    for bad in ["%ff", "%C3", "a%C3%28", &long] {
        let refused = settings(&format!("&metadata={bad}"));
        assert_eq!(refused, Err(Refusal::BadMetadata), "{bad}");
    }
    assert!(settings(&format!("&metadata={}", &long[..long.len() - 1])).is_ok());
}

#[test]
fn every_refusal_fits_into_a_close_frame() {
    let max = usize::MAX;
    for refusal in [
        Refusal::NotFound,
        Refusal::AppNeeded,
        Refusal::UnknownApp,
        Refusal::BadName,
        Refusal::WrongOrigin,
        Refusal::TooManyClients { max },
        Refusal::TooManyJoins { seconds: u64::MAX },
        Refusal::BadNext { max },
        Refusal::BadListed,
        Refusal::BadCapacity { max },
        Refusal::BadMetadata,
        Refusal::RoomClosed,
        Refusal::StoreUnavailable,
        Refusal::RoomFull { max },
        Refusal::ServerFull,
        Refusal::TokenMissing,
        Refusal::TokenExpired,
        Refusal::TokenEarly,
        Refusal::TokenInvalid,
        Refusal::TokenForOtherRoom,
        Refusal::TokenInUse,
    ] {
        assert!(refusal.to_string().len() <= 123, "{refusal}");
        assert!(matches!(
            refusal.close_code(),
            close_code::SERVICE_RESTART | 4000..5000
        ));
    }
}
