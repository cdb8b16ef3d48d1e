//! Plays a sound for each cue. M mutes.
//!
//! A cue starts once, however often its tick is simulated again, so no sound is cut, doubled or restarted. When a
//! rollback undoes a cue, its sound ends naturally: half a sound would be worse than a wrong one.

use bevy::{audio::Volume, input::touch::Touches, prelude::*};
use bevy_huddle::rollback::*;
use example_kit::Toast;

use super::{of_match::OfMatch, synth::Synth};
use crate::simulation::Cue;

#[derive(Resource)]
struct Sounds {
    count: Handle<AudioSource>,
    start: Handle<AudioSource>,
    dash: Handle<AudioSource>,
    punch: Handle<AudioSource>,
    hit: Handle<AudioSource>,
    fall: Handle<AudioSource>,
    round: Handle<AudioSource>,
    win: Handle<AudioSource>,
}

/// Whether sounds play.
#[derive(Resource)]
struct Speaker {
    /// Browsers allow sounds only after the player has pressed something. Sounds before that would pile up.
    is_allowed: bool,
    is_muted: bool,
}

pub(super) fn plugin(app: &mut App) {
    app.insert_resource(Speaker {
        is_allowed: !cfg!(target_arch = "wasm32"),
        is_muted: false,
    })
    .add_systems(Startup, make)
    .add_systems(PreUpdate, (allow, mute))
    .add_observer(play);
}

fn make(mut sources: ResMut<Assets<AudioSource>>, mut commands: Commands) {
    let mut add = |seconds: f32, sample: &dyn Fn(&mut Synth, f32) -> f32| {
        let bytes = Synth::wav(seconds, sample).into();
        sources.add(AudioSource { bytes })
    };
    let fade = |part: f32| (1.0 - part) * (1.0 - part);
    let melody = |notes: &'static [f32]| {
        move |synth: &mut Synth, part: f32| {
            let place = part * notes.len() as f32;
            let note = notes[(place as usize).min(notes.len() - 1)];
            let tone = synth.tone(note);
            tone * (1.0 - 0.8 * place.fract()) * (1.0 - part * part) * 0.5
        }
    };
    commands.insert_resource(Sounds {
        count: add(0.16, &|synth, part| synth.tone(440.0) * fade(part) * 0.5),
        start: add(0.4, &|synth, part| synth.tone(880.0) * fade(part) * 0.5),
        dash: add(0.22, &|synth, part| {
            synth.noise(0.75 - 0.5 * part) * fade(part) * (part * 12.0).min(1.0)
        }),
        punch: add(0.1, &|synth, part| {
            (synth.tone(320.0 - 200.0 * part) * 0.4 + synth.noise(0.6) * 0.4) * fade(part)
        }),
        hit: add(0.26, &|synth, part| {
            let thump = synth.tone(190.0 - 140.0 * part);
            let crack = synth.noise(0.3) * (-synth.time(part) * 40.0).exp();
            (thump * 0.8 + crack * 0.6) * fade(part)
        }),
        fall: add(0.8, &|synth, part| {
            synth.tone(760.0 * (-3.0 * part).exp() + 60.0) * fade(part) * 0.6
        }),
        round: add(0.5, &melody(&[523.25, 659.25])),
        win: add(
            1.2,
            &melody(&[523.25, 659.25, 783.99, 1046.5, 783.99, 1046.5]),
        ),
    });
}

fn allow(
    keys: Res<ButtonInput<KeyCode>>,
    mouse: Res<ButtonInput<MouseButton>>,
    touches: Res<Touches>,
    mut speaker: ResMut<Speaker>,
) {
    let has_keys = keys.get_just_pressed().next().is_some();
    let has_mouse = mouse.get_just_pressed().next().is_some();
    // A browser counts a touch when the finger is lifted.
    let has_touch = touches.any_just_released();
    speaker.is_allowed |= has_keys || has_mouse || has_touch;
}

fn mute(keys: Res<ButtonInput<KeyCode>>, mut speaker: ResMut<Speaker>, mut commands: Commands) {
    if keys.just_pressed(KeyCode::KeyM) {
        speaker.is_muted = !speaker.is_muted;
        let text = if speaker.is_muted {
            "Sound off"
        } else {
            "Sound on"
        };
        commands.trigger(Toast::new(text));
    }
}

fn play(
    cue: On<EffectStarted<Cue>>,
    sounds: Res<Sounds>,
    speaker: Res<Speaker>,
    mut commands: Commands,
) {
    if !speaker.is_allowed || speaker.is_muted {
        return;
    }
    let (sound, volume) = match cue.effect {
        Cue::Count(0) => (&sounds.start, 0.5),
        Cue::Count(_) => (&sounds.count, 0.5),
        Cue::Dash { .. } => (&sounds.dash, 0.6),
        Cue::Punch { .. } => (&sounds.punch, 0.5),
        Cue::Hit { .. } => (&sounds.hit, 0.9),
        Cue::RingOut { .. } => (&sounds.fall, 0.7),
        Cue::RoundOver { .. } => (&sounds.round, 0.6),
        Cue::MatchOver { .. } => (&sounds.win, 0.7),
    };
    let settings = PlaybackSettings::DESPAWN.with_volume(Volume::Linear(volume));
    commands.spawn((OfMatch, AudioPlayer(sound.clone()), settings));
}
