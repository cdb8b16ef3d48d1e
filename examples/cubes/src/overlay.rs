//! Shows the bandwidth of each link, the changes that wait, and the owners of the cubes.

use std::{collections::HashMap, fmt::Write};

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::Persona;

use crate::body::Cube;

/// What is shown.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Overlay {
    #[default]
    Off,
    /// How much each link carries.
    Bandwidth,
    /// What waits for each peer. The colors of the cubes show their importance.
    Priority,
    /// How many cubes each player owns.
    Ownership,
}

const KEYS: [(KeyCode, Overlay); 3] = [
    (KeyCode::KeyB, Overlay::Bandwidth),
    (KeyCode::KeyP, Overlay::Priority),
    (KeyCode::KeyO, Overlay::Ownership),
];

/// How often the numbers change, in seconds.
const INTERVAL: f32 = 0.5;

#[derive(Component)]
struct Lines;

type Names<'a> = HashMap<PeerId, &'a str>;

/// The bytes that a link has sent and received until the last measurement, and their rates in kbit/s.
struct Rate {
    total: [u64; 2],
    kbits: [f32; 2],
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Overlay>()
        .add_systems(Startup, spawn)
        .add_systems(Update, (choose, show).chain());
}

fn spawn(mut commands: Commands) {
    commands.spawn((
        Lines,
        Text::default(),
        TextFont::from_font_size(13.0),
        TextColor(Color::srgb(0.86, 0.88, 1.0)),
        Node {
            position_type: PositionType::Absolute,
            right: px(40),
            top: px(36),
            ..default()
        },
    ));
}

fn choose(keys: Res<ButtonInput<KeyCode>>, mut overlay: ResMut<Overlay>) {
    for (key, chosen) in KEYS {
        if keys.just_pressed(key) {
            *overlay = match *overlay == chosen {
                true => Overlay::Off,
                false => chosen,
            };
        }
    }
}

fn show(
    overlay: Res<Overlay>,
    time: Res<Time<Real>>,
    peers: Query<(&Peer, &LinkStats)>,
    personas: Query<(&Peer, &Persona)>,
    cubes: Query<Option<&Owner>, With<Cube>>,
    mut lines: Single<&mut Text, With<Lines>>,
    mut rates: Local<HashMap<PeerId, Rate>>,
    mut since: Local<f32>,
) {
    *since += time.delta_secs();
    let is_due = *since >= INTERVAL;
    if !is_due && !overlay.is_changed() {
        return;
    }
    rates.retain(|id, _| peers.iter().any(|(peer, _)| peer.id == *id));
    for (peer, link) in &peers {
        let total = [link.replication.bytes_sent, link.network.bytes_received];
        let kbits = [0.0; 2];
        let rate = rates.entry(peer.id).or_insert(Rate { total, kbits });
        if is_due {
            let bits = [0, 1].map(|at| total[at].saturating_sub(rate.total[at]) as f32 * 8.0);
            rate.kbits = bits.map(|bits| bits / *since / 1000.0);
            rate.total = total;
        }
    }
    if is_due {
        *since = 0.0;
    }
    let names: HashMap<_, _> = personas
        .iter()
        .map(|(peer, persona)| (peer.id, persona.name.as_str()))
        .collect();
    let mut text = String::new();
    // Writing to a string cannot fail.
    _ = match *overlay {
        Overlay::Off => Ok(()),
        Overlay::Bandwidth => bandwidth(&mut text, &names, peers, &rates),
        Overlay::Priority => priority(&mut text, &names, peers),
        Overlay::Ownership => ownership(&mut text, &names, cubes),
    };
    if lines.0 != text {
        lines.0 = text;
    }
}

fn bandwidth(
    text: &mut String,
    names: &Names,
    peers: Query<(&Peer, &LinkStats)>,
    rates: &HashMap<PeerId, Rate>,
) -> std::fmt::Result {
    writeln!(text, "kbit/s sent of the budget, and received in total")?;
    for (peer, link) in &peers {
        let [sent, received] = rates.get(&peer.id).map_or([0.0; 2], |rate| rate.kbits);
        let budget = link.replication.budget * 8.0 / 1000.0;
        let name = name(names, peer.id);
        writeln!(text, "{name}: {sent:.0} of {budget:.0}, {received:.0}")?;
    }
    Ok(())
}

fn priority(
    text: &mut String,
    names: &Names,
    peers: Query<(&Peer, &LinkStats)>,
) -> std::fmt::Result {
    writeln!(text, "bodies that wait, and for how long; red: important")?;
    for (peer, link) in &peers {
        let waiting = link.replication.backlog;
        let oldest = link.replication.staleness.as_millis();
        writeln!(text, "{}: {waiting}, {oldest} ms", name(names, peer.id))?;
    }
    Ok(())
}

fn ownership(
    text: &mut String,
    names: &Names,
    cubes: Query<Option<&Owner>, With<Cube>>,
) -> std::fmt::Result {
    let mut counts = HashMap::<Option<PeerId>, usize>::new();
    for owner in &cubes {
        *counts.entry(owner.map(|owner| owner.0)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort();
    writeln!(text, "cubes of each player")?;
    for (owner, count) in counts {
        let owner = owner.map_or("nobody", |owner| name(names, owner));
        writeln!(text, "{owner}: {count}")?;
    }
    Ok(())
}

fn name<'a>(names: &Names<'a>, player: PeerId) -> &'a str {
    names.get(&player).copied().unwrap_or("a player")
}
