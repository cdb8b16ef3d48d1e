//! Games by rollback in which one player is hostile. What it does is drawn from a seed; the fuzz
//! target `rollback_session` looks for worse.

pub mod hostile;

use fastrand::Rng;
use hostile::Ending;

/// The bytes of the game of a seed.
fn game(seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    let mut bytes = vec![0; rng.usize(50..1500)];
    rng.fill(&mut bytes);
    bytes
}

/// Plays the games of so many seeds as `HUDDLE_SEEDS` says, or the one that `HUDDLE_SEED` names.
#[test]
fn honest_players_go_on_whatever_a_hostile_one_does() {
    let from_env = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    if let Some(seed) = from_env("HUDDLE_SEED") {
        println!("{:?}", hostile::play(&game(seed)));
        return;
    }
    let count = from_env("HUDDLE_SEEDS").unwrap_or(1000);
    let mut failed = Vec::new();
    let (mut together, mut parted) = (0, 0);
    for seed in 0..count {
        let bytes = game(seed);
        match std::panic::catch_unwind(|| hostile::play(&bytes)) {
            Ok(Ending::NeverBegan) => {}
            Ok(Ending::Together) => together += 1,
            Ok(Ending::Parted) => parted += 1,
            Err(_) => failed.push(seed),
        }
    }
    assert!(
        failed.is_empty(),
        "failed with HUDDLE_SEED= one of {failed:?}"
    );
    println!("{together} of {count} games went on together, and {parted} in parts");
    // Most begin, and only by an accident of times does one liar bring others apart.
    assert!(2 * together > count && 50 * parted <= count);
}
