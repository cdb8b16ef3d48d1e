//! The unfinished transfers between the local peer and another peer.

use std::collections::BTreeMap;

use huddle_session::{TransferEvent, TransferId as LinkTransferId};

use crate::message::transfer::TransferId;

/// The unfinished transfers from and to a peer, keyed by their ids on the link.
#[derive(Debug, Default)]
pub(crate) struct PeerTransfers(BTreeMap<LinkTransferId, Transfer>);

/// An unfinished transfer.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) id: TransferId,
    pub(crate) label: String,
}

impl PeerTransfers {
    pub(crate) fn add(&mut self, link_id: LinkTransferId, transfer: Transfer) {
        self.0.insert(link_id, transfer);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the link id of a transfer.
    pub(crate) fn find(&self, id: TransferId) -> Option<LinkTransferId> {
        let mut transfers = self.0.iter();
        let (&link_id, _) = transfers.find(|(_, transfer)| transfer.id == id)?;
        Some(link_id)
    }

    /// Returns the transfer that an event belongs to. The last event of a transfer also removes it.
    pub(crate) fn take(&mut self, event: &TransferEvent) -> Option<Transfer> {
        match event {
            TransferEvent::Started { id, label, .. } => {
                let transfer = self.0.entry(*id).or_insert_with(|| Transfer {
                    id: TransferId::next(),
                    label: label.clone(),
                });
                Some(transfer.clone())
            }
            TransferEvent::Progress { id, .. } => self.0.get(id).cloned(),
            TransferEvent::Received { id, .. }
            | TransferEvent::Delivered { id }
            | TransferEvent::Failed { id, .. } => self.0.remove(id),
        }
    }
}
