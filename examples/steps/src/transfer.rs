//! Players send each other pictures, in the background and with progress.
//!
//! Press Space to send a picture.

use bevy::{
    asset::RenderAssetUsages,
    prelude::*,
    render::render_resource::{Extent3d, TextureDimension, TextureFormat},
};
use bevy_huddle::{Direction, prelude::*};

use crate::room;

/// The width and height of a picture in pixels.
const SIZE: u32 = 512;
/// The length of a picture in bytes: red, green, blue and alpha of each pixel.
const LEN: usize = (SIZE * SIZE * 4) as usize;

/// The picture of the player who sent the last one.
#[derive(Component)]
struct Picture;

pub(crate) fn app() -> App {
    let mut app = App::new();
    app.add_plugins((DefaultPlugins, HuddlePlugins))
        // Nothing longer than a picture is accepted.
        .insert_resource(AcceptedTransfers(TransferLimits {
            max_len: LEN,
            ..default()
        }))
        .add_systems(Startup, setup)
        .add_systems(Update, send.run_if(room_playing))
        .add_observer(on_progress)
        .add_observer(on_received)
        .add_observer(on_failed);
    app
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn(Text::new("Press Space to send a picture"));
    commands.spawn((Picture, Sprite::default()));
    commands.join_room(room("transfer"));
}

fn send(keys: Res<ButtonInput<KeyCode>>, mut commands: Commands) {
    if keys.just_pressed(KeyCode::Space) {
        commands.send_transfer(Recipients::Others, "picture", paint());
    }
}

/// Paints waves around a random point.
fn paint() -> Vec<u8> {
    let center = Vec2::new(fastrand::f32(), fastrand::f32()) * SIZE as f32;
    let pixels = (0..SIZE).flat_map(|y| (0..SIZE).map(move |x| UVec2::new(x, y).as_vec2()));
    pixels
        .flat_map(|pixel| {
            let wave = (pixel.distance(center) / 8.0).sin() * 0.5 + 0.5;
            let [red, green] = (pixel / SIZE as f32 * 255.0).to_array();
            [red as u8, green as u8, (wave * 255.0) as u8, 255]
        })
        .collect()
}

/// Both players see the progress.
fn on_progress(progress: On<TransferProgress>, mut text: Single<&mut Text>) {
    let percent = 100 * progress.done / progress.total.max(1);
    text.0 = match progress.direction {
        Direction::Outgoing => format!("Sent {percent} %"),
        Direction::Incoming => format!("Received {percent} %"),
    };
}

fn on_received(
    received: On<TransferReceived>,
    mut images: ResMut<Assets<Image>>,
    mut picture: Single<&mut Sprite, With<Picture>>,
    mut text: Single<&mut Text>,
) {
    // The bytes arrive complete and unchanged. Only the game can decide whether they are a picture.
    if received.bytes.len() != LEN {
        text.0 = format!("{} sent no picture", received.peer_id.short());
        return;
    }
    let size = Extent3d {
        width: SIZE,
        height: SIZE,
        depth_or_array_layers: 1,
    };
    picture.image = images.add(Image::new(
        size,
        TextureDimension::D2,
        received.bytes.to_vec(),
        TextureFormat::Rgba8UnormSrgb,
        RenderAssetUsages::RENDER_WORLD,
    ));
    text.0 = format!("A picture from {}", received.peer_id.short());
}

fn on_failed(failed: On<TransferFailed>, mut text: Single<&mut Text>) {
    text.0 = format!("The picture did not arrive: {}", failed.reason);
}
