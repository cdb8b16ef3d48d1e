//! Name tags below players, with the round-trip time of each peer.

use bevy::prelude::*;
use bevy::transform::TransformSystems;
use bevy::ui::UiSystems;
use bevy_huddle::prelude::*;

use crate::persona::Persona;
use crate::stage::BACKGROUND;

/// Shows a player's name below this entity, and for peers the round-trip time.
#[derive(Component, Debug, Clone)]
#[require(Transform)]
pub struct NameTag {
    /// The player.
    pub player: PeerId,
    /// The distance below the entity's center.
    pub below: f32,
}

/// The tag on the screen. Despawned together with the tagged entity.
#[derive(Component)]
#[relationship(relationship_target = Tagged)]
struct Tag(Entity);

#[derive(Component)]
#[relationship_target(relationship = Tag, linked_spawn)]
struct Tagged(Entity);

/// The line below the name.
#[derive(Component)]
struct LinkLine;

const WIDTH: f32 = 200.0;

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(spawn)
        .add_systems(Update, describe_link)
        .add_systems(
            PostUpdate,
            place_tags
                .after(TransformSystems::Propagate)
                .before(UiSystems::Layout),
        );
}

fn spawn(added: On<Add, NameTag>, tags: Query<&NameTag>, mut commands: Commands) {
    let Ok(tag) = tags.get(added.entity) else {
        return;
    };
    let persona = Persona::of(tag.player);
    let shadow = TextShadow {
        offset: Vec2::splat(1.0),
        color: BACKGROUND,
    };
    let line = (TextLayout::justify(Justify::Center), shadow);
    commands.spawn((
        Tag(added.entity),
        Node {
            position_type: PositionType::Absolute,
            width: px(WIDTH),
            flex_direction: FlexDirection::Column,
            align_items: AlignItems::Center,
            ..default()
        },
        Visibility::Hidden,
        children![
            (
                Text::new(persona.name.clone()),
                TextFont::from_font_size(13.0),
                TextColor(persona.tone(0.9, 0.06)),
                line,
            ),
            (
                LinkLine,
                Text::default(),
                TextFont::from_font_size(11.0),
                TextColor(persona.tone(0.72, 0.04)),
                line,
            ),
        ],
    ));
}

/// Shows the round-trip time, such as "23 ms", a problem with the connection, or "you" for the local
/// player.
fn describe_link(
    mut lines: Query<(&ChildOf, &mut Text, &mut TextColor), With<LinkLine>>,
    tags: Query<&Tag>,
    tagged: Query<(
        &NameTag,
        Option<&LinkStats>,
        Has<Reconnecting>,
        Option<&Stopped>,
    )>,
) {
    for (line, mut text, mut color) in &mut lines {
        let Ok((name, link, reconnecting, stopped)) =
            tags.get(line.parent()).and_then(|tag| tagged.get(tag.0))
        else {
            continue;
        };
        let status = match (link, stopped) {
            (Some(_), _) if reconnecting => "reconnecting ...".to_owned(),
            (Some(_), Some(Stopped(StopReason::Busy))) => "busy ...".to_owned(),
            (Some(_), Some(Stopped(StopReason::Frozen))) => "in the background".to_owned(),
            (Some(link), None) => link
                .rtt
                .map_or(String::new(), |rtt| format!("{} ms", rtt.as_millis())),
            (None, _) => "you".to_owned(),
        };
        color.set_if_neq(TextColor(if reconnecting {
            Color::srgb(1.0, 0.72, 0.3)
        } else {
            Persona::of(name.player).tone(0.72, 0.04)
        }));
        if text.0 != status {
            text.0 = status;
        }
    }
}

fn place_tags(
    camera: Single<(&Camera, &GlobalTransform)>,
    scale: Res<UiScale>,
    tagged: Query<(&GlobalTransform, &NameTag)>,
    mut tags: Query<(&Tag, &mut Node, &mut Visibility)>,
) {
    let (camera, view) = *camera;
    for (tag, mut node, mut visibility) in &mut tags {
        let Ok((at, name)) = tagged.get(tag.0) else {
            continue;
        };
        let below = at.translation() - Vec3::Y * name.below;
        let Ok(position) = camera.world_to_viewport(view, below) else {
            continue;
        };
        let position = position / scale.0;
        node.left = px(position.x - WIDTH / 2.0);
        node.top = px(position.y);
        visibility.set_if_neq(Visibility::Inherited);
    }
}
