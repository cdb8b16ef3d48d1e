//! A button that saves a desync report in a page, where the game cannot write files.

use bevy::prelude::*;
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

use crate::rollback::{game::events::MatchStarted, tools::desync_overlay::Overlay};

/// The newest report of the match.
#[derive(Resource)]
struct SavableReport {
    /// The name of the file.
    name: String,
    text: String,
}

#[derive(Component)]
struct SaveButton;

/// Adds the button to each overlay of an app while there is a report.
pub(super) fn build(app: &mut App) {
    app.add_observer(add_button)
        .add_observer(|_: On<MatchStarted>, mut commands: Commands| {
            commands.remove_resource::<SavableReport>();
        })
        .add_systems(Update, save.run_if(resource_exists::<SavableReport>));
}

/// Lets the player save a report.
pub(super) fn offer(world: &mut World, name: String, text: String) {
    world.insert_resource(SavableReport { name, text });
}

fn add_button(
    overlay: On<Add, Overlay>,
    report: Option<Res<SavableReport>>,
    mut commands: Commands,
) {
    if report.is_some() {
        let node = Node {
            padding: UiRect::axes(px(12), px(6)),
            align_self: AlignSelf::Start,
            ..default()
        };
        commands.entity(overlay.entity).with_child((
            SaveButton,
            Button,
            node,
            BackgroundColor(Color::srgba(0.0, 0.0, 0.0, 0.6)),
            children![(Text::new("Save report"), TextFont::from_font_size(13.0))],
        ));
    }
}

fn save(
    buttons: Query<&Interaction, (With<SaveButton>, Changed<Interaction>)>,
    report: Res<SavableReport>,
) {
    let mut buttons = buttons.iter();
    if buttons.any(|interaction| *interaction == Interaction::Pressed)
        && let Err(error) = download(&report.name, &report.text)
    {
        log::error!("cannot save the report of the desync ({error:?}): copy it from the log");
    }
}

/// Downloads a text as a file.
fn download(name: &str, text: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type("text/plain");
    let parts = Array::of1(&text.into());
    let blob = Blob::new_with_str_sequence_and_options(&parts, &options)?;
    let document = web_sys::window().and_then(|window| window.document());
    let link = document
        .ok_or("the page has no document")?
        .create_element("a")?;
    let link = link.dyn_into::<HtmlAnchorElement>()?;
    // The page keeps the URL, because some browsers read the text only after the click.
    link.set_href(&Url::create_object_url_with_blob(&blob)?);
    link.set_download(name);
    link.click();
    Ok(())
}
