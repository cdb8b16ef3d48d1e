use huddle_mesh::{RoomEvent, RoomSettings as MeshSettings, SettingsError};

use super::game::{LabExt, game, lab};
use crate::{
    prelude::*,
    testing::{Lab, Player},
};

fn settings(is_keeper: bool) -> MeshSettings {
    MeshSettings {
        is_keeper,
        is_open: true,
        is_listed: true,
        capacity: 4,
        metadata: "dust".to_owned(),
    }
}

fn one_player() -> (Lab, Player) {
    let mut lab = lab();
    lab.record::<RoomSettingsChanged>();
    lab.record::<ChangeSettingsFailed>();
    let ada = lab.player(game);
    lab.frame(ada);
    (lab, ada)
}

#[test]
fn settings_of_the_server_are_a_component_of_the_room() {
    let (mut lab, ada) = one_player();
    let room = lab.room(ada);
    assert_eq!(lab.get::<RoomSettings>(ada, room), None);
    for is_keeper in [true, false] {
        lab.inject(ada, RoomEvent::SettingsChanged(settings(is_keeper)));
        lab.frame(ada);
        let expected = RoomSettings::from(settings(is_keeper));
        assert_eq!(lab.get::<RoomSettings>(ada, room), Some(&expected));
        assert_eq!(
            lab.take_events::<RoomSettingsChanged>(ada),
            [RoomSettingsChanged {
                entity: room,
                settings: expected
            }]
        );
    }
}

#[test]
fn change_that_is_not_possible_is_reported_on_the_room() {
    let (mut lab, ada) = one_player();
    let room = lab.room(ada);
    lab.commands(ada, |commands| commands.set_room_open(room, false));
    lab.frame(ada);
    assert_eq!(
        lab.take_events::<ChangeSettingsFailed>(ada),
        [ChangeSettingsFailed {
            entity: room,
            error: SettingsError::Unknown
        }]
    );
}
