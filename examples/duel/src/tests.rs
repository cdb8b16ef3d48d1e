//! Whole matches in a virtual network.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use bevy::prelude::*;
use bevy_huddle::{
    Tick,
    prelude::*,
    rollback::*,
    testing::{Conditions, Lab, Player},
};
use example_kit::{Display, Options};

use crate::{
    game,
    lobby::{BotsWaitFor, Entrant, LocalEntrant},
    pad::Pad,
    simulation::{self, Cue, Fighter, Phase, Score},
};

fn options(bot: Option<u64>) -> Options {
    Options {
        example: "duel",
        room_url: String::new(),
        ice_servers: Vec::new(),
        relay_only: false,
        secret: None,
        identity: None,
        conditioner: None,
        link: String::new(),
        bot,
        rest_after: None,
        display: Display::Headless,
        errors: Vec::new(),
    }
}

/// Starts bots that play over a bad network.
fn bots(lab: &mut Lab, count: u64) -> Vec<Player> {
    lab.network(Conditions {
        latency: Duration::from_millis(40),
        jitter: Duration::from_millis(20),
        loss: 0.05,
        ..default()
    });
    lab.record::<MatchStarted>();
    lab.record::<MatchDesynced>();
    lab.record::<EffectStarted<Cue>>();
    lab.record::<EffectCancelled<Cue>>();
    lab.record::<EffectConfirmed<Cue>>();
    let bot = |seed| {
        lab.player(move |app| {
            app.insert_resource(options(Some(seed))).add_plugins(game);
        })
    };
    let players: Vec<_> = (1..=count).map(bot).collect();
    lab.run_until(|lab| {
        players
            .iter()
            .all(|&player| status(lab, player).is_running())
    });
    players
}

fn status(lab: &Lab, player: Player) -> &MatchStatus {
    lab[player].world().resource::<MatchStatus>()
}

fn phase(lab: &Lab, player: Player) -> Phase {
    *lab[player].world().resource::<State<Phase>>().get()
}

#[test]
fn bots_play_match_after_match_over_a_bad_network() {
    let mut lab = Lab::new(11);
    let players = bots(&mut lab, 3);
    let mut starts = BTreeMap::<usize, usize>::new();
    for _ in 0..60 {
        lab.run_for(Duration::from_secs(5));
        for (index, &player) in players.iter().enumerate() {
            *starts.entry(index).or_default() += lab.take_events::<MatchStarted>(player).len();
            assert_eq!(lab.take_events::<MatchDesynced>(player).len(), 0);
        }
        if starts.values().all(|&starts| starts >= 3) {
            return;
        }
    }
    panic!("too few matches in five minutes: {starts:?}");
}

#[test]
fn match_starts_with_players_that_have_just_joined() {
    for seed in 0..8 {
        let mut lab = Lab::new(seed);
        let slow = Conditions {
            latency: Duration::from_millis(150),
            jitter: Duration::from_millis(100),
            ..default()
        };
        let players = [1, 2, 3].map(|bot| {
            lab.player(move |app| {
                app.insert_resource(options(Some(bot)))
                    .insert_resource(BotsWaitFor(3))
                    .add_plugins(game);
            })
        });
        lab.network(slow);
        lab.run_until(|lab| status(lab, players[0]).is_running());
        assert_eq!(status(&lab, players[0]).seats.len(), 3, "seed {seed}");
    }
}

#[test]
fn cues_happen_once_on_every_screen() {
    let mut lab = Lab::new(12);
    let players = bots(&mut lab, 2);
    lab.run_for(Duration::from_secs(30));
    let mut confirmed = Vec::new();
    for player in players {
        let started = lab.take_events::<EffectStarted<Cue>>(player);
        let cancelled = lab.take_events::<EffectCancelled<Cue>>(player);
        let of_player = lab.take_events::<EffectConfirmed<Cue>>(player);
        let stats = status(&lab, player).stats;
        assert!(stats.rollbacks > 20, "nothing was mispredicted: {stats:?}");
        let last = of_player.last().unwrap().tick;
        let mut counts = BTreeMap::<String, [usize; 3]>::new();
        let mut count = |cue: Cue, tick: Tick, column: usize| {
            // Later ones are not confirmed yet.
            if tick.0 <= last.0 {
                counts.entry(format!("{cue:?}")).or_default()[column] += 1;
            }
        };
        started
            .iter()
            .for_each(|cue| count(cue.effect, cue.tick, 0));
        cancelled
            .iter()
            .for_each(|cue| count(cue.effect, cue.tick, 1));
        of_player
            .iter()
            .for_each(|cue| count(cue.effect, cue.tick, 2));
        for (cue, [started, cancelled, confirmed]) in counts {
            assert!(
                started - cancelled <= confirmed + 1,
                "{cue}: {started} {cancelled} {confirmed}"
            );
            assert!(
                started - cancelled + 1 >= confirmed,
                "{cue}: {started} {cancelled} {confirmed}"
            );
        }
        let cues = of_player.iter().map(|cue| (cue.tick.0, cue.effect));
        confirmed.push(cues.collect::<Vec<_>>());
    }
    let len = confirmed[0].len().min(confirmed[1].len());
    assert!(len > 20, "{len} cues");
    assert_eq!(confirmed[0][..len], confirmed[1][..len]);
}

#[test]
fn last_player_wins_when_the_others_leave() {
    let mut lab = Lab::new(13);
    let players = bots(&mut lab, 3);
    lab.run_for(Duration::from_secs(4));
    lab.leave(players[1]);
    lab.run_for(Duration::from_secs(2));
    assert!(status(&lab, players[0]).is_running());
    let round = lab[players[0]].world().resource::<Score>().round;
    lab.run_until(|lab| {
        let is_next = lab[players[0]].world().resource::<Score>().round > round;
        is_next && phase(lab, players[0]) == Phase::Countdown
    });
    let world = lab.app_mut(players[0]).world_mut();
    let fighters = world.query::<&Fighter>().iter(world).count();
    assert!(fighters <= 2, "{fighters} fighters of two players");
    lab.kill(players[2]);
    lab.run_until(|lab| phase(lab, players[0]) == Phase::MatchOver);
    let winner = lab[players[0]].world().resource::<Score>().winner;
    let local = status(&lab, players[0]).local_seats[0];
    assert_eq!(winner, Some(local));
}

#[test]
fn player_can_leave_a_match_and_play_the_next_one() {
    let mut lab = Lab::new(14);
    let players = bots(&mut lab, 3);
    lab.run_for(Duration::from_secs(3));
    lab.commands(players[2], |commands| commands.leave_match());
    lab.run_for(Duration::from_secs(2));
    assert!(!status(&lab, players[2]).is_running());
    assert_eq!(status(&lab, players[0]).seats.len(), 3);
    lab.run_until(|lab| status(lab, players[2]).is_running());
    assert_eq!(status(&lab, players[2]).seats.len(), 3);
}

#[test]
fn two_players_at_one_machine_have_two_seats() {
    let mut lab = Lab::new(15);
    let player = lab.player(|app| {
        app.insert_resource(options(None)).add_plugins(game);
    });
    lab.run_until(|lab| lab.have_met(&[player]));
    let mut entrant = lab
        .app_mut(player)
        .world_mut()
        .resource_mut::<LocalEntrant>();
    entrant.toggle_guest();
    entrant.is_ready = true;
    lab.run_until(|lab| status(lab, player).is_running());
    assert_eq!(status(&lab, player).local_seats, [Seat(0), Seat(1)]);
}

#[test]
fn match_of_players_that_do_not_move_ends_in_a_draw() {
    let mut app = local_app();
    app.add_plugins(RollbackPlugin::new(|_: In<Seat>| Pad::default()))
        .add_plugins((crate::registration, simulation::plugin));
    app.world_mut().commands().start_local_match(2);
    for _ in 0..10 * 50 * 60 {
        app.update();
        if *app.world().resource::<State<Phase>>().get() == Phase::MatchOver {
            assert_eq!(app.world().resource::<Score>().winner, None);
            return;
        }
    }
    panic!("{:?}", app.world().resource::<Score>());
}

/// An app without a window, in which each frame takes as long as a tick.
fn local_app() -> App {
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins,
        bevy::state::app::StatesPlugin,
        HuddlePlugins,
    ))
    .insert_resource(Time::<Fixed>::from_hz(60.0));
    let step = Duration::from_secs_f64(1.0 / 60.0);
    app.insert_resource(bevy::time::TimeUpdateStrategy::ManualDuration(step));
    app
}

#[test]
fn player_can_leave_while_a_peer_changes_its_look() {
    fn leave(changed: Query<(), (Changed<Entrant>, Without<LocalPeer>)>, mut commands: Commands) {
        if !changed.is_empty() {
            commands.leave_rooms();
        }
    }
    let mut lab = Lab::new(16);
    let other = lab.player(|app| {
        app.insert_resource(options(None)).add_plugins(game);
    });
    let player = lab.player(|app| {
        app.insert_resource(options(None))
            .add_plugins(game)
            // The peers are despawned before the command that names them.
            .add_systems(
                Update,
                leave.before_ignore_deferred(crate::lobby::name_peers),
            );
    });
    lab.run_until(|lab| lab.have_met(&[player, other]));
    let mut entrant = lab
        .app_mut(other)
        .world_mut()
        .resource_mut::<LocalEntrant>();
    entrant.toggle_guest();
    lab.run_for(Duration::from_secs(2));
    assert!(!lab.have_met(&[player, other]));
}

/// Plays in every step some ticks again, in another order of the entities.
#[test]
fn simulation_passes_the_sync_test() {
    #[derive(Resource, Default)]
    struct Problems(Vec<String>);

    fn read_pad(seat: In<Seat>, mut count: Local<u32>) -> Pad {
        *count += 1;
        let n = (*count / 40 + u32::from(seat.0.0) * 7).wrapping_mul(2_654_435_761) >> 8;
        let direction = Vec2::new((n % 3) as f32 - 1.0, (n / 3 % 3) as f32 - 1.0);
        Pad::new(direction, n.is_multiple_of(7), n.is_multiple_of(5))
    }

    let mut app = local_app();
    app.add_plugins(RollbackPlugin::new(read_pad).sync_test(7))
        .init_resource::<Problems>()
        .add_plugins((crate::registration, simulation::plugin))
        .add_observer(
            |failed: On<SyncTestFailed>, mut problems: ResMut<Problems>| {
                problems.0.push(failed.to_string());
            },
        )
        .add_observer(
            |problem: On<SimulationProblem>, mut problems: ResMut<Problems>| {
                problems.0.push(problem.to_string());
            },
        );
    app.world_mut().commands().start_local_match(4);
    for _ in 0..1800 {
        app.update();
    }
    let problems = &app.world().resource::<Problems>().0;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let score = app.world().resource::<Score>();
    assert!(
        score.round > 0 || score.winner.is_some(),
        "no round ended: {score:?}"
    );
}

/// The goal of the example: this much netcode for a whole game.
const MAX_LINES: usize = 60;

/// What the game asks the plugin to do, which is between the markers.
const CALLS: [&str; 6] = [
    ".join_room(",
    ".leave_match(",
    ".leave_rooms(",
    ".replicate",
    ".rollback_",
    ".start_match(",
];

#[test]
fn netcode_has_at_most_60_lines() {
    let mut files = Vec::new();
    find(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    let mut lines = 0;
    for file in files {
        let mut is_netcode = false;
        for line in fs::read_to_string(&file).unwrap().lines().map(str::trim) {
            match line {
                "// netcode: begin" => is_netcode = true,
                "// netcode: end" => is_netcode = false,
                _ if is_netcode && !line.is_empty() && !line.starts_with("//") => lines += 1,
                _ if !is_netcode => {
                    let call = CALLS.iter().find(|call| line.contains(**call));
                    assert_eq!(call, None, "{}: {line}", file.display());
                }
                _ => {}
            }
        }
        assert!(!is_netcode, "{} has no end marker", file.display());
    }
    assert!((30..=MAX_LINES).contains(&lines), "{lines} lines");
    println!("{lines} lines of netcode");
}

/// Adds the source files of a folder, without the tests.
fn find(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}
