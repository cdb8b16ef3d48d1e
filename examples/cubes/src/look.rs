//! Draws cubes and balls. The color shows the owner.

use std::collections::HashMap;

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::{NameTag, Persona, paint};

use crate::{
    body::{Body, Cube},
    level,
    overlay::Overlay,
    player::RADIUS,
};

/// The meshes and materials of bodies.
#[derive(Resource)]
struct Looks {
    cube: Handle<Mesh>,
    ball: Handle<Mesh>,
    edges: Handle<Image>,
    stripes: Handle<Image>,
    /// A cube that nobody owns.
    free: Handle<StandardMaterial>,
    /// Ordinary and important cubes.
    ranks: [Handle<StandardMaterial>; 2],
    players: HashMap<PeerId, PlayerLooks>,
}

/// The materials of the ball and the cubes of a player.
struct PlayerLooks {
    ball: Handle<StandardMaterial>,
    cube: Handle<StandardMaterial>,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PreStartup, prepare)
        .add_observer(draw_cube)
        .add_observer(draw_ball)
        .add_systems(Update, (color_players, color_cubes).chain());
}

fn prepare(
    mut images: ResMut<Assets<Image>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut commands: Commands,
) {
    let edges = images.add(paint(64, 64, &|p| {
        let to_edge = 1.0 - p.abs().max_element();
        Vec2::new(if to_edge < 0.09 { 1.0 } else { 0.74 }, 1.0)
    }));
    let stripes = images.add(paint(64, 32, &|p| {
        let is_light = (p.x * 4.0).rem_euclid(2.0) < 1.0;
        Vec2::new(if is_light { 1.0 } else { 0.6 }, 1.0)
    }));
    let mut cube = |color| materials.add(matt(color, &edges));
    commands.insert_resource(Looks {
        cube: meshes.add(Cuboid::from_length(level::CUBE)),
        ball: meshes.add(Sphere::new(RADIUS).mesh().uv(32, 18)),
        free: cube(Color::srgb(0.78, 0.79, 0.84)),
        ranks: [Color::srgb(0.3, 0.33, 0.42), Color::srgb(0.95, 0.3, 0.2)].map(cube),
        edges,
        stripes,
        players: HashMap::new(),
    });
}

fn matt(color: Color, texture: &Handle<Image>) -> StandardMaterial {
    StandardMaterial {
        base_color: color,
        base_color_texture: Some(texture.clone()),
        perceptual_roughness: 0.6,
        ..default()
    }
}

impl Looks {
    fn of_player(
        &mut self,
        player: PeerId,
        materials: &mut Assets<StandardMaterial>,
    ) -> &mut PlayerLooks {
        let Self { edges, stripes, .. } = self;
        self.players.entry(player).or_insert_with(|| {
            let persona = Persona::of(player);
            PlayerLooks {
                ball: materials.add(matt(ball_color(&persona), stripes)),
                cube: materials.add(matt(cube_color(&persona), edges)),
            }
        })
    }
}

fn ball_color(persona: &Persona) -> Color {
    persona.tone(0.82, 0.17)
}

fn cube_color(persona: &Persona) -> Color {
    persona.tone(0.7, 0.14)
}

fn draw_cube(added: On<Add, Cube>, looks: Res<Looks>, mut commands: Commands) {
    commands.entity(added.entity).try_insert((
        Mesh3d(looks.cube.clone()),
        MeshMaterial3d(looks.free.clone()),
    ));
}

fn draw_ball(
    added: On<Add, Body>,
    balls: Query<&Peer, With<Body>>,
    mut looks: ResMut<Looks>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut commands: Commands,
) {
    if let Ok(peer) = balls.get(added.entity) {
        let material = looks.of_player(peer.id, &mut materials).ball.clone();
        commands.entity(added.entity).try_insert((
            Mesh3d(looks.ball.clone()),
            MeshMaterial3d(material),
            NameTag {
                player: peer.id,
                below: RADIUS,
            },
        ));
    }
}

/// Takes over the colors of the players, and forgets those of players that have left.
fn color_players(
    changed: Query<(&Peer, &Persona), Changed<Persona>>,
    peers: Query<&Peer>,
    mut left: RemovedComponents<Peer>,
    mut looks: ResMut<Looks>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    for (peer, persona) in &changed {
        let PlayerLooks { ball, cube } = looks.of_player(peer.id, &mut materials);
        for (handle, color) in [(ball, ball_color(persona)), (cube, cube_color(persona))] {
            if let Some(mut material) = materials.get_mut(&*handle) {
                material.base_color = color;
            }
        }
    }
    if left.read().count() > 0 {
        let players = &mut looks.players;
        players.retain(|id, _| peers.iter().any(|peer| peer.id == *id));
    }
}

/// Gives the cubes of each owner its color, or shows which cubes are important because they move.
fn color_cubes(
    overlay: Res<Overlay>,
    mut cubes: Query<
        (
            Option<Ref<Owner>>,
            Ref<Body>,
            &mut MeshMaterial3d<StandardMaterial>,
        ),
        With<Cube>,
    >,
    mut looks: ResMut<Looks>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    for (owner, body, mut material) in &mut cubes {
        let has_new_owner = owner.as_ref().is_some_and(Ref::is_changed);
        if !has_new_owner && !body.is_changed() && !overlay.is_changed() {
            continue;
        }
        let wanted = match (*overlay, owner) {
            (Overlay::Priority, _) => &looks.ranks[usize::from(!body.is_at_rest())],
            (_, Some(owner)) => &looks.of_player(owner.0, &mut materials).cube,
            (_, None) => &looks.free,
        };
        material.set_if_neq(MeshMaterial3d(wanted.clone()));
    }
}
