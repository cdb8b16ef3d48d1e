//! Draws cubes and balls. The color shows the owner.

use std::collections::HashMap;

use bevy::prelude::*;
use bevy_huddle::{prelude::*, replication::*};
use example_kit::{NameTag, Persona, paint};

use crate::{body::Body, cube::Cube, level, overlay::Overlay, player::RADIUS};

/// What the bodies of all players are made of.
#[derive(Resource)]
struct Looks {
    cube: Handle<Mesh>,
    ball: Handle<Mesh>,
    edges: Handle<Image>,
    stripes: Handle<Image>,
    /// The materials of the cubes of each owner.
    cubes: HashMap<Option<PeerId>, Handle<StandardMaterial>>,
    /// The materials of ordinary and important cubes.
    ranks: [Handle<StandardMaterial>; 2],
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PreStartup, prepare)
        .add_observer(draw_cube)
        .add_observer(draw_ball)
        .add_systems(Update, color_cubes);
}

fn prepare(
    mut images: ResMut<Assets<Image>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut commands: Commands,
) {
    let edges = paint(64, 64, &|p| {
        let to_edge = 1.0 - p.abs().max_element();
        Vec2::new(if to_edge < 0.09 { 1.0 } else { 0.74 }, 1.0)
    });
    let stripes = paint(64, 32, &|p| {
        let is_light = (p.x * 4.0).rem_euclid(2.0) < 1.0;
        Vec2::new(if is_light { 1.0 } else { 0.6 }, 1.0)
    });
    commands.insert_resource(Looks {
        cube: meshes.add(Cuboid::from_length(level::CUBE)),
        ball: meshes.add(Sphere::new(RADIUS).mesh().uv(32, 18)),
        edges: images.add(edges),
        stripes: images.add(stripes),
        cubes: HashMap::new(),
        ranks: [Color::srgb(0.3, 0.33, 0.42), Color::srgb(0.95, 0.3, 0.2)]
            .map(|color| materials.add(color)),
    });
}

impl Looks {
    fn of_cube(
        &mut self,
        owner: Option<PeerId>,
        materials: &mut Assets<StandardMaterial>,
    ) -> Handle<StandardMaterial> {
        let edges = &self.edges;
        let material = self.cubes.entry(owner).or_insert_with(|| {
            materials.add(StandardMaterial {
                base_color: match owner {
                    Some(owner) => Persona::of(owner).tone(0.7, 0.14),
                    None => Color::srgb(0.78, 0.79, 0.84),
                },
                base_color_texture: Some(edges.clone()),
                perceptual_roughness: 0.6,
                ..default()
            })
        });
        material.clone()
    }
}

fn draw_cube(
    added: On<Add, Cube>,
    mut looks: ResMut<Looks>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut commands: Commands,
) {
    let material = looks.of_cube(None, &mut materials);
    commands
        .entity(added.entity)
        .insert((Mesh3d(looks.cube.clone()), MeshMaterial3d(material)));
}

fn draw_ball(
    added: On<Add, Body>,
    balls: Query<&Peer, With<Body>>,
    looks: Res<Looks>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut commands: Commands,
) {
    if let Ok(peer) = balls.get(added.entity) {
        let material = materials.add(StandardMaterial {
            base_color: Persona::of(peer.id).tone(0.8, 0.17),
            base_color_texture: Some(looks.stripes.clone()),
            perceptual_roughness: 0.35,
            ..default()
        });
        commands.entity(added.entity).insert((
            Mesh3d(looks.ball.clone()),
            MeshMaterial3d(material),
            NameTag {
                player: peer.id,
                below: RADIUS,
            },
        ));
    }
}

/// Gives the cubes of each owner its color, or those of each importance.
fn color_cubes(
    overlay: Res<Overlay>,
    mut cubes: Query<
        (
            Option<Ref<Owner>>,
            Option<Ref<Importance>>,
            &mut MeshMaterial3d<StandardMaterial>,
        ),
        With<Cube>,
    >,
    mut looks: ResMut<Looks>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    for (owner, importance, mut material) in &mut cubes {
        let owner_changed = owner.as_ref().is_some_and(Ref::is_changed);
        let rank_changed = importance.as_ref().is_some_and(Ref::is_changed);
        if !owner_changed && !rank_changed && !overlay.is_changed() {
            continue;
        }
        let wanted = match *overlay {
            Overlay::Priority => {
                let is_important = importance.is_some_and(|importance| importance.0 > 1.0);
                looks.ranks[usize::from(is_important)].clone()
            }
            _ => looks.of_cube(owner.map(|owner| owner.0), &mut materials),
        };
        material.set_if_neq(MeshMaterial3d(wanted));
    }
}
