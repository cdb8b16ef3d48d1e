//! Collects the protocol violations of peers and servers for the report.

use bevy::prelude::*;
use bevy_huddle::{RejectReason, prelude::*};

/// The latest violations. Equal violations of one source have one entry.
#[derive(Resource, Debug, Default)]
pub(crate) struct Violations(pub(crate) Vec<String>);

const MAX_VIOLATIONS: usize = 32;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Violations>()
        .add_observer(message_rejected)
        .add_observer(signal_rejected);
}

impl Violations {
    fn add(&mut self, text: String) {
        if self.0.contains(&text) {
            return;
        }
        if self.0.len() == MAX_VIOLATIONS {
            self.0.remove(0);
        }
        self.0.push(text);
    }
}

fn message_rejected(event: On<MessageRejected>, mut violations: ResMut<Violations>) {
    let peer = event.peer_id;
    match &event.reason {
        // The local game reads too slowly. The peer violates no rule.
        RejectReason::Overflow { .. } => {}
        RejectReason::ProtocolViolation { violation, .. } => {
            violations.add(format!("peer {peer}: {violation}"))
        }
        reason => violations.add(format!("peer {peer}: {reason}")),
    }
}

fn signal_rejected(event: On<SignalRejected>, mut violations: ResMut<Violations>) {
    let violation = &event.violation;
    violations.add(match event.source {
        ViolationSource::Peer(id) => format!("peer {id}: {violation}"),
        ViolationSource::Member(id) => format!("member {id}: {violation}"),
        ViolationSource::Server => format!("server: {violation}"),
    });
}
