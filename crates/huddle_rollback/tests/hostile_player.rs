//! Rollback matches with a hostile player, whose actions depend on a seed. The fuzz target
//! `rollback_session` searches for worse actions.

pub mod hostile;

use fastrand::Rng;
use hostile::Ending;

/// Returns the bytes that determine the match of a seed.
fn match_bytes(seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    let mut bytes = vec![0; rng.usize(50..1500)];
    rng.fill(&mut bytes);
    bytes
}

/// Plays the match with the seed `HUDDLE_SEED`, or else `HUDDLE_SEEDS` matches.
#[test]
fn honest_players_continue_despite_a_hostile_player() {
    let from_env = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    if let Some(seed) = from_env("HUDDLE_SEED") {
        println!("{:?}", hostile::play(&match_bytes(seed)));
        return;
    }
    let count = from_env("HUDDLE_SEEDS").unwrap_or(1000);
    let mut failed = Vec::new();
    let (mut together, mut split) = (0, 0);
    for seed in 0..count {
        let bytes = match_bytes(seed);
        match std::panic::catch_unwind(|| hostile::play(&bytes)) {
            Ok(Ending::NeverStarted) => {}
            Ok(Ending::Together) => together += 1,
            Ok(Ending::Split) => split += 1,
            Err(_) => failed.push(seed),
        }
    }
    assert!(
        failed.is_empty(),
        "failed with each HUDDLE_SEED of {failed:?}"
    );
    println!("{together} of {count} matches stayed together, and {split} split");
    // Most matches start. A single hostile player rarely splits the others.
    assert!(2 * together > count && 50 * split <= count);
}
