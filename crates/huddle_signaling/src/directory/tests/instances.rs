//! The lists of several instances.

use std::collections::HashMap;

use super::*;

/// Lists rooms of another instance, as the cluster does.
fn set_other(directory: &mut Directory, id: &str, json: &[u8]) -> Result<(), BadList> {
    let rooms = directory.change_other(id).parse(json)?;
    directory.set_other(id.to_owned(), Arc::new(rooms));
    Ok(())
}

/// Returns the list that an instance with these rooms publishes.
fn published(rooms: &[(&str, &str, usize)]) -> Vec<u8> {
    let mut directory = Directory::new(0);
    for (app, name, players) in rooms {
        directory.set(&key(app, name), Some(&listing(name, *players)));
    }
    let (json, is_complete) = directory.own.to_json(MAX_LIST_BYTES);
    assert!(is_complete);
    json
}

/// Returns the names and numbers of players in the first page.
fn players(directory: &Directory, query: &str) -> Vec<(String, u64)> {
    let page = json(directory.page(&parse(query).unwrap()));
    let rooms = page["rooms"].as_array().unwrap().iter();
    let players = |room: &Value| room["players"].as_u64().unwrap();
    let name = |room: &Value| room["name"].as_str().unwrap().to_owned();
    rooms.map(|room| (name(room), players(room))).collect()
}

fn expect(directory: &Directory, expected: &[(&str, u64)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, players)| ((*name).to_owned(), *players))
        .collect();
    assert_eq!(players(directory, ""), expected);
}

#[test]
fn published_list_is_pinned() {
    let rooms = [("", "b", 2), ("du\"el", "c", 3), ("", "a", 1)];
    let room =
        |name, players| json!({"name": name, "players": players, "capacity": 8, "metadata": ""});
    let json: Value = serde_json::from_slice(&published(&rooms)).unwrap();
    let expected = json!({"": [room("a", 1), room("b", 2)], "du\"el": [room("c", 3)]});
    assert_eq!(json, expected);
    assert_eq!(published(&[]), b"{}");
}

#[test]
fn room_that_moves_is_listed_as_by_its_new_owner() {
    let mut directory = Directory::new(100);
    directory.set(&key("", "own"), Some(&listing("own", 1)));
    set_other(&mut directory, "one", &published(&[("", "room", 3)])).unwrap();
    set_other(&mut directory, "two", &published(&[("", "room", 1)])).unwrap();
    expect(&directory, &[("own", 1), ("room", 1)]);
    // Members leave the previous owner.
    set_other(&mut directory, "one", &published(&[("", "room", 2)])).unwrap();
    expect(&directory, &[("own", 1), ("room", 1)]);
    set_other(&mut directory, "two", &published(&[("", "room", 4)])).unwrap();
    expect(&directory, &[("own", 1), ("room", 4)]);
    // It moves back.
    set_other(&mut directory, "one", &published(&[])).unwrap();
    let two = published(&[("", "own", 7), ("", "room", 1)]);
    set_other(&mut directory, "one", &two).unwrap();
    expect(&directory, &[("own", 7), ("room", 1)]);
    directory.set(&key("", "room"), Some(&listing("room", 9)));
    expect(&directory, &[("own", 7), ("room", 9)]);
    assert_eq!(directory.remove_others(&["two"].into()).len(), 1);
    expect(&directory, &[("own", 1), ("room", 9)]);
}

#[test]
fn bad_list_of_another_instance_is_refused() {
    let room = |name: &str, metadata: &str| {
        format!(r#"{{"name":"{name}","players":1,"capacity":8,"metadata":"{metadata}"}}"#)
    };
    let (long, longer) = ("x".repeat(128), "x".repeat(129));
    let largest = format!(r#"{{"{long}":[{}]}}"#, room(&long, &"x".repeat(256)));
    let mut directory = Directory::new(100);
    set_other(&mut directory, "one", largest.as_bytes()).unwrap();
    for bad in [
        "".to_owned(),
        "null".to_owned(),
        r#"{"":[{}]}"#.to_owned(),
        format!(r#"{{"":[{}"#, room("a", "")),
        format!(r#"{{"{longer}":[{}]}}"#, room("a", "")),
        format!(r#"{{"":[{}]}}"#, room(&longer, "")),
        format!(r#"{{"":[{}]}}"#, room("a", &"x".repeat(257))),
        format!("{{}}{}", " ".repeat(MAX_LIST_BYTES)),
    ] {
        let result = set_other(&mut directory, "one", bad.as_bytes());
        assert!(result.is_err(), "{bad:.300}");
    }
    let mut invalid_utf8 = largest.into_bytes();
    invalid_utf8[5] = 0xff;
    assert!(set_other(&mut directory, "one", &invalid_utf8).is_err());
}

#[test]
fn number_of_rooms_of_another_instance_is_limited() {
    let mut directory = Directory::new(2);
    let json = published(&[("", "a", 1), ("", "b", 1), ("", "c", 1), ("d", "d", 1)]);
    set_other(&mut directory, "one", &json).unwrap();
    expect(&directory, &[("a", 1), ("b", 1)]);
    assert_eq!(players(&directory, "?app=d"), []);
}

#[test]
fn published_list_has_a_maximum_length() {
    let mut directory = Directory::new(100);
    for n in 10..30 {
        let name = n.to_string();
        let app = if n < 20 { "a" } else { "b" };
        directory.set(&key(app, &name), Some(&listing(&name, 1)));
    }
    let (all, is_complete) = directory.own.to_json(usize::MAX);
    assert!(is_complete);
    let mut last = 0;
    for max in 2..all.len() {
        let (json, is_complete) = directory.own.to_json(max);
        assert!(!is_complete && json.len() <= max, "{} {max}", json.len());
        let rooms: HashMap<String, Vec<Value>> = serde_json::from_slice(&json).unwrap();
        let count = rooms.values().map(Vec::len).sum();
        assert!(rooms.values().all(|rooms| !rooms.is_empty()));
        assert!((last..20).contains(&count));
        last = count;
    }
    assert_eq!(last, 19);
    assert!(directory.own.to_json(all.len()) == (all, true));
}

/// A change of the list of an instance. `None` is the own one.
#[derive(Debug, Clone)]
enum Step {
    Own(String, Option<usize>),
    Other(usize, BTreeMap<String, usize>),
    Gone(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let name = "[a-d]{1,2}";
    let list = prop::collection::btree_map(name, 1..9_usize, 0..8);
    prop_oneof![
        2 => (name, prop::option::of(1..9_usize)).prop_map(|(name, n)| Step::Own(name, n)),
        3 => (0..3_usize, list).prop_map(|(id, list)| Step::Other(id, list)),
        1 => (0..3_usize).prop_map(Step::Gone),
    ]
}

/// The entries of all instances: the number of the step with which a room appeared, and its players.
type Model = [BTreeMap<String, (usize, usize)>; 4];

fn apply(model: &mut Model, number: usize, step: &Step) {
    let update = |list: &mut BTreeMap<String, (usize, usize)>, name: &String, players| {
        list.entry(name.clone()).or_insert((number, 0)).1 = players;
    };
    match step {
        Step::Own(name, Some(players)) => update(&mut model[3], name, *players),
        Step::Own(name, None) => {
            model[3].remove(name);
        }
        Step::Other(id, new) => {
            model[*id].retain(|name, _| new.contains_key(name));
            for (name, players) in new {
                update(&mut model[*id], name, *players);
            }
        }
        Step::Gone(id) => model[*id].clear(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn list_contains_each_room_once_as_where_it_appeared_last(
        steps in prop::collection::vec(step(), 1..20),
        limit in 1..7_usize,
    ) {
        let mut directory = Directory::new(1000);
        let mut model = Model::default();
        for (number, step) in steps.iter().enumerate() {
            apply(&mut model, number, step);
            match step {
                Step::Own(name, players) => {
                    let listing = players.map(|players| listing(name, players));
                    directory.set(&key("", name), listing.as_ref());
                }
                Step::Other(id, list) => {
                    let list: Vec<_> = list.iter().map(|(name, n)| ("", &**name, *n)).collect();
                    set_other(&mut directory, &id.to_string(), &published(&list)).unwrap();
                }
                Step::Gone(gone) => {
                    let left: Vec<_> = (0..3).filter(|id| id != gone).collect();
                    let left: Vec<_> = left.iter().map(usize::to_string).collect();
                    directory.remove_others(&left.iter().map(String::as_str).collect());
                }
            }
        }
        let mut expected = BTreeMap::new();
        for (name, (appeared, players)) in model.into_iter().flatten() {
            let newest = expected.entry(name).or_insert((appeared, players));
            *newest = (*newest).max((appeared, players));
        }
        let mut found = Vec::new();
        let mut query = format!("?limit={limit}");
        loop {
            let page = players(&directory, &query);
            let (_, next) = names(&directory, &query);
            prop_assert!(page.len() <= limit);
            found.extend(page);
            let Some(next) = next else { break };
            query = format!("?limit={limit}&after={next}");
        }
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, (_, players))| (name, u64::try_from(players).unwrap()))
            .collect();
        prop_assert_eq!(found, expected);
    }
}
