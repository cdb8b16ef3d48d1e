//! All scenarios, and which of them can share the machine.

use huddle_tests::Platform::{Chromium, Firefox, Native};

use crate::{
    addresses::a_link_is_replaced_after_a_change_of_address,
    bad_networks,
    broken_links::{self, exactly_once_over_a_replaced_link},
    browsers,
    cuts::{self, a_long_cut_is_healed, a_short_cut_is_survived},
    departures,
    entry::{
        Entry,
        Machine::{Alone, Shared},
    },
    firefox, first_game,
    freezes::{self, a_long_freeze_is_survived, a_short_freeze_is_survived},
    goodbyes, hostile, hostile_servers, identity, leaks, matchmaking, mixed, overload, pages,
    pictures, recording, refusals, relay, server_loss, signaling, stock, transfers, trials,
};

/// All scenarios.
pub(crate) fn all() -> Vec<Entry> {
    [anywhere(), in_firefox()].concat()
}

/// Those that need no Firefox.
pub(crate) fn anywhere() -> Vec<Entry> {
    [SCENARIOS, &trials::trials(), &recording::recordings()].concat()
}

/// Those that need Firefox.
pub(crate) fn in_firefox() -> Vec<Entry> {
    [WITH_FIREFOX, &trials::trials_with_firefox()].concat()
}

const SCENARIOS: &[Entry] = &[
    (
        "index_leads_to_the_examples",
        Alone,
        pages::index_leads_to_the_examples,
    ),
    (
        "page_shows_how_far_it_is",
        Alone,
        pages::page_shows_how_far_it_is,
    ),
    (
        "page_says_what_is_wrong",
        Alone,
        pages::page_says_what_is_wrong,
    ),
    ("native_meets_native", Shared, mixed::native_meets_native),
    (
        "browsers_play_together",
        Alone,
        browsers::browsers_play_together,
    ),
    (
        "keys_reach_the_other_page",
        Alone,
        browsers::keys_reach_the_other_page,
    ),
    ("native_meets_browser", Alone, mixed::native_meets_browser),
    (
        "lag_from_options_is_in_the_round_trip",
        Alone,
        mixed::lag_from_options_is_in_the_round_trip,
    ),
    (
        "games_that_differ_say_how_on_both_screens",
        Alone,
        refusals::games_that_differ_say_how_on_both_screens,
    ),
    (
        "server_killed_and_back",
        Alone,
        server_loss::server_killed_and_back,
    ),
    (
        "killed_peer_is_gone",
        Alone,
        departures::killed_peer_is_gone,
    ),
    (
        "killed_peer_is_gone_without_server",
        Alone,
        departures::killed_peer_is_gone_without_server,
    ),
    (
        "killed_browser_is_gone",
        Alone,
        departures::killed_browser_is_gone,
    ),
    (
        "silence_is_no_goodbye_and_goodbyes_are_told_at_once",
        Alone,
        goodbyes::silence_is_no_goodbye_and_goodbyes_are_told_at_once,
    ),
    (
        "a_broken_link_is_replaced_and_others_stay",
        Shared,
        broken_links::a_broken_link_is_replaced_and_others_stay,
    ),
    (
        "exactly_once_over_a_replaced_link_native_native",
        Shared,
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Native, Native),
    ),
    (
        "exactly_once_over_a_replaced_link_native_chromium",
        Shared,
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Native, Chromium),
    ),
    (
        "exactly_once_over_a_replaced_link_chromium_chromium",
        Shared,
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Chromium, Chromium),
    ),
    (
        "a_lost_websocket_costs_nobody_a_link",
        Shared,
        cuts::a_lost_websocket_costs_nobody_a_link,
    ),
    (
        "a_short_cut_is_survived_native_native",
        Alone,
        |artifacts| a_short_cut_is_survived(artifacts, Native, Native),
    ),
    (
        "a_short_cut_is_survived_native_chromium",
        Alone,
        |artifacts| a_short_cut_is_survived(artifacts, Native, Chromium),
    ),
    ("a_long_cut_is_healed_native_native", Alone, |artifacts| {
        a_long_cut_is_healed(artifacts, Native, Native)
    }),
    ("a_long_cut_is_healed_native_chromium", Alone, |artifacts| {
        a_long_cut_is_healed(artifacts, Native, Chromium)
    }),
    ("a_native_player_changes_its_address", Shared, |artifacts| {
        a_link_is_replaced_after_a_change_of_address(artifacts, Native, Chromium)
    }),
    ("a_browser_changes_its_address", Shared, |artifacts| {
        a_link_is_replaced_after_a_change_of_address(artifacts, Chromium, Native)
    }),
    ("a_short_freeze_is_survived_native", Alone, |artifacts| {
        a_short_freeze_is_survived(artifacts, Native)
    }),
    ("a_short_freeze_is_survived_chromium", Alone, |artifacts| {
        a_short_freeze_is_survived(artifacts, Chromium)
    }),
    ("a_long_freeze_is_survived_native", Shared, |artifacts| {
        a_long_freeze_is_survived(artifacts, Native)
    }),
    ("a_long_freeze_is_survived_chromium", Shared, |artifacts| {
        a_long_freeze_is_survived(artifacts, Chromium)
    }),
    (
        "a_hidden_page_keeps_its_links",
        Alone,
        freezes::a_hidden_page_keeps_its_links,
    ),
    (
        "a_frozen_ghost_binds_no_player",
        Shared,
        matchmaking::a_frozen_ghost_binds_no_player,
    ),
    (
        "a_lost_websocket_groups_nobody_with_strangers",
        Shared,
        matchmaking::a_lost_websocket_groups_nobody_with_strangers,
    ),
    (
        "why_there_is_no_server_is_told_and_it_is_found_when_it_is_there",
        Shared,
        bad_networks::why_there_is_no_server_is_told_and_it_is_found_when_it_is_there,
    ),
    (
        "a_page_whose_server_hangs_says_so_and_plays_when_it_does_not",
        Shared,
        bad_networks::a_page_whose_server_hangs_says_so_and_plays_when_it_does_not,
    ),
    (
        "who_cannot_be_reached_is_told_of_and_met_when_there_is_a_way",
        Shared,
        bad_networks::who_cannot_be_reached_is_told_of_and_met_when_there_is_a_way,
    ),
    (
        "players_out_of_reach_of_each_other_read_why_and_play_when_they_are_not",
        Shared,
        bad_networks::players_out_of_reach_of_each_other_read_why_and_play_when_they_are_not,
    ),
    (
        "two_without_a_default_route_meet",
        Shared,
        bad_networks::two_without_a_default_route_meet,
    ),
    (
        "who_does_not_read_keeps_the_link_and_a_bounded_rest",
        Alone,
        overload::who_does_not_read_keeps_the_link_and_a_bounded_rest,
    ),
    (
        "a_flood_is_refused_where_it_is_sent",
        Alone,
        overload::a_flood_is_refused_where_it_is_sent,
    ),
    (
        "what_does_not_drain_is_refused_and_arrives_when_it_can",
        Alone,
        overload::what_does_not_drain_is_refused_and_arrives_when_it_can,
    ),
    (
        "a_frozen_game_is_let_go_and_takes_nothing_from_others",
        Alone,
        overload::a_frozen_game_is_let_go_and_takes_nothing_from_others,
    ),
    (
        "a_page_keeps_nothing_of_who_left_and_of_replaced_links",
        Alone,
        leaks::a_page_keeps_nothing_of_who_left_and_of_replaced_links,
    ),
    (
        "a_native_room_keeps_nothing_of_who_left_and_of_replaced_links",
        Alone,
        leaks::a_native_room_keeps_nothing_of_who_left_and_of_replaced_links,
    ),
    (
        "state_does_not_feel_a_transfer_to_a_browser",
        Alone,
        transfers::state_does_not_feel_a_transfer_to_a_browser,
    ),
    (
        "state_does_not_feel_a_transfer_to_a_native_player",
        Alone,
        transfers::state_does_not_feel_a_transfer_to_a_native_player,
    ),
    (
        "relay_only_hides_addresses",
        Shared,
        relay::relay_only_hides_addresses,
    ),
    (
        "signaling_behaves_like_the_stock_server",
        Shared,
        signaling::signaling_behaves_like_the_stock_server,
    ),
    (
        "rooms_and_stock_clients_exchange_raw_bytes",
        Shared,
        stock::rooms_and_stock_clients_exchange_raw_bytes,
    ),
    (
        "the_stock_server_introduces_rooms_and_stock_clients",
        Shared,
        stock::the_stock_server_introduces_rooms_and_stock_clients,
    ),
    (
        "games_and_stock_clients_exchange_raw_bytes",
        Shared,
        stock::games_and_stock_clients_exchange_raw_bytes,
    ),
    (
        "players_and_stock_clients_share_a_room",
        Shared,
        stock::players_and_stock_clients_share_a_room,
    ),
    (
        "hostile_members_do_not_disturb_rooms",
        Alone,
        hostile::hostile_members_do_not_disturb_rooms,
    ),
    (
        "hostile_members_do_not_disturb_games",
        Alone,
        hostile::hostile_members_do_not_disturb_games,
    ),
    (
        "rewritten_fingerprint_opens_no_link",
        Shared,
        identity::rewritten_fingerprint_opens_no_link,
    ),
    (
        "server_that_bridges_two_rooms_shows_its_own_ids",
        Shared,
        identity::server_that_bridges_two_rooms_shows_its_own_ids,
    ),
    (
        "copied_certificate_takes_no_id",
        Shared,
        identity::copied_certificate_takes_no_id,
    ),
    (
        "hostile_servers_are_named_and_play_begins_when_they_behave",
        Alone,
        hostile_servers::hostile_servers_are_named_and_play_begins_when_they_behave,
    ),
    (
        "links_do_not_feel_a_server_that_floods",
        Alone,
        hostile_servers::links_do_not_feel_a_server_that_floods,
    ),
    (
        "a_page_outlives_a_hostile_server",
        Alone,
        hostile_servers::a_page_outlives_a_hostile_server,
    ),
    (
        "first_game_moves_in_two_windows",
        Alone,
        first_game::moves_in_two_windows,
    ),
    (
        "screenshots_of_waiting_and_play",
        Alone,
        pictures::screenshots_of_waiting_and_play,
    ),
];

const WITH_FIREFOX: &[Entry] = &[
    (
        "firefox_joins_chromium",
        Alone,
        firefox::firefox_joins_chromium,
    ),
    (
        "chromium_joins_firefox",
        Alone,
        firefox::chromium_joins_firefox,
    ),
    (
        "firefox_draws_the_game",
        Alone,
        firefox::firefox_draws_the_game,
    ),
    ("mixed_room_of_four", Alone, firefox::mixed_room_of_four),
    (
        "a_short_cut_is_survived_chromium_firefox",
        Alone,
        |artifacts| a_short_cut_is_survived(artifacts, Chromium, Firefox),
    ),
    (
        "a_long_cut_is_healed_chromium_firefox",
        Alone,
        |artifacts| a_long_cut_is_healed(artifacts, Chromium, Firefox),
    ),
    ("a_short_freeze_is_survived_firefox", Alone, |artifacts| {
        a_short_freeze_is_survived(artifacts, Firefox)
    }),
    (
        "hostile_members_do_not_disturb_firefox",
        Alone,
        hostile::hostile_members_do_not_disturb_firefox,
    ),
    (
        "exactly_once_over_a_replaced_link_native_firefox",
        Shared,
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Native, Firefox),
    ),
    (
        "exactly_once_over_a_replaced_link_chromium_firefox",
        Shared,
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Chromium, Firefox),
    ),
];
