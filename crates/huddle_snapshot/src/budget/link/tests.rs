use super::*;

const TICK: Duration = Duration::from_nanos(16_666_667);

fn options(max_bytes_per_second: u32) -> BudgetOptions {
    BudgetOptions {
        max_bytes_per_second,
        ..BudgetOptions::default()
    }
}

/// A link whose bottleneck forwards a number of bytes per second and queues the rest.
struct Bottleneck {
    bytes_per_second: f64,
    queued: f64,
    max_delay: f64,
}

/// Runs a link that always has data to send. Returns the bytes sent.
fn run(budget: &mut LinkBudget, link: &mut Bottleneck, ticks: std::ops::Range<u32>) -> f64 {
    let mut sent = 0.0;
    for tick in ticks {
        let now = TICK * tick;
        if let Some(payload) = budget.start_tick(tick, now, true) {
            budget.record_packet(payload);
            link.queued += (payload + PACKET_OVERHEAD) as f64;
            sent += (payload + PACKET_OVERHEAD) as f64;
        }
        let forwarded = link.bytes_per_second * TICK.as_secs_f64();
        link.queued = (link.queued - forwarded).max(0.0);
        let delay = link.queued / link.bytes_per_second;
        link.max_delay = link.max_delay.max(delay);
        if tick % 6 == 0 {
            budget.observe_round_trip(Duration::from_secs_f64(0.04 + delay), now);
        }
    }
    sent
}

fn bottleneck(bytes_per_second: f64) -> Bottleneck {
    Bottleneck {
        bytes_per_second,
        queued: 0.0,
        max_delay: 0.0,
    }
}

#[test]
fn busy_link_sends_its_budget_including_the_overhead() {
    for bytes_per_second in [200, 2_000, 3_000, 5_000, 16_000, 60_000] {
        let mut budget = LinkBudget::new(options(bytes_per_second), 60.0, 0);
        let sent = run(&mut budget, &mut bottleneck(1e9), 0..600) / 10.0;
        let expected = f64::from(bytes_per_second);
        assert!(
            (sent / expected - 1.0).abs() < 0.05,
            "{sent} instead of {expected}"
        );
    }
}

#[test]
fn low_budget_lowers_the_send_rate() {
    let rate = |bytes| LinkBudget::new(options(bytes), 60.0, 0).rate();
    let rates = [16_000, 7_000, 4_000, 3_000, 2_500, 100].map(rate);
    assert_eq!(rates.map(SendRate::hz), [60, 30, 20, 15, 10, 10]);
    let limited = BudgetOptions {
        max_rate: SendRate::Hz20,
        ..BudgetOptions::default()
    };
    assert_eq!(LinkBudget::new(limited, 60.0, 0).rate(), SendRate::Hz20);
}

#[test]
fn budget_follows_a_bottleneck_and_recovers() {
    let mut budget = LinkBudget::new(BudgetOptions::default(), 60.0, 0);
    run(&mut budget, &mut bottleneck(1e6), 0..120);
    let mut narrow = bottleneck(8_000.0);
    run(&mut budget, &mut narrow, 120..420);
    assert!(narrow.max_delay < 1.2, "{}", narrow.max_delay);
    narrow.max_delay = 0.0;
    let sent = run(&mut budget, &mut narrow, 420..1620) / 20.0;
    assert!((5_000.0..8_500.0).contains(&sent), "{sent}");
    assert!(narrow.max_delay < 0.25, "{}", narrow.max_delay);
    assert!(budget.rate() < SendRate::Hz60);
    run(&mut budget, &mut bottleneck(1e6), 1620..2400);
    assert_eq!(budget.bytes_per_second(), 16_000.0);
    assert_eq!(budget.rate(), SendRate::Hz60);
    assert_eq!(budget.queueing_delay(), Duration::ZERO);
}

#[test]
fn budget_never_falls_below_its_minimum() {
    let mut budget = LinkBudget::new(BudgetOptions::default(), 60.0, 0);
    run(&mut budget, &mut bottleneck(1e6), 0..60);
    for tick in 60..900 {
        budget.observe_round_trip(Duration::from_secs(1), TICK * tick);
    }
    assert_eq!(budget.bytes_per_second(), 3_000.0);
    assert_eq!(budget.rate(), SendRate::Hz15);
}

#[test]
fn rate_does_not_flap_at_a_threshold() {
    let mut budget = LinkBudget::new(options(60 * 193), 60.0, 0);
    assert_eq!(budget.rate(), SendRate::Hz60);
    budget.set_options(options(60 * 193 - 1));
    assert_eq!(budget.rate(), SendRate::Hz30);
    budget.set_options(options(60 * 193 + 100));
    for tick in 0..600 {
        budget.observe_round_trip(TICK, TICK * tick);
    }
    assert_eq!(budget.rate(), SendRate::Hz30);
}

#[test]
fn idle_link_saves_budget_for_a_burst_of_limited_size() {
    let first_payload = |max_payload| {
        let options = BudgetOptions {
            max_payload,
            ..BudgetOptions::default()
        };
        let mut budget = LinkBudget::new(options, 60.0, 0);
        for tick in 0..600 {
            budget.start_tick(tick, TICK * tick, false);
        }
        budget.start_tick(600, TICK * 600, true).unwrap()
    };
    assert_eq!(first_payload(1100), 1100);
    // A quarter of a second and a packet.
    let burst = first_payload(100_000);
    assert!((4_000..4_400).contains(&burst), "{burst}");
}

#[test]
fn budget_shrinks_once_until_the_queue_can_react() {
    let mut budget = LinkBudget::new(options(10_000), 60.0, 0);
    let mut observe = |millis: u64, round_trip: u64| {
        let at = Duration::from_millis;
        budget.observe_round_trip(at(round_trip), at(millis));
        budget.bytes_per_second().round()
    };
    for millis in 0..5 {
        assert_eq!(observe(millis, 40), 10_000.0);
    }
    // The first three may be jitter. A delay of 100 ms then takes a quarter.
    let budgets = [100, 110, 120, 130, 140, 460].map(|millis| observe(millis, 140));
    let expected = [10_000.0, 10_000.0, 10_000.0, 7_500.0, 7_500.0, 7_500.0];
    assert_eq!(budgets, expected);
    assert_eq!(observe(470, 140), 5_625.0);
}

#[test]
fn other_packets_reduce_the_payload() {
    let mut budget = LinkBudget::new(BudgetOptions::default(), 60.0, 0);
    budget.start_tick(0, Duration::ZERO, true);
    budget.record_packet(1_000);
    assert_eq!(budget.start_tick(1, TICK, true), None);
    budget.record_packet(usize::MAX);
    let ready = (2..600).find(|&tick| budget.start_tick(tick, TICK * tick, true).is_some());
    assert!(ready.unwrap() <= 70, "{ready:?}");
}

#[test]
fn links_send_in_different_ticks() {
    let mut links: Vec<_> = (0..8)
        .map(|slot| LinkBudget::new(options(3_000), 60.0, slot))
        .collect();
    let start = |link: &mut LinkBudget| link.start_tick(0, Duration::ZERO, true);
    assert!(links.iter_mut().map(start).all(|payload| payload.is_some()));
    // A new link sends at once.
    for tick in 1..600 {
        let sends = |link: &mut LinkBudget| link.start_tick(tick, TICK * tick, true).is_some();
        let sending = links.iter_mut().map(sends).filter(|sends| *sends).count();
        assert!(sending <= 2, "{sending}");
    }
}

#[test]
fn idle_link_sends_in_any_tick() {
    // It sends every sixth tick.
    for first in 100..112 {
        let mut budget = LinkBudget::new(options(1_000), 60.0, 0);
        assert_eq!(budget.rate(), SendRate::Hz10);
        for tick in 0..first {
            assert_eq!(budget.start_tick(tick, TICK * tick, false), None);
        }
        let mut sends = Vec::new();
        for tick in first..first + 60 {
            if budget.start_tick(tick, TICK * tick, true).is_some() {
                sends.push(tick);
                budget.record_packet(7);
            }
        }
        assert_eq!(sends[0], first);
        // Then it keeps its slot.
        assert!(sends[1..].iter().all(|tick| tick % 6 == 0), "{sends:?}");
        assert!(sends.windows(2).all(|two| two[1] - two[0] <= 6));
    }
}

#[test]
fn new_data_waits_at_most_one_interval() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut budget = LinkBudget::new(options(2_000), 60.0, 3);
    assert_eq!(budget.rate(), SendRate::Hz10);
    let mut waits_since = None;
    for tick in 0..6000 {
        if rng.u8(..8) == 0 {
            waits_since = waits_since.or(Some(tick));
        }
        if budget
            .start_tick(tick, TICK * tick, waits_since.is_some())
            .is_some()
        {
            budget.record_packet(10);
            let waited = tick - waits_since.take().unwrap();
            assert!(waited < 6, "waited {waited} ticks");
        }
    }
}

#[test]
fn caller_that_misses_ticks_does_not_stop_the_link() {
    for (step, slot) in [(2, 0), (2, 1), (3, 1), (5, 2)] {
        let mut budget = LinkBudget::new(options(2_000), 60.0, slot);
        let mut sent = 0;
        for tick in (0..600).step_by(step) {
            if budget.start_tick(tick, TICK * tick, true).is_some() {
                budget.record_packet(90);
                sent += 1;
            }
        }
        assert!((95..=101).contains(&sent), "{sent} with steps of {step}");
    }
}

#[test]
fn link_never_sends_more_than_its_budget_in_a_second() {
    let options = BudgetOptions::default();
    let mut budget = LinkBudget::new(options, 60.0, 0);
    let mut sent = Vec::new();
    for tick in 0..600 {
        let now = Duration::from_secs(u64::from(tick)) / 60;
        // It is idle now and then, which saves budget.
        let has_data = tick % 150 > 40;
        if let Some(payload) = budget.start_tick(tick, now, has_data) {
            budget.record_packet(payload);
            sent.push((tick, payload + PACKET_OVERHEAD));
        }
    }
    for &(end, _) in &sent {
        let second = sent
            .iter()
            .filter(|(tick, _)| (end.saturating_sub(59)..=end).contains(tick));
        let bytes: usize = second.map(|(_, bytes)| bytes).sum();
        assert!(
            bytes <= options.max_bytes_per_second as usize,
            "{bytes} bytes until tick {end}"
        );
    }
}

#[test]
fn bursts_of_ticks_do_not_exceed_the_budget_of_a_second() {
    let options = BudgetOptions::default();
    let mut budget = LinkBudget::new(options, 60.0, 0);
    let mut sent = Vec::new();
    for tick in 0..600_u64 {
        // The program hangs for half a second, and then catches up.
        let clock = Duration::from_secs(if (300..330).contains(&tick) {
            330
        } else {
            tick
        }) / 60;
        budget.set_clock(clock);
        let tick = u32::try_from(tick).unwrap();
        if let Some(payload) = budget.start_tick(tick, Duration::from_secs(tick.into()) / 60, true)
        {
            budget.record_packet(payload);
            sent.push((clock, payload + PACKET_OVERHEAD));
        }
    }
    for &(end, _) in &sent {
        let is_recent = |time: Duration| time <= end && end - time < Duration::from_secs(1);
        let second = sent.iter().filter(|(time, _)| is_recent(*time));
        let bytes: usize = second.map(|(_, bytes)| bytes).sum();
        assert!(
            bytes <= options.max_bytes_per_second as usize,
            "{bytes} bytes until {end:?}"
        );
    }
}
