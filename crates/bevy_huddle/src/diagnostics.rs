use std::time::Duration;

use bevy::{
    diagnostic::{Diagnostic, DiagnosticPath, Diagnostics, RegisterDiagnostic},
    ecs::entity::EntityHashMap,
    prelude::*,
};

use crate::{peer::components::LinkStats, schedule::HuddleSystems};

/// Adds network measurements to Bevy's [diagnostics](bevy::diagnostic), for all peers together.
///
/// The plugin is not part of [`HuddlePlugins`](crate::HuddlePlugins). It measures four times per
/// second and keeps the measurements for 30 seconds. Display the `smoothed` values.
///
/// ```
/// use bevy::{diagnostic::DiagnosticsStore, prelude::*};
/// use bevy_huddle::{HuddleDiagnosticsPlugin, prelude::*};
///
/// fn show(diagnostics: Res<DiagnosticsStore>) {
///     let rtt = diagnostics.get(&HuddleDiagnosticsPlugin::RTT_WORST);
///     if let Some(rtt) = rtt.and_then(|rtt| rtt.smoothed()) {
///         println!("{rtt:.0} ms");
///     }
/// }
///
/// App::new()
///     .add_plugins((MinimalPlugins, HuddlePlugins, HuddleDiagnosticsPlugin))
///     .add_systems(Update, show);
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct HuddleDiagnosticsPlugin;

/// The time between two measurements.
const INTERVAL: Duration = Duration::from_millis(250);

impl HuddleDiagnosticsPlugin {
    /// The number of peers.
    pub const PEERS: DiagnosticPath = DiagnosticPath::const_new("huddle/peers");
    /// The mean round-trip time to the peers, in milliseconds.
    pub const RTT_MEAN: DiagnosticPath = DiagnosticPath::const_new("huddle/rtt_mean");
    /// The longest round-trip time to a peer, in milliseconds.
    pub const RTT_WORST: DiagnosticPath = DiagnosticPath::const_new("huddle/rtt_worst");
    /// The bytes sent per second, without the headers of the network.
    pub const BYTES_SENT: DiagnosticPath = DiagnosticPath::const_new("huddle/bytes_sent");
    /// The bytes received per second, without the headers of the network.
    pub const BYTES_RECEIVED: DiagnosticPath = DiagnosticPath::const_new("huddle/bytes_received");
    /// The packets sent per second.
    pub const PACKETS_SENT: DiagnosticPath = DiagnosticPath::const_new("huddle/packets_sent");
    /// The packets received per second.
    pub const PACKETS_RECEIVED: DiagnosticPath =
        DiagnosticPath::const_new("huddle/packets_received");
    /// The highest packet loss to a peer, as a percentage.
    pub const LOSS_WORST: DiagnosticPath = DiagnosticPath::const_new("huddle/loss_worst");
    /// The bytes of events that peers have not acknowledged.
    pub const EVENTS_QUEUED: DiagnosticPath = DiagnosticPath::const_new("huddle/events_queued");
}

impl Plugin for HuddleDiagnosticsPlugin {
    fn build(&self, app: &mut App) {
        let all = [
            (Self::PEERS, ""),
            (Self::RTT_MEAN, " ms"),
            (Self::RTT_WORST, " ms"),
            (Self::BYTES_SENT, " B/s"),
            (Self::BYTES_RECEIVED, " B/s"),
            (Self::PACKETS_SENT, "/s"),
            (Self::PACKETS_RECEIVED, "/s"),
            (Self::LOSS_WORST, "%"),
            (Self::EVENTS_QUEUED, " B"),
        ];
        for (path, unit) in all {
            app.register_diagnostic(Diagnostic::new(path).with_suffix(unit));
        }
        app.add_systems(PreUpdate, measure.after(HuddleSystems::Receive));
    }
}

/// The traffic of one link or of all links.
#[derive(Default, Clone, Copy)]
struct Traffic {
    bytes_sent: u64,
    bytes_received: u64,
    packets_sent: u64,
    packets_received: u64,
}

impl Traffic {
    fn of(link: &LinkStats) -> Self {
        Self {
            bytes_sent: link.bytes_sent,
            bytes_received: link.bytes_received,
            packets_sent: link.packets_sent,
            packets_received: link.packets_received,
        }
    }

    fn add_since(&mut self, now: Self, before: Self) {
        self.bytes_sent += now.bytes_sent.saturating_sub(before.bytes_sent);
        self.bytes_received += now.bytes_received.saturating_sub(before.bytes_received);
        self.packets_sent += now.packets_sent.saturating_sub(before.packets_sent);
        self.packets_received += now.packets_received.saturating_sub(before.packets_received);
    }
}

fn measure(
    time: Res<Time<Real>>,
    links: Query<(Entity, &LinkStats)>,
    mut since: Local<Duration>,
    mut known: Local<EntityHashMap<Traffic>>,
    mut diagnostics: Diagnostics,
) {
    let passed = time.elapsed().saturating_sub(*since);
    if passed < INTERVAL {
        return;
    }
    *since = time.elapsed();
    known.retain(|&peer, _| links.contains(peer));

    let mut traffic = Traffic::default();
    let (mut rtt_sum, mut rtt_worst, mut rtt_count) = (0.0, 0.0_f64, 0.0);
    let (mut queued, mut loss) = (0, 0.0_f32);
    for (peer, link) in &links {
        let now = Traffic::of(link);
        let before = known.insert(peer, now).unwrap_or_default();
        traffic.add_since(now, before);
        queued += link.queued_event_bytes;
        loss = loss.max(link.delivery.loss);
        if let Some(rtt) = link.rtt {
            let rtt = rtt.as_secs_f64() * 1000.0;
            rtt_sum += rtt;
            rtt_worst = rtt_worst.max(rtt);
            rtt_count += 1.0;
        }
    }

    use HuddleDiagnosticsPlugin as Path;
    diagnostics.add_measurement(&Path::PEERS, || links.iter().len() as f64);
    if rtt_count > 0.0 {
        diagnostics.add_measurement(&Path::RTT_MEAN, || rtt_sum / rtt_count);
        diagnostics.add_measurement(&Path::RTT_WORST, || rtt_worst);
    }
    let rate = |amount: u64| amount as f64 / passed.as_secs_f64();
    diagnostics.add_measurement(&Path::BYTES_SENT, || rate(traffic.bytes_sent));
    diagnostics.add_measurement(&Path::BYTES_RECEIVED, || rate(traffic.bytes_received));
    diagnostics.add_measurement(&Path::PACKETS_SENT, || rate(traffic.packets_sent));
    diagnostics.add_measurement(&Path::PACKETS_RECEIVED, || rate(traffic.packets_received));
    diagnostics.add_measurement(&Path::LOSS_WORST, || 100.0 * f64::from(loss));
    diagnostics.add_measurement(&Path::EVENTS_QUEUED, || queued as f64);
}
