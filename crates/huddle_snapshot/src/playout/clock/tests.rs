use super::{
    super::simulation::{Frame, Simulation, TRANSIT},
    *,
};

fn last(frames: &[Frame]) -> Frame {
    *frames.last().unwrap()
}

#[test]
fn delay_is_the_send_interval_without_jitter() {
    for (interval, expected) in [(1, 0.017), (2, 0.033), (3, 0.05), (4, 0.067), (6, 0.1)] {
        let simulation = Simulation {
            interval: &|_| interval,
            display: 240.0,
            ..Simulation::default()
        };
        let delay = last(&simulation.run(8.0)).delay;
        // Frames detect arrivals late: up to 4 ms.
        assert!((delay - expected).abs() < 0.006, "{delay} at {interval}");
    }
}

#[test]
fn delay_includes_jitter_up_to_its_maximum() {
    for (jitter, range) in [(0.03, 0.07..0.09), (0.1, 0.13..0.16), (1.0, 0.24..0.26)] {
        let simulation = Simulation {
            jitter,
            display: 240.0,
            ..Simulation::default()
        };
        let delay = last(&simulation.run(12.0)).delay;
        assert!(range.contains(&delay), "{delay} at a jitter of {jitter}");
    }
}

#[test]
fn speed_deviates_by_at_most_5_percent() {
    let simulation = Simulation {
        interval: &|tick| [1, 6, 2, 4, 3][tick as usize / 180 % 5],
        jitter: 0.05,
        loss: 0.1,
        ..Simulation::default()
    };
    for pair in simulation.run(15.0).windows(2) {
        let speed = pair[1].position - pair[0].position;
        assert!((0.9499..=1.0501).contains(&speed), "{speed}");
    }
}

#[test]
fn silence_leaves_the_delay_as_it_was() {
    let simulation = Simulation {
        value: &|tick| {
            if (300.0..600.0).contains(&tick) {
                0.0
            } else {
                tick as f32
            }
        },
        sends_empty: false,
        ..Simulation::default()
    };
    for frame in simulation.run(12.0) {
        let delay = frame.at - TRANSIT - frame.position / 60.0;
        if frame.at > 3.0 {
            assert!((0.045..0.075).contains(&delay), "{delay} at {}", frame.at);
        }
    }
}

/// Runs a clock in 60 frames per second, in each of which a snapshot arrives. Returns the last
/// position.
fn run(clock: &mut PlayoutClock, seconds: std::ops::Range<u32>, first_tick: u32) -> f64 {
    for (tick, frame) in (first_tick..).zip(seconds.start * 60..seconds.end * 60) {
        let now = Duration::from_secs_f64(f64::from(frame) / 60.0);
        let before = clock.playhead().position();
        clock.record_arrival(tick, now);
        clock.advance(now);
        assert!(clock.playhead().position() >= before);
    }
    clock.playhead().position()
}

#[test]
fn owner_whose_clock_jumps_or_hangs_is_followed_forward_only() {
    let mut clock = PlayoutClock::new(60.0, 0, Duration::ZERO);
    let position = run(&mut clock, 0..5, 0);
    assert!((297.0..299.0).contains(&position), "{position}");
    // The owner hangs for five seconds. The clock runs on, and then waits for it.
    let position = run(&mut clock, 10..20, 300);
    assert!((894.0..899.0).contains(&position), "{position}");
    // The owner's clock jumps ahead. After two seconds, no older transit time counts.
    let position = run(&mut clock, 20..30, 2000);
    assert!((2594.0..2599.0).contains(&position), "{position}");
    // Times before the last frame are ignored.
    clock.advance(Duration::ZERO);
    assert_eq!(clock.playhead().position(), position);
}
