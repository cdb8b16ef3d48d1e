//! Name tags below players, with the round-trip time of each peer.

use bevy::prelude::*;
use bevy::transform::TransformSystems;
use bevy::ui::UiSystems;
use bevy_huddle::prelude::*;

use crate::persona::Persona;
use crate::stage::BACKGROUND;

/// Shows a player's name below this entity, and for peers the round-trip time. A [`Persona`] of the entity
/// replaces the one that depends on the id.
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

/// A line of a tag.
#[derive(Component)]
enum Line {
    Name,
    /// The state of the link.
    Link,
}

const WIDTH: f32 = 200.0;

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(spawn)
        .add_systems(Update, describe)
        .add_systems(
            PostUpdate,
            place_tags
                .after(TransformSystems::Propagate)
                .before(UiSystems::Layout),
        );
}

fn spawn(added: On<Add, NameTag>, mut commands: Commands) {
    let shadow = TextShadow {
        offset: Vec2::splat(1.0),
        color: BACKGROUND,
    };
    let line = (
        Text::default(),
        TextLayout::justify(Justify::Center),
        shadow,
    );
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
            (Line::Name, TextFont::from_font_size(13.0), line.clone()),
            (Line::Link, TextFont::from_font_size(11.0), line),
        ],
    ));
}

/// Shows the name, and the round-trip time, such as "23 ms", a problem with the connection, or "you" for
/// the local player.
fn describe(
    mut lines: Query<(&Line, &ChildOf, &mut Text, &mut TextColor)>,
    tags: Query<&Tag>,
    tagged: Query<(
        &NameTag,
        Option<&Persona>,
        Option<&LinkStats>,
        Has<Reconnecting>,
        Option<&Stopped>,
    )>,
) {
    for (line, child_of, mut text, mut color) in &mut lines {
        let Ok((name, persona, link, reconnecting, stopped)) = tags
            .get(child_of.parent())
            .and_then(|tag| tagged.get(tag.0))
        else {
            continue;
        };
        let persona = persona.map_or_else(|| Persona::of(name.player), Persona::clone);
        let (words, tone) = match (line, link, stopped) {
            (Line::Name, ..) => (persona.name.clone(), persona.tone(0.9, 0.06)),
            (Line::Link, Some(_), _) if reconnecting => {
                ("reconnecting ...".to_owned(), Color::srgb(1.0, 0.72, 0.3))
            }
            (Line::Link, link, stopped) => {
                let status = match (link, stopped) {
                    (Some(_), Some(Stopped(StopReason::Busy))) => "busy ...".to_owned(),
                    (Some(_), Some(Stopped(StopReason::Frozen))) => "in the background".to_owned(),
                    (Some(link), None) => link
                        .rtt
                        .map_or(String::new(), |rtt| format!("{} ms", rtt.as_millis())),
                    (None, _) => "you".to_owned(),
                };
                (status, persona.tone(0.72, 0.04))
            }
        };
        color.set_if_neq(TextColor(tone));
        if text.0 != words {
            text.0 = words;
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
        let on_screen = tagged.get(tag.0).ok().and_then(|(at, name)| {
            let below = at.translation() - Vec3::Y * name.below;
            camera.world_to_viewport(view, below).ok()
        });
        let Some(position) = on_screen else {
            visibility.set_if_neq(Visibility::Hidden);
            continue;
        };
        let position = position / scale.0;
        node.left = px(position.x - WIDTH / 2.0);
        node.top = px(position.y);
        visibility.set_if_neq(Visibility::Inherited);
    }
}
