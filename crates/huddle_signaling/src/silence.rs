//! When the server pings a client, and when it gives up.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Config;

/// The times of a client's last message and of the last ping. A message only changes a field. The
/// caller sets its timer when the previous one has expired, so messages cost no timers.
#[derive(Debug)]
pub(crate) struct Silence {
    ping_interval: Duration,
    timeout: Duration,
    pub(crate) last_received: Instant,
    last_ping: Option<Instant>,
}

/// What to do when the timer expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// The client has sent something meanwhile.
    None,
    Ping,
    /// The client has sent nothing for too long.
    Silent,
}

impl Silence {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            ping_interval: config.ping_interval,
            timeout: config.silence_timeout,
            last_received: Instant::now(),
            last_ping: None,
        }
    }

    /// Returns the time of the next check.
    pub(crate) fn next(&self) -> Instant {
        self.next_ping().min(self.last_received + self.timeout)
    }

    fn next_ping(&self) -> Instant {
        let last = self
            .last_ping
            .map_or(self.last_received, |ping| ping.max(self.last_received));
        last + self.ping_interval
    }

    /// Checks the client at the time `now`.
    pub(crate) fn check(&mut self, now: Instant) -> Alarm {
        if now >= self.last_received + self.timeout {
            Alarm::Silent
        } else if now >= self.next_ping() {
            self.last_ping = Some(now);
            Alarm::Ping
        } else {
            Alarm::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_client_is_pinged_until_the_timeout() {
        let mut silence = Silence::new(&Config::default());
        let start = silence.last_received;
        let mut alarms = Vec::new();
        loop {
            let now = silence.next();
            let alarm = silence.check(now);
            alarms.push(((now - start).as_secs(), alarm));
            if alarm == Alarm::Silent {
                break;
            }
        }
        assert_eq!(
            alarms,
            [(15, Alarm::Ping), (30, Alarm::Ping), (40, Alarm::Silent)]
        );
    }

    #[test]
    fn message_postpones_the_ping() {
        let mut silence = Silence::new(&Config::default());
        let start = silence.last_received;
        let timer = silence.next();
        silence.last_received = start + Duration::from_secs(10);
        assert_eq!(silence.check(timer), Alarm::None);
        assert_eq!(silence.next(), start + Duration::from_secs(25));
        assert_eq!(silence.check(silence.next()), Alarm::Ping);
        // The client answers the ping.
        silence.last_received = start + Duration::from_secs(26);
        assert_eq!(silence.next(), start + Duration::from_secs(41));
    }
}
