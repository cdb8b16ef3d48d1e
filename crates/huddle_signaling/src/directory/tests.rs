use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::settings::Metadata;

mod instances;

fn key(app: &str, name: &str) -> RoomKey {
    RoomKey {
        app: app.to_owned(),
        name: name.to_owned(),
        next: None,
    }
}

fn listing(name: &str, players: usize) -> Listing {
    Listing {
        name: name.to_owned(),
        players,
        capacity: 8,
        metadata: Metadata::default(),
    }
}

fn directory(rooms: &[(&str, &str)]) -> Directory {
    let mut directory = Directory::new(1000);
    for (app, name) in rooms {
        directory.set(&key(app, name), Some(&listing(name, 1)));
    }
    directory
}

fn json(page: Page) -> Value {
    let parts = page.into_parts();
    assert!(parts.iter().all(|part| !part.is_empty()));
    serde_json::from_slice(&parts.concat()).unwrap()
}

fn parse(query: &str) -> Result<ListRequest, ListError> {
    ListRequest::parse(&format!("/rooms{query}").parse().unwrap(), &[])
}

/// Returns the names in a page, and the start of the next one.
fn names(directory: &Directory, query: &str) -> (Vec<String>, Option<String>) {
    names_in(&json(directory.page(&parse(query).unwrap())))
}

fn names_in(page: &Value) -> (Vec<String>, Option<String>) {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let rooms = page["rooms"].as_array().unwrap().iter();
    let names = rooms.map(|room| text(&room["name"]).unwrap());
    (names.collect(), text(&page["next"]))
}

#[test]
fn rooms_of_one_game_are_ordered_by_name() {
    let directory = directory(&[("", "b"), ("duel", "c"), ("", "a"), ("", "é"), ("", "")]);
    let expect = |query: &str, expected: &[&str], next: Option<&str>| {
        let (names, found) = names(&directory, query);
        assert_eq!(
            (names.as_slice(), found.as_deref()),
            (&*own(expected), next)
        );
    };
    expect("", &["", "a", "b", "é"], None);
    expect("?app=", &["", "a", "b", "é"], None);
    expect("?app=duel", &["c"], None);
    expect("?app=other", &[], None);
    expect("?limit=1", &[""], Some(""));
    expect("?limit=1&after=", &["a"], Some("a"));
    expect("?limit=2&after=a", &["b", "é"], None);
    // The room may have closed in the meantime.
    expect("?after=aa", &["b", "é"], None);
    expect("?after=%C3%A9", &[], None);
}

fn own(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn page_is_pinned() {
    let mut directory = directory(&[("", "r1"), ("", "r2")]);
    let page = |directory: &Directory| json(directory.page(&parse("?limit=1").unwrap()));
    let room = json!({"name": "r1", "players": 1, "capacity": 8, "metadata": ""});
    assert_eq!(page(&directory), json!({"rooms": [room], "next": "r1"}));
    directory.set(&key("", "r2"), None);
    assert_eq!(page(&directory), json!({"rooms": [room], "next": null}));
    directory.set(&key("", "r1"), None);
    assert_eq!(page(&directory), json!({"rooms": [], "next": null}));
    assert!(directory.own.is_empty());
}

/// The metadata of rooms can contain any character.
#[test]
fn page_is_valid_json_for_any_text() {
    let mut directory = Directory::new(1000);
    let name = "\"\\\u{0}\u{2028}";
    let room = Listing {
        metadata: Metadata::try_from("],\"next\":\"\n".to_owned()).unwrap(),
        ..listing(name, 3)
    };
    directory.set(&key("", name), Some(&room));
    directory.set(&key("", "~"), Some(&listing("~", 1)));
    let page = json(directory.page(&parse("?limit=1").unwrap()));
    assert_eq!(page, json!({"rooms": [room], "next": name}));
}

#[test]
fn bad_list_requests_are_refused_with_the_valid_range() {
    for query in [
        "?limit=0",
        "?limit=101",
        "?limit=",
        "?limit=-1",
        "?limit=%ff",
    ] {
        let error = parse(query).unwrap_err();
        assert_eq!(error.status(), StatusCode::BAD_REQUEST, "{query}");
        assert!(error.to_string().contains("from 1 to 100"), "{error}");
    }
    let long = "x".repeat(129);
    for query in [
        "?app=%ff",
        "?after=%ff",
        &format!("?app={long}"),
        &format!("?after={long}"),
    ] {
        let error = parse(query).unwrap_err();
        assert_eq!(error, ListError::BadName, "{query}");
        assert!(error.to_string().contains("128 bytes"), "{error}");
    }
    assert_eq!(parse("?limit=100").unwrap().limit, 100);
    assert_eq!(parse("").unwrap().limit, 50);
}

#[test]
fn server_lists_only_games_that_it_accepts() {
    let apps = ["duel".to_owned()];
    let parse = |uri: &str| ListRequest::parse(&uri.parse().unwrap(), &apps);
    assert!(parse("/rooms?app=duel").is_ok());
    assert_eq!(parse("/rooms?app=other"), Err(ListError::UnknownApp));
    assert_eq!(parse("/rooms"), Err(ListError::AppNeeded));
    for error in [ListError::UnknownApp, ListError::AppNeeded] {
        assert_eq!(error.status(), StatusCode::NOT_FOUND);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_contain_every_room_once(
        names in prop::collection::btree_set("[a-c\u{e9}]{0,3}", 0..40),
        limit in 1..10_usize,
    ) {
        let mut directory = Directory::new(1000);
        for name in &names {
            directory.set(&key("", name), Some(&listing(name, 1)));
            directory.set(&key("other", name), Some(&listing(name, 1)));
        }
        let mut request = ListRequest { app: String::new(), after: None, limit };
        let mut found = Vec::new();
        loop {
            let (page, next) = names_in(&json(directory.page(&request)));
            prop_assert!(page.len() <= limit);
            // A page that is followed by another one is full, so the loop ends.
            prop_assert!(next.is_none() || page.len() == limit);
            found.extend(page);
            match next {
                Some(next) => request.after = Some(next),
                None => break,
            }
        }
        prop_assert!(found.iter().eq(&names));
    }
}
