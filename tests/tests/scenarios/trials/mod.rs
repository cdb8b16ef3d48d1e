//! How people really play: pages that nobody sees, the back button, impatient reloads, games that load for
//! long, browsers that refuse, slow machines.
//!
//! The test command runs a short cell of each; `cargo xtask trials` runs all of them, at full length.

mod background;
mod lifecycle;
mod loading;
mod refusals;
mod slow;

use huddle_tests::Platform::{Chromium, Firefox, Native};

use crate::{
    entry::{
        Entry,
        Machine::{Alone, Shared},
    },
    first_game,
    steps::long,
};
use background::host_in_the_background;

/// The trials to run now, without those in Firefox.
pub(crate) fn trials() -> Vec<Entry> {
    chosen(
        &[
            (
                "trial_background_host_chromium_chromium",
                Alone,
                |artifacts| host_in_the_background(artifacts, Chromium, Chromium),
            ),
            (
                "trial_frozen_page_is_reported_and_plays_on",
                Alone,
                lifecycle::frozen_page_is_reported_and_plays_on,
            ),
            (
                "trial_back_button_rejoins_the_room",
                Alone,
                lifecycle::back_button_rejoins_the_room,
            ),
            (
                "trial_reload_storm_ends_in_one_working_room",
                Alone,
                lifecycle::reload_storm_ends_in_one_working_room,
            ),
            (
                "trial_duplicate_tab_is_another_player",
                Alone,
                lifecycle::duplicate_tab_is_another_player,
            ),
            (
                "trial_browser_without_webrtc_says_so",
                Alone,
                refusals::browser_without_webrtc_says_so,
            ),
            (
                "trial_refused_configuration_is_named",
                Shared,
                refusals::refused_configuration_is_named,
            ),
            (
                "trial_exceptions_end_an_attempt_and_not_the_room",
                Alone,
                refusals::exceptions_end_an_attempt_and_not_the_room,
            ),
            (
                "trial_native_level_load_connects_when_it_is_over",
                Shared,
                loading::native_level_load_connects_when_it_is_over,
            ),
            (
                "trial_rendered_pages_meet_on_a_slow_machine",
                Alone,
                slow::rendered_pages_meet_on_a_slow_machine,
            ),
        ],
        &[
            (
                "trial_background_host_chromium_native",
                Alone,
                |artifacts| host_in_the_background(artifacts, Chromium, Native),
            ),
            (
                "trial_first_game_moves_in_two_pages",
                Alone,
                first_game::moves_in_two_pages,
            ),
        ],
    )
}

/// The trials to run now that need Firefox.
pub(crate) fn trials_with_firefox() -> Vec<Entry> {
    chosen(
        &[
            ("trial_background_host_firefox_native", Alone, |artifacts| {
                host_in_the_background(artifacts, Firefox, Native)
            }),
        ],
        &[
            (
                "trial_background_host_chromium_firefox",
                Alone,
                |artifacts| host_in_the_background(artifacts, Chromium, Firefox),
            ),
            (
                "trial_background_host_firefox_chromium",
                Alone,
                |artifacts| host_in_the_background(artifacts, Firefox, Chromium),
            ),
            (
                "trial_background_host_firefox_firefox",
                Alone,
                |artifacts| host_in_the_background(artifacts, Firefox, Firefox),
            ),
            (
                "trial_refused_configuration_is_named_in_firefox",
                Alone,
                refusals::refused_configuration_is_named_in_firefox,
            ),
            (
                "trial_back_button_rejoins_the_room_in_firefox",
                Alone,
                lifecycle::back_button_rejoins_the_room_in_firefox,
            ),
        ],
    )
}

fn chosen(short: &[Entry], others: &[Entry]) -> Vec<Entry> {
    let others = if long() { others } else { &[] };
    [short, others].concat()
}
