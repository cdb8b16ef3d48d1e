//! The budget of a link.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use super::{queueing::QueueingDelay, send_rate::SendRate};

/// The bytes that each packet needs in addition to its payload: the headers of SCTP, DTLS, UDP and
/// IP.
pub const PACKET_OVERHEAD: usize = 93;

/// The queueing delay above which the budget shrinks.
const HIGH_DELAY: Duration = Duration::from_millis(50);

/// The queueing delay below which the budget grows.
const LOW_DELAY: Duration = Duration::from_millis(25);

/// The queueing delay at which the budget halves. At a smaller delay, it shrinks in proportion.
const HALVING_DELAY: Duration = Duration::from_millis(200);

/// The minimum time between two decreases, in addition to a round trip: the queue needs this long
/// to react.
const DECREASE_PAUSE: Duration = Duration::from_millis(200);

/// The part of the maximum budget by which the budget grows each second.
const GROWTH_PER_SECOND: f64 = 0.1;

/// The smallest average payload for which a packet is worth its overhead.
const MIN_PAYLOAD: usize = 100;

/// The factor by which the budget must exceed the requirement of a higher send rate.
const RATE_HYSTERESIS: f64 = 1.2;

/// The time for which unused budget can be saved.
const SAVINGS: Duration = Duration::from_millis(250);

/// The time in which the link never sends more than the budget of this time.
const WINDOW: Duration = Duration::from_secs(1);

/// The number of packets of the last second that count. A link sends at most 60.
const MAX_RECENT: usize = 256;

/// The limits of a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetOptions {
    /// The most bytes per second that the link sends, including [`PACKET_OVERHEAD`].
    pub max_bytes_per_second: u32,
    /// The budget that is left if the queueing delay stays high, in bytes per second.
    pub min_bytes_per_second: u32,
    /// The highest send rate.
    pub max_rate: SendRate,
    /// The largest payload of a packet, in bytes. If it is below [`MIN_SPACE`](crate::MIN_SPACE), some
    /// entities may never fit.
    pub max_payload: usize,
}

impl BudgetOptions {
    /// A budget for links that are never busy, such as those inside a machine.
    pub const UNLIMITED: Self = Self {
        max_bytes_per_second: u32::MAX,
        min_bytes_per_second: u32::MAX,
        max_rate: SendRate::Hz60,
        max_payload: usize::MAX,
    };
}

impl Default for BudgetOptions {
    /// 16 kB/s, which is about 1 Mbit/s for eight players, and at least 3 kB/s.
    fn default() -> Self {
        Self {
            max_bytes_per_second: 16_000,
            min_bytes_per_second: 3_000,
            max_rate: SendRate::Hz60,
            max_payload: 1100,
        }
    }
}

/// The budget of a link: how many bytes it may send, how often, and in which ticks.
///
/// - The budget counts every packet with 93 bytes of overhead. It shrinks by up to
///   half while the queueing delay, which is the round-trip time above its recent minimum, exceeds
///   50 ms. Below 25 ms, it grows by 10 % of its maximum per second.
/// - The send rate is the highest one at which the budget leaves 100 bytes of payload in each
///   packet. A low budget is therefore not spent on overhead.
/// - Links have slots, and send in different ticks. A link that was idle does not wait for its slot.
/// - A link that sends less than its budget saves up to 250 ms of it. A link that sends more pauses
///   until the budget suffices again. In no second does it send more than the budget of a second.
///
/// ```
/// use std::time::Duration;
/// use huddle_snapshot::budget::{BudgetOptions, LinkBudget};
///
/// let mut budget = LinkBudget::new(BudgetOptions::default(), 60.0, 0);
/// let now = Duration::from_secs(5);
/// let has_data = true;
/// if let Some(max_payload) = budget.start_tick(300, now, has_data) {
///     let payload = 120.min(max_payload);
///     // Send a packet with this payload, then:
///     budget.record_packet(payload);
/// }
/// ```
#[derive(Debug, Clone)]
pub struct LinkBudget {
    options: BudgetOptions,
    ticks_per_second: f64,
    slot: u32,
    queueing: QueueingDelay,
    bytes_per_second: f64,
    rate: SendRate,
    /// The bytes that the link has sent.
    bytes_sent: u64,
    /// The bytes that the link may send now. Negative if it sent more than its budget.
    available: f64,
    /// The time of a clock, if the ticks do not pass evenly.
    clock: Option<Duration>,
    /// The times and lengths of the packets of the last second, in the time of the clock.
    recent: VecDeque<(Duration, f64)>,
    /// The time of the last tick.
    ticked: Option<Duration>,
    /// The time of the tick with the last packet.
    sent: Option<Duration>,
    tick: Option<u32>,
    /// The number of the interval of the last tick.
    interval: Option<u64>,
    /// Whether the last tick was the first one of its interval.
    is_turn: bool,
    /// Whether there was nothing to send in the last tick.
    is_idle: bool,
    /// The time of the last round-trip time.
    observed: Option<Duration>,
    /// The time until which the budget does not shrink.
    paused_until: Duration,
}

impl LinkBudget {
    /// Creates the budget of a link. `slot` is the number of the link among the links of this peer.
    pub fn new(options: BudgetOptions, ticks_per_second: f64, slot: u32) -> Self {
        let mut budget = Self {
            options,
            ticks_per_second,
            slot,
            queueing: QueueingDelay::default(),
            bytes_per_second: f64::from(options.max_bytes_per_second),
            rate: options.max_rate,
            bytes_sent: 0,
            available: 0.0,
            clock: None,
            recent: VecDeque::new(),
            ticked: None,
            sent: None,
            tick: None,
            interval: None,
            is_turn: false,
            is_idle: true,
            observed: None,
            paused_until: Duration::ZERO,
        };
        budget.rate = budget.highest_rate(1.0);
        budget
    }

    /// Changes the limits, for example when another peer joins and the upload is shared between
    /// more links. The budget starts to grow or shrink from where it is.
    pub fn set_options(&mut self, options: BudgetOptions) {
        self.options = options;
        self.set_bytes_per_second(self.bytes_per_second);
    }

    /// Sets the number of ticks per second, from now on.
    pub fn set_tick_rate(&mut self, ticks_per_second: f64) {
        self.ticks_per_second = ticks_per_second;
    }

    /// Sets the time of a clock, before a tick. The ticks of a busy program come in bursts, so the second in
    /// which a link keeps its budget is one of the clock. Without a clock, it is one of the ticks.
    pub fn set_clock(&mut self, now: Duration) {
        self.clock = Some(now);
    }

    /// Handles a round-trip time that was measured at `now`.
    pub fn observe_round_trip(&mut self, round_trip: Duration, now: Duration) {
        self.queueing.observe(round_trip, now);
        let last = self.observed.replace(now).unwrap_or(now);
        let delay = self.queueing.delay();
        if delay > HIGH_DELAY {
            if now >= self.paused_until {
                let severity = delay.as_secs_f64() / HALVING_DELAY.as_secs_f64();
                let factor = 1.0 - 0.5 * severity.min(1.0);
                self.set_bytes_per_second(self.bytes_per_second * factor);
                let pause = DECREASE_PAUSE.saturating_add(round_trip);
                self.paused_until = now.saturating_add(pause);
            }
        } else if delay < LOW_DELAY {
            let passed = now.saturating_sub(last).min(Duration::from_secs(1));
            let growth = f64::from(self.options.max_bytes_per_second) * GROWTH_PER_SECOND;
            self.set_bytes_per_second(self.bytes_per_second + growth * passed.as_secs_f64());
        }
    }

    /// Starts a tick, with or without data to send. Returns the largest payload in bytes that the link
    /// may send in this tick, or `None` if it sends nothing. Call this function once per tick, as far as possible.
    pub fn start_tick(&mut self, tick: u32, now: Duration, has_data: bool) -> Option<usize> {
        let last = self.ticked.replace(now).unwrap_or(now);
        self.forget_packets(self.clock.unwrap_or(now));
        let passed = now.saturating_sub(last).min(SAVINGS).as_secs_f64();
        // A tiny budget must be able to save for a packet.
        let packet = (PACKET_OVERHEAD + MIN_PAYLOAD) as f64;
        let most = (self.bytes_per_second * SAVINGS.as_secs_f64()).max(packet);
        self.available = (self.available + self.bytes_per_second * passed).min(most);
        let was_idle = std::mem::replace(&mut self.is_idle, !has_data);
        let interval = 1.0 / f64::from(self.rate.hz()).min(self.ticks_per_second.max(1.0));
        if self.tick.replace(tick) != Some(tick) {
            let (number, _) = self.rate.interval(tick, self.ticks_per_second, self.slot);
            // A caller that misses the first tick of an interval sends in the next one.
            self.is_turn = self.interval.replace(number) != Some(number);
        }
        let is_turn = self.is_turn || was_idle && self.has_rested(now, interval);
        if !has_data || !is_turn {
            return None;
        }
        // The packet may use what the next interval adds, so that a new link does not start with
        // an empty budget, and a packet does not wait for rounding errors.
        let share = self.bytes_per_second * interval;
        let rest_of_second =
            self.bytes_per_second - self.recent.iter().map(|(_, bytes)| bytes).sum::<f64>();
        let most = (self.available + share).min(rest_of_second);
        let payload = most - PACKET_OVERHEAD as f64;
        let is_enough = payload >= MIN_PAYLOAD as f64 / 2.0;
        is_enough.then(|| (payload as usize).min(self.options.max_payload))
    }

    /// Forgets the packets that left more than a second ago.
    fn forget_packets(&mut self, now: Duration) {
        let is_over = |(time, _): &(Duration, f64)| now.saturating_sub(*time) >= WINDOW;
        while self.recent.front().is_some_and(is_over) {
            self.recent.pop_front();
        }
    }

    /// Returns whether the link has sent nothing during an interval between packets.
    fn has_rested(&self, now: Duration, interval: f64) -> bool {
        self.sent
            .is_none_or(|sent| now.saturating_sub(sent).as_secs_f64() >= interval)
    }

    /// Records a packet that left on this link, with the size of its payload in bytes. Packets
    /// with other contents count too.
    pub fn record_packet(&mut self, payload: usize) {
        let debt_limit = -self.bytes_per_second;
        let bytes = payload.saturating_add(PACKET_OVERHEAD);
        self.bytes_sent = self.bytes_sent.saturating_add(bytes as u64);
        if self.recent.len() < MAX_RECENT {
            let time = self.clock.or(self.ticked).unwrap_or_default();
            self.recent.push_back((time, bytes as f64));
        }
        self.available = (self.available - bytes as f64).max(debt_limit);
        self.sent = self.ticked;
    }

    /// The budget in bytes per second, including [`PACKET_OVERHEAD`].
    pub fn bytes_per_second(&self) -> f64 {
        self.bytes_per_second
    }

    /// The bytes that the link has sent, including [`PACKET_OVERHEAD`].
    pub fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }

    /// The largest payload of a packet, in bytes, whatever the budget is.
    pub fn max_payload(&self) -> usize {
        self.options.max_payload
    }

    /// The number of the link among the links of this peer.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// The send rate.
    pub fn rate(&self) -> SendRate {
        self.rate
    }

    /// The time for which packets wait in a queue of the link.
    pub fn queueing_delay(&self) -> Duration {
        self.queueing.delay()
    }

    fn set_bytes_per_second(&mut self, bytes: f64) {
        let max = f64::from(self.options.max_bytes_per_second);
        let min = f64::from(self.options.min_bytes_per_second).min(max);
        self.bytes_per_second = bytes.clamp(min, max);
        let affordable = self.highest_rate(1.0);
        self.rate = match affordable > self.rate {
            true => self.highest_rate(RATE_HYSTERESIS).max(self.rate),
            false => affordable,
        };
    }

    /// Returns the highest rate for which the budget suffices with this margin.
    fn highest_rate(&self, margin: f64) -> SendRate {
        let packet = (PACKET_OVERHEAD + MIN_PAYLOAD) as f64;
        let is_affordable = |rate: &SendRate| {
            *rate <= self.options.max_rate
                && f64::from(rate.hz()) * packet * margin <= self.bytes_per_second
        };
        let rates = SendRate::ALL.into_iter();
        rates.clone().find(is_affordable).unwrap_or(SendRate::Hz10)
    }
}
