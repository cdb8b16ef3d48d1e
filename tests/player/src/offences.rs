//! Who sent what makes no sense, for the report.

use bevy::prelude::*;
use bevy_huddle::{RejectReason, prelude::*};

/// The newest kinds of nonsense, each once from each.
#[derive(Resource, Debug, Default)]
pub(crate) struct Offences(pub(crate) Vec<String>);

const MOST: usize = 32;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Offences>()
        .add_observer(message_rejected)
        .add_observer(signal_rejected);
}

impl Offences {
    fn add(&mut self, text: String) {
        if self.0.contains(&text) {
            return;
        }
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(text);
    }
}

fn message_rejected(event: On<MessageRejected>, mut offences: ResMut<Offences>) {
    let peer = event.peer;
    match &event.reason {
        // A game that reads too slowly is nobody else's fault.
        RejectReason::Overflow { .. } => {}
        RejectReason::Offence { offence, .. } => offences.add(format!("peer {peer}: {offence}")),
        reason => offences.add(format!("peer {peer}: {reason}")),
    }
}

fn signal_rejected(event: On<SignalRejected>, mut offences: ResMut<Offences>) {
    let offence = &event.offence;
    offences.add(match event.by {
        Offender::Peer(id) => format!("peer {id}: {offence}"),
        Offender::Member(id) => format!("member {id}: {offence}"),
        Offender::Server => format!("server: {offence}"),
    });
}
