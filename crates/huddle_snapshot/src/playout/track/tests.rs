mod handover;

use proptest::prelude::*;

use super::{
    super::{
        PlayoutClock,
        motion::Linear,
        simulation::{Frame, Simulation, TRANSIT, speeds},
    },
    *,
};

const INTERVALS: [u32; 5] = [1, 2, 3, 4, 6];

const DISPLAYS: [f64; 6] = [20.0, 30.0, 60.0, 75.0, 144.0, 240.0];

/// A value that changes after intervals of 1, 2, 5, 8 and 20 ticks.
fn rare(tick: u32) -> f32 {
    match tick % 36 {
        0 => 200.0,
        1..3 => -200.0,
        3..8 => 100.0,
        8..16 => -50.0,
        _ => 0.0,
    }
}

/// Asserts that shown == raw from `rest` on, the arrival of the last change in seconds.
fn assert_rests(frames: &[Frame], rest: f64, what: &str) {
    let late = frames.iter().filter(|frame| frame.at > rest + 0.3);
    for frame in late {
        assert_eq!(frame.shown, frame.raw, "{what} at {}", frame.at);
    }
}

#[test]
fn uniform_movement_is_smooth_at_all_rates() {
    for interval in INTERVALS {
        for display in DISPLAYS {
            for jitter in [0.0, 0.01, 0.03] {
                let simulation = Simulation {
                    interval: &|_| interval,
                    jitter,
                    display,
                    ..Simulation::default()
                };
                let (min, max) = speeds(&simulation.run(10.0), 3.0..10.0);
                assert!(
                    0.85 < min && max < 1.15,
                    "{min} to {max} with {interval} ticks, {display} Hz, jitter {jitter}"
                );
            }
        }
    }
}

#[test]
fn shown_value_follows_a_curve() {
    for (interval, most) in [(1, 0.02), (2, 0.07), (3, 0.15), (6, 0.6)] {
        let value = |tick: f64| (tick / 60.0 * std::f64::consts::TAU).sin() as f32;
        let simulation = Simulation {
            value: &value,
            interval: &|_| interval,
            jitter: 0.01,
            display: 144.0,
            ..Simulation::default()
        };
        for frame in simulation.run(10.0).iter().filter(|frame| frame.at > 3.0) {
            let error = (frame.shown - value(frame.position)).abs();
            assert!(error < most, "{error} with {interval} ticks");
        }
    }
}

#[test]
fn movement_continues_through_losses() {
    let simulation = Simulation {
        jitter: 0.02,
        loss: 0.1,
        ..Simulation::default()
    };
    let frames = simulation.run(60.0);
    // Two snapshots in a row can be lost.
    let (min, max) = speeds(&frames, 3.0..60.0);
    assert!(-0.5 < min && max < 1.7, "{min} to {max}");
    let uneven = frames[180..].windows(2).filter(|pair| {
        let step = pair[1].shown - pair[0].shown;
        !(0.7..1.3).contains(&step)
    });
    assert!(uneven.count() < frames.len() / 50);
}

#[test]
fn change_of_the_send_rate_neither_freezes_nor_jumps() {
    let simulation = Simulation {
        interval: &|tick| INTERVALS[(tick as usize / 300) * 2 % 5],
        jitter: 0.01,
        display: 144.0,
        ..Simulation::default()
    };
    let (min, max) = speeds(&simulation.run(50.0), 3.0..50.0);
    assert!(0.3 < min && max < 1.7, "{min} to {max}");
}

#[test]
fn value_at_rest_is_exact_after_300_ms() {
    for interval in INTERVALS {
        for sends_empty in [true, false] {
            for jitter in [0.0, 0.03, 0.3] {
                let simulation = Simulation {
                    value: &|tick| tick.min(333.3) as f32 * 0.1,
                    interval: &|_| interval,
                    sends_empty,
                    jitter,
                    ..Simulation::default()
                };
                let sent = 334_u32.div_ceil(interval) * interval;
                let arrival = f64::from(sent) / 60.0 + TRANSIT + jitter;
                let what = format!("{interval} ticks, empty: {sends_empty}, jitter {jitter}");
                assert_rests(&simulation.run(8.0), arrival, &what);
            }
        }
    }
}

#[test]
fn stop_does_not_overshoot_if_a_newer_snapshot_does_not_contain_the_value() {
    for interval in INTERVALS {
        let simulation = Simulation {
            value: &|tick| tick.min(333.3) as f32,
            interval: &|_| interval,
            display: 240.0,
            ..Simulation::default()
        };
        let frames = simulation.run(8.0);
        let most = frames.iter().map(|frame| frame.shown).fold(0.0, f32::max);
        assert!(most < 333.6, "{most} with {interval} ticks");
    }
}

#[test]
fn stop_of_a_silent_owner_overshoots_little() {
    let simulation = Simulation {
        value: &|tick| tick.min(333.3) as f32,
        sends_empty: false,
        display: 240.0,
        ..Simulation::default()
    };
    let most = simulation
        .run(8.0)
        .iter()
        .map(|frame| frame.shown)
        .fold(0.0, f32::max);
    assert!(most < 333.3 + 6.0, "{most}");
}

#[test]
fn movement_after_a_rest_takes_one_interval() {
    for interval in INTERVALS {
        for sends_empty in [true, false] {
            // One step after a rest of one second, and another rest.
            let simulation = Simulation {
                value: &|tick| {
                    if tick < 200.0 {
                        tick.min(140.0) as f32
                    } else {
                        150.0
                    }
                },
                interval: &|_| interval,
                sends_empty,
                display: 240.0,
                ..Simulation::default()
            };
            let frames = simulation.run(6.0);
            let moves = |frame: &&Frame| frame.at > 3.0 && (140.1..149.9).contains(&frame.shown);
            let moving: Vec<_> = frames.iter().filter(moves).collect();
            let (first, last) = (moving[0].at, moving[moving.len() - 1].at);
            let expected = f64::from(interval) / 60.0;
            assert!(
                (expected * 0.6..expected * 1.2 + 0.01).contains(&(last - first)),
                "{} instead of {expected}, empty: {sends_empty}",
                last - first
            );
        }
    }
}

#[test]
fn jump_after_a_rest_is_not_extrapolated() {
    for interval in INTERVALS {
        for sends_empty in [true, false] {
            for jitter in [0.0, 0.05] {
                let simulation = Simulation {
                    value: &|tick| [-250.0, 250.0][(tick / 70.0) as usize % 2],
                    interval: &|_| interval,
                    sends_empty,
                    jitter,
                    display: 144.0,
                    ..Simulation::default()
                };
                for frame in simulation.run(10.0) {
                    assert!(
                        (-250.01..=250.01).contains(&frame.shown),
                        "{} with {interval} ticks, empty: {sends_empty}, jitter {jitter}",
                        frame.shown
                    );
                }
            }
        }
    }
}

#[test]
fn local_value_that_changes_rarely_is_shown_between_its_last_two_ticks() {
    let mut track = Track::new(Linear, 0, [0.0]);
    let mut value = 0.0;
    for tick in 1..400 {
        let playhead = |part: f64| {
            let now = Duration::from_secs_f64((f64::from(tick) + part) / 60.0);
            Playhead::local(tick, part as f32, 60.0, now)
        };
        let before = std::mem::replace(&mut value, rare(tick));
        if before != value {
            track.push(tick, [value], &playhead(0.0));
        }
        for part in [0.0, 0.25, 0.75] {
            let expected = before + (value - before) * part as f32;
            let [shown] = track.show(&playhead(part));
            assert!(
                (shown - expected).abs() < 1e-3,
                "{shown} instead of {expected}"
            );
        }
    }
}

#[test]
fn second_value_of_a_tick_is_shown() {
    // The ticks of a room that a match drives can stand still while values change.
    let at = |frame: u32| Duration::from_secs(9) + Duration::from_millis(10) * frame;
    let playhead = |frame| Playhead::local(5, 0.5, 60.0, at(frame));
    let mut track = Track::new(Linear::<1>, 4, [0.0]);
    for frame in 0..4 {
        track.push(5, [frame as f32], &playhead(frame));
        track.show(&playhead(frame));
    }
    for frame in 4..60 {
        track.show(&Playhead::local(7, 0.0, 60.0, at(frame)));
    }
    let last = Playhead::local(7, 0.0, 60.0, at(60));
    assert_eq!(track.show(&last), [3.0]);
    assert!(track.is_at_rest());
}

#[test]
fn value_at_rest_can_be_skipped() {
    // It moves for a second, rests for a second, and so on.
    let value = |tick: f64| {
        let (seconds, part) = ((tick / 60.0).floor(), (tick / 60.0).fract());
        let moved = (seconds / 2.0).floor() + if seconds % 2.0 == 0.0 { part } else { 1.0 };
        (60.0 * moved) as f32
    };
    for (interval, sends_empty, jitter) in [(1, true, 0.0), (3, true, 0.02), (3, false, 0.02)] {
        let [skipped, complete] = [true, false].map(|skips_rest| {
            let simulation = Simulation {
                value: &value,
                interval: &|_| interval,
                sends_empty,
                jitter,
                skips_rest,
                display: 75.0,
                ..Simulation::default()
            };
            simulation.run(10.0)
        });
        assert_eq!(skipped.len(), complete.len());
        for (a, b) in skipped.iter().zip(&complete) {
            let difference = (a.shown - b.shown).abs();
            // The additional delay changes only while the value moves.
            assert!(difference < 1.5, "{difference} at {}", a.at);
        }
        for frame in skipped.iter().filter(|frame| frame.at > 1.0) {
            // It has not noticed the next movement before, and the last one after.
            match frame.at % 2.0 {
                0.4..1.0 => assert!(!frame.is_at_rest, "at {}", frame.at),
                1.4..2.0 => assert!(frame.is_at_rest, "at {}", frame.at),
                _ => {}
            }
        }
    }
}

#[test]
fn steps_after_rests_are_continuous() {
    for interval in INTERVALS {
        let simulation = Simulation {
            value: &|tick| (tick / 50.0).floor() as f32,
            interval: &|_| interval,
            sends_empty: false,
            jitter: 0.05,
            display: 240.0,
            ..Simulation::default()
        };
        let (min, max) = speeds(&simulation.run(20.0), 3.0..20.0);
        // A step of 1 takes at least one tick.
        assert!(
            min > -0.3 && max < 1.1,
            "{min} to {max} with {interval} ticks"
        );
    }
}

/// A remote value that moves by one per tick, with the clock of its owner.
struct Remote {
    clock: PlayoutClock,
    interval: u32,
    transit: f64,
    is_lost: bool,
}

impl Remote {
    fn new(interval: u32, transit: f64) -> Self {
        Self {
            clock: PlayoutClock::new(60.0, 0, Duration::from_secs_f64(transit)),
            interval,
            transit,
            is_lost: false,
        }
    }

    /// Handles the packets that arrive in a frame of a 60 Hz display. Returns the arrived tick.
    fn frame(&mut self, frame: u32) -> Option<u32> {
        let now = Duration::from_secs_f64(f64::from(frame) / 60.0);
        let tick = frame.checked_sub((self.transit * 60.0).ceil() as u32)?;
        let arrived = (tick % self.interval == 0 && !self.is_lost).then_some(tick);
        if let Some(tick) = arrived {
            self.clock.record_arrival(tick, now);
        }
        self.clock.advance(now);
        arrived
    }
}

#[test]
fn rate_limited_value_is_shown_with_a_longer_delay_but_smoothly() {
    // The value moves up and down between 0 and 30.
    let value = |tick: u32| 30.0 - (f64::from(tick % 60) as f32 - 30.0).abs();
    let mut remote = Remote::new(1, 0.03);
    let mut track = Track::new(Linear, 0, [value(0)]);
    let mut shown = Vec::new();
    for frame in 1..900 {
        let arrived = remote.frame(frame);
        let playhead = remote.clock.playhead();
        // 10 of 60 snapshots per second contain the value.
        if let Some(tick) = arrived.filter(|tick| tick % 6 == 0) {
            track.push(tick, [value(tick)], &playhead);
        }
        shown.push(track.show(&playhead)[0]);
    }
    for pair in shown[300..].windows(2) {
        let step = (pair[1] - pair[0]).abs();
        let turns = pair.iter().any(|shown| !(1.0..=29.0).contains(shown));
        assert!((0.9..1.1).contains(&step) || turns, "{step}");
        assert!((0.0..=30.0).contains(&pair[0]), "{pair:?}");
    }
}

#[test]
fn value_that_turns_out_to_rest_while_it_is_extrapolated_does_not_jump() {
    let mut remote = Remote::new(1, 0.03);
    let mut track = Track::new(Linear, 0, [0.0]);
    let mut last = 0.0;
    for frame in 1..400 {
        // The snapshots of ticks 301 to 307 are lost, and later ones do not contain the value.
        remote.is_lost = (303..310).contains(&frame);
        let arrived = remote.frame(frame);
        let playhead = remote.clock.playhead();
        if let Some(tick) = arrived.filter(|tick| *tick <= 300) {
            track.push(tick, [tick as f32], &playhead);
        }
        let [shown] = track.show(&playhead);
        assert!(
            (-0.7..1.5).contains(&(shown - last)),
            "{shown} after {last}"
        );
        last = shown;
    }
    assert_eq!(last, 300.0);
}

#[test]
fn impossible_ticks_do_not_panic() {
    let mut clock = PlayoutClock::new(f64::NAN, u32::MAX, Duration::MAX);
    let mut track = Track::new(Linear, u32::MAX, [0.0]);
    for (tick, now) in [(0, 0), (u32::MAX, 1), (u32::MAX - 1, 2), (5, u64::MAX)] {
        let now = Duration::from_secs(now);
        clock.record_arrival(tick, now);
        clock.advance(now);
        track.push(tick, [f32::NAN], &clock.playhead());
        track.show(&clock.playhead());
        track.show(&Playhead::local(tick, f32::NAN, f64::INFINITY, now));
    }
}

proptest! {
    // Each case simulates eight seconds.
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_movement_is_shown_in_bounds_and_ends_exactly(
        seed: u64,
        interval in prop::sample::select(&INTERVALS[..]),
        display in prop::sample::select(&DISPLAYS[..]),
        jitter in 0.0..0.1,
        loss in 0.0..0.3,
        sends_empty: bool,
        pieces in prop::collection::vec((0u32..30, -10i8..10), 40),
    ) {
        // The value moves towards a new target in each piece, or rests.
        let mut values = vec![0.0f32];
        for (ticks, target) in pieces {
            let last = values[values.len() - 1];
            let step = (f32::from(target) - last) / ticks.max(1) as f32;
            values.extend((1..=ticks).map(|n| last + step * n as f32));
        }
        values.truncate(360);
        let value = |tick: f64| values[(tick as usize).min(values.len() - 1)];
        let simulation = Simulation {
            value: &value,
            interval: &|_| interval,
            sends_empty,
            jitter,
            loss,
            display,
            skips_rest: seed % 2 == 0,
            seed,
        };
        let frames = simulation.run(8.0);
        for frame in &frames {
            prop_assert!(frame.shown.abs() < 60.0, "{frame:?}");
        }
        let rest = values.len() as f64 / 60.0 + TRANSIT + 3.0 * f64::from(interval) / 60.0 + jitter;
        assert_rests(&frames, rest, "random movement");
    }
}
