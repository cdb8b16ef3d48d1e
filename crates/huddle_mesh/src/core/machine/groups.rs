//! The rooms of groups.

use std::time::Duration;

use uuid::Uuid;

use super::Core;
use crate::{
    core::{grouping::Stage, io::Action},
    room_url::RoomUrl,
    violation::ProtocolViolation,
};

impl Core {
    /// Handles the server's report of the group's progress.
    pub(super) fn group_stage_changed(&mut self, now: Duration, stage: Stage) {
        if !self
            .supervisor
            .group_stage_changed(now, stage, &mut self.actions)
        {
            return self.server_violation(now, ProtocolViolation::Group);
        }
        match stage {
            Stage::Waiting => self.signaling.set_group(None),
            Stage::Full(id) => self.signaling.set_group(Some(id)),
            // The server has already turned the group into a room, so that its members can
            // reconnect.
            Stage::Linked(id) => {
                let url = self.group_url(id);
                self.signaling.set_url(url);
            }
        }
    }

    /// Reports the local peer's links to a server that forms groups.
    pub(super) fn report_links(&mut self, now: Duration) {
        if self.signaling.is_open()
            && let Some(report) = self.supervisor.link_report(now)
        {
            self.actions.push_back(Action::SocketSend(report));
        }
    }

    fn group_url(&self, id: Uuid) -> RoomUrl {
        let name = id.simple().to_string();
        self.signaling.url().private_room(&name)
    }

    /// Moves a complete group to a room of its own, so that the server does not group a
    /// reconnecting peer with strangers.
    pub(super) fn move_group(&mut self, now: Duration) {
        if let Some(room) = self.supervisor.take_group_room() {
            let url = self.group_url(room);
            let action = self.signaling.move_to(url, now);
            self.socket_action(action);
            self.supervisor.signaling_lost(&mut self.actions);
            self.settings.forget();
        }
    }
}
