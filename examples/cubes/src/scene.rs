//! The camera, the light and the floor.

use bevy::{
    core_pipeline::tonemapping::Tonemapping, light::CascadeShadowConfigBuilder, prelude::*,
    window::PrimaryWindow,
};
use example_kit::{Display, Options, paint};

use crate::level::HALF_FLOOR;

/// The direction from the floor to the camera.
const DIRECTION: Vec3 = Vec3::new(0.0, 0.8, 0.6);

/// The aspect ratio of the floor on the screen.
const ASPECT: f32 = 1.35;

/// The distance of the camera in windows with at least this aspect ratio, in meters.
const DISTANCE: f32 = 52.0;

pub(crate) fn plugin(app: &mut App) {
    app.insert_resource(GlobalAmbientLight {
        color: Color::srgb(0.75, 0.8, 1.0),
        brightness: 900.0,
        ..default()
    })
    .add_systems(Startup, build)
    .add_systems(PreUpdate, fit);
}

fn build(
    options: Res<Options>,
    mut images: ResMut<Assets<Image>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut commands: Commands,
) {
    commands.spawn((
        Camera3d::default(),
        Camera {
            is_active: options.display == Display::Window,
            ..default()
        },
        Msaa::Sample4,
        Tonemapping::AcesFitted,
        Transform::from_translation(DIRECTION * DISTANCE).looking_at(Vec3::ZERO, Vec3::Y),
    ));
    commands.spawn((
        DirectionalLight {
            illuminance: 9_000.0,
            shadow_maps_enabled: true,
            ..default()
        },
        CascadeShadowConfigBuilder {
            num_cascades: 1,
            maximum_distance: 90.0,
            ..default()
        }
        .build(),
        Transform::from_xyz(-8.0, 20.0, 10.0).looking_at(Vec3::ZERO, Vec3::Y),
    ));
    // A square for each four square meters, and a light rim.
    let floor = images.add(paint(512, 512, &|p| {
        let cell = ((p * HALF_FLOOR / 2.0).rem_euclid(Vec2::ONE) - 0.5)
            .abs()
            .max_element();
        let line = if cell > 0.485 { 0.25 } else { 0.0 };
        let rim = if p.abs().max_element() > 0.985 {
            0.6
        } else {
            0.0
        };
        Vec2::new(0.35 + line + rim, 1.0)
    }));
    commands.spawn((
        Mesh3d(
            meshes.add(
                Plane3d::default()
                    .mesh()
                    .size(2.0 * HALF_FLOOR, 2.0 * HALF_FLOOR),
            ),
        ),
        MeshMaterial3d(materials.add(StandardMaterial {
            base_color: Color::srgb(0.32, 0.36, 0.55),
            base_color_texture: Some(floor),
            perceptual_roughness: 0.95,
            ..default()
        })),
    ));
}

/// Keeps the whole floor in view, even in narrow windows.
fn fit(
    window: Single<&Window, (With<PrimaryWindow>, Changed<Window>)>,
    mut camera: Single<&mut Transform, With<Camera3d>>,
) {
    let aspect = window.width() / window.height().max(1.0);
    let further = (ASPECT / aspect.max(0.1)).max(1.0);
    camera.translation = DIRECTION * DISTANCE * further;
}
