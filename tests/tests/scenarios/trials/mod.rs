//! Situations from everyday play: hidden pages, the back button, repeated reloads, long
//! loading times, browsers that block WebRTC, slow machines.
//!
//! `cargo xtask test` runs a short version of each. `cargo xtask trials` runs all of them at full
//! length.

mod absence;
mod background;
mod credentials;
mod cubes;
mod lifecycle;
mod loading;
mod networks;
mod refusals;
mod slow;

use huddle_tests::Platform::{Chromium, Firefox, Native};

use crate::{
    duel,
    entry::{
        Entry,
        Machine::{Alone, Shared},
    },
    first_game, matches,
    steps::is_long_run,
};
use background::hidden_host_meets_a_friend;
use networks::{MORE_NETWORKS_WITH_FIREFOX, NETWORKS, NETWORKS_WITH_FIREFOX};

/// Returns the selected trials without Firefox.
pub(crate) fn trials() -> Vec<Entry> {
    let others = select(
        &[
            ("trial_hidden_host_chromium_chromium", Alone, |artifacts| {
                hidden_host_meets_a_friend(artifacts, Chromium, Chromium)
            }),
            (
                "trial_frozen_page_is_reported_and_resumes",
                Alone,
                lifecycle::frozen_page_is_reported_and_resumes,
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
                "trial_browser_without_webrtc_shows_the_reason",
                Alone,
                refusals::browser_without_webrtc_shows_the_reason,
            ),
            (
                "trial_refused_ice_server_is_named",
                Shared,
                refusals::refused_ice_server_is_named,
            ),
            (
                "trial_exceptions_end_link_attempts_but_not_the_room",
                Alone,
                refusals::exceptions_end_link_attempts_but_not_the_room,
            ),
            (
                "trial_native_game_connects_after_loading_a_level",
                Shared,
                loading::native_game_connects_after_loading_a_level,
            ),
            (
                "trial_relay_outlives_its_credentials",
                Shared,
                credentials::relay_outlives_its_credentials,
            ),
            (
                "trial_server_renews_the_relay",
                Shared,
                credentials::server_renews_the_relay,
            ),
            (
                "trial_rendered_pages_meet_on_a_slow_machine",
                Alone,
                slow::rendered_pages_meet_on_a_slow_machine,
            ),
        ],
        &[
            ("trial_hidden_host_chromium_native", Alone, |artifacts| {
                hidden_host_meets_a_friend(artifacts, Chromium, Native)
            }),
            ("trial_duel_in_two_chromium_pages", Alone, |artifacts| {
                duel::two_bots_play_for_three_minutes(artifacts, [Chromium, Chromium])
            }),
            ("trial_duel_natively_and_in_chromium", Alone, |artifacts| {
                duel::two_bots_play_for_three_minutes(artifacts, [Native, Chromium])
            }),
            (
                "trial_duel_in_a_hidden_page",
                Alone,
                duel::hidden_page_plays_on,
            ),
            ("trial_ten_rematches_of_duel", Shared, duel::ten_rematches),
            (
                "trial_page_of_cubes_keeps_its_tick_rate",
                Alone,
                cubes::page_keeps_its_tick_rate,
            ),
            (
                "trial_native_and_chromium_play_for_three_minutes",
                Alone,
                matches::native_and_chromium_play_for_three_minutes,
            ),
            (
                "trial_first_game_moves_in_two_pages",
                Alone,
                first_game::moves_in_two_pages,
            ),
        ],
    );
    [others.as_slice(), NETWORKS].concat()
}

/// Returns the selected trials with Firefox.
pub(crate) fn trials_with_firefox() -> Vec<Entry> {
    let others = select(
        &[("trial_hidden_host_firefox_native", Alone, |artifacts| {
            hidden_host_meets_a_friend(artifacts, Firefox, Native)
        })],
        &[
            ("trial_duel_in_chromium_and_firefox", Alone, |artifacts| {
                duel::two_bots_play_for_three_minutes(artifacts, [Chromium, Firefox])
            }),
            (
                "trial_duel_with_four_mixed_players",
                Alone,
                duel::four_bots_play_for_three_minutes,
            ),
            (
                "trial_duel_with_four_mixed_players_over_a_bad_network",
                Alone,
                duel::four_bots_play_over_a_bad_network_for_three_minutes,
            ),
            ("trial_hidden_host_chromium_firefox", Alone, |artifacts| {
                hidden_host_meets_a_friend(artifacts, Chromium, Firefox)
            }),
            ("trial_hidden_host_firefox_chromium", Alone, |artifacts| {
                hidden_host_meets_a_friend(artifacts, Firefox, Chromium)
            }),
            ("trial_hidden_host_firefox_firefox", Alone, |artifacts| {
                hidden_host_meets_a_friend(artifacts, Firefox, Firefox)
            }),
            (
                "trial_chromium_is_hidden_for_ten_minutes",
                Shared,
                |artifacts| absence::hidden_page_meets_friends(artifacts, Chromium),
            ),
            (
                "trial_firefox_is_hidden_for_ten_minutes",
                Shared,
                |artifacts| absence::hidden_page_meets_friends(artifacts, Firefox),
            ),
            (
                "trial_absent_players_return_after_ten_minutes",
                Shared,
                absence::absent_players_return,
            ),
            (
                "trial_refused_ice_server_is_named_in_firefox",
                Alone,
                refusals::refused_ice_server_is_named_in_firefox,
            ),
            (
                "trial_back_button_rejoins_the_room_in_firefox",
                Alone,
                lifecycle::back_button_rejoins_the_room_in_firefox,
            ),
        ],
    );
    let networks = select(NETWORKS_WITH_FIREFOX, MORE_NETWORKS_WITH_FIREFOX);
    [others, networks].concat()
}

/// Returns the trials of every run, with the others in a long run.
fn select(always: &[Entry], long_only: &[Entry]) -> Vec<Entry> {
    let long_only = if is_long_run() { long_only } else { &[] };
    [always, long_only].concat()
}
