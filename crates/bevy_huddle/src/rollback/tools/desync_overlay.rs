//! Shows desync reports on the screen.

use bevy::prelude::*;

use crate::rollback::{
    game::events::{MatchDesynced, MatchStarted, SyncTestFailed},
    tools::problem::SimulationProblem,
};

/// Shows desyncs on the screen, for development: [`MatchDesynced`], [`SyncTestFailed`] and [`SimulationProblem`]. The
/// text names the tick, the entity, the component, the field and both values. The start of the next match removes it.
///
/// In browsers, a button saves the report of a desync as a download, if the game has
/// [`DesyncFilePlugin`](crate::rollback::DesyncFilePlugin).
///
/// It needs the feature `rollback_ui`, and a game that draws Bevy's UI.
///
/// ```no_run
/// use bevy::prelude::*;
/// use bevy_huddle::rollback::DesyncOverlayPlugin;
///
/// App::new().add_plugins(DesyncOverlayPlugin);
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct DesyncOverlayPlugin;

impl Plugin for DesyncOverlayPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Reports>()
            .add_systems(Update, show.run_if(resource_changed::<Reports>))
            .add_observer(|event: On<MatchDesynced>, mut reports: ResMut<Reports>| {
                reports.add(event.report.to_string());
            })
            .add_observer(|event: On<SyncTestFailed>, mut reports: ResMut<Reports>| {
                reports.add(event.to_string());
            })
            .add_observer(
                |event: On<SimulationProblem>, mut reports: ResMut<Reports>| {
                    reports.add(event.to_string());
                },
            )
            .add_observer(|_: On<MatchStarted>, mut reports: ResMut<Reports>| {
                reports.0.clear();
            });
    }
}

/// The first reports of the match.
#[derive(Resource, Default)]
struct Reports(Vec<String>);

/// The maximum number of reports on the screen.
const MAX_REPORTS: usize = 4;

/// The maximum number of lines of a report on the screen. The log has the rest.
const MAX_LINES: usize = 12;

impl Reports {
    fn add(&mut self, text: String) {
        if self.0.len() < MAX_REPORTS {
            let lines: Vec<_> = text.lines().take(MAX_LINES).collect();
            let mut shown = lines.join("\n");
            if text.lines().count() > MAX_LINES {
                shown += "\n  ... see the log";
            }
            self.0.push(shown);
        }
    }
}

/// The panel with the reports.
#[derive(Component)]
pub(super) struct Overlay;

fn show(reports: Res<Reports>, overlay: Query<Entity, With<Overlay>>, mut commands: Commands) {
    for entity in &overlay {
        commands.entity(entity).despawn();
    }
    if reports.0.is_empty() {
        return;
    }
    let node = Node {
        position_type: PositionType::Absolute,
        left: px(8),
        right: px(8),
        bottom: px(8),
        padding: UiRect::all(px(12)),
        row_gap: px(8),
        flex_direction: FlexDirection::Column,
        ..default()
    };
    commands.spawn((
        Overlay,
        node,
        BackgroundColor(Color::srgba(0.45, 0.05, 0.05, 0.92)),
        GlobalZIndex(i32::MAX),
        children![(
            Text::new(reports.0.join("\n\n")),
            TextFont::from_font_size(13.0)
        )],
    ));
}
