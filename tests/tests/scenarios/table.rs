//! The table of all scenarios.

use huddle_tests::Platform::{Chromium, Firefox, Native};

use crate::{
    addresses::{link_is_replaced_after_an_address_change, network_change_is_not_a_departure},
    bad_networks,
    broken_links::{self, events_arrive_exactly_once_over_replaced_links},
    browsers, cubes,
    cuts::{self, link_survives_a_short_partition, players_reconnect_after_a_long_partition},
    departure_reasons, departures, determinism, doctor, duel,
    entry::{
        Entry,
        Machine::{Alone, Shared},
    },
    firefox, first_game,
    freezes::{
        self, hidden_page_with_slow_frames_responds, link_survives_a_short_freeze,
        player_reconnects_after_a_long_freeze,
    },
    hostile, hostile_servers, identity, instances, leaks, matchmaking, mixed, overload, pages,
    pictures, recording, refusals, relay, server_loss, signaling, small_examples, stock, storms,
    tokens, transfers, trials,
};

/// Returns all scenarios.
pub(crate) fn all() -> Vec<Entry> {
    [without_firefox(), with_firefox()].concat()
}

/// Returns the scenarios without Firefox.
pub(crate) fn without_firefox() -> Vec<Entry> {
    [SCENARIOS, &trials::trials(), &recording::recordings()].concat()
}

/// Returns the scenarios with Firefox.
pub(crate) fn with_firefox() -> Vec<Entry> {
    [WITH_FIREFOX, &trials::trials_with_firefox()].concat()
}

const SCENARIOS: &[Entry] = &[
    (
        "index_leads_to_the_examples",
        Alone,
        pages::index_leads_to_the_examples,
    ),
    (
        "page_shows_loading_progress",
        Alone,
        pages::page_shows_loading_progress,
    ),
    (
        "page_shows_why_the_game_cannot_run",
        Alone,
        pages::page_shows_why_the_game_cannot_run,
    ),
    (
        "doctor_page_shows_and_copies_the_result",
        Alone,
        doctor::doctor_page_shows_and_copies_the_result,
    ),
    (
        "doctor_program_tests_the_relay",
        Shared,
        doctor::doctor_program_tests_the_relay,
    ),
    ("native_meets_native", Shared, mixed::native_meets_native),
    ("duel_runs_natively_and_in_chromium", Alone, |artifacts| {
        duel::two_bots_play(artifacts, [Native, Chromium])
    }),
    (
        "killed_player_of_duel_costs_little",
        Alone,
        duel::killed_player_costs_little,
    ),
    (
        "killed_player_of_duel_without_server_costs_little",
        Alone,
        duel::killed_player_without_server_costs_little,
    ),
    (
        "frozen_player_of_duel_is_named_and_dropped",
        Alone,
        duel::frozen_player_is_named_and_dropped,
    ),
    (
        "address_change_in_duel_costs_little",
        Alone,
        duel::address_change_costs_little,
    ),
    (
        "desync_report_names_a_result_that_depends_on_the_platform",
        Alone,
        determinism::desync_report_names_a_result_that_depends_on_the_platform,
    ),
    (
        "browsers_play_together",
        Alone,
        browsers::browsers_play_together,
    ),
    (
        "key_presses_reach_the_other_page",
        Alone,
        browsers::key_presses_reach_the_other_page,
    ),
    ("native_meets_browser", Alone, mixed::native_meets_browser),
    (
        "round_trip_time_includes_lag_from_options",
        Alone,
        mixed::round_trip_time_includes_lag_from_options,
    ),
    (
        "incompatible_games_show_the_difference_on_both_screens",
        Alone,
        refusals::incompatible_games_show_the_difference_on_both_screens,
    ),
    ("players_with_tokens_meet_chromium", Shared, |artifacts| {
        tokens::players_with_tokens_meet(artifacts, Chromium)
    }),
    (
        "players_move_to_another_instance",
        Shared,
        server_loss::players_move_to_another_instance,
    ),
    (
        "clients_return_after_the_death_of_an_instance",
        Alone,
        instances::clients_return_after_the_death_of_an_instance,
    ),
    (
        "clients_stay_when_redis_restarts",
        Alone,
        instances::clients_stay_when_redis_restarts,
    ),
    (
        "players_continue_while_the_server_is_down",
        Alone,
        server_loss::players_continue_while_the_server_is_down,
    ),
    (
        "killed_peer_is_removed",
        Alone,
        departures::killed_peer_is_removed,
    ),
    (
        "killed_peer_is_removed_without_server",
        Alone,
        departures::killed_peer_is_removed_without_server,
    ),
    (
        "killed_browser_is_removed",
        Alone,
        departures::killed_browser_is_removed,
    ),
    (
        "departures_are_reported_immediately_and_unpolled_rooms_stay",
        Alone,
        departure_reasons::departures_are_reported_immediately_and_unpolled_rooms_stay,
    ),
    (
        "broken_link_is_replaced_and_other_links_stay",
        Shared,
        broken_links::broken_link_is_replaced_and_other_links_stay,
    ),
    (
        "events_arrive_exactly_once_over_replaced_links_native_native",
        Shared,
        |artifacts| events_arrive_exactly_once_over_replaced_links(artifacts, Native, Native),
    ),
    (
        "events_arrive_exactly_once_over_replaced_links_native_chromium",
        Shared,
        |artifacts| events_arrive_exactly_once_over_replaced_links(artifacts, Native, Chromium),
    ),
    (
        "events_arrive_exactly_once_over_replaced_links_chromium_chromium",
        Shared,
        |artifacts| events_arrive_exactly_once_over_replaced_links(artifacts, Chromium, Chromium),
    ),
    (
        "links_survive_a_lost_signaling_connection",
        Shared,
        cuts::links_survive_a_lost_signaling_connection,
    ),
    (
        "link_survives_a_short_partition_native_native",
        Alone,
        |artifacts| link_survives_a_short_partition(artifacts, Native, Native),
    ),
    (
        "link_survives_a_short_partition_native_chromium",
        Alone,
        |artifacts| link_survives_a_short_partition(artifacts, Native, Chromium),
    ),
    (
        "players_reconnect_after_a_long_partition_native_native",
        Shared,
        |artifacts| players_reconnect_after_a_long_partition(artifacts, Native, Native),
    ),
    (
        "players_reconnect_after_a_long_partition_native_chromium",
        Shared,
        |artifacts| players_reconnect_after_a_long_partition(artifacts, Native, Chromium),
    ),
    (
        "native_player_gets_a_new_link_after_an_address_change",
        Shared,
        |artifacts| link_is_replaced_after_an_address_change(artifacts, Native, Chromium),
    ),
    (
        "network_change_of_a_native_player_is_not_a_departure",
        Alone,
        |artifacts| network_change_is_not_a_departure(artifacts, Native, Chromium),
    ),
    (
        "network_change_of_a_browser_is_not_a_departure",
        Alone,
        |artifacts| network_change_is_not_a_departure(artifacts, Chromium, Native),
    ),
    (
        "browser_gets_a_new_link_after_an_address_change",
        Shared,
        |artifacts| link_is_replaced_after_an_address_change(artifacts, Chromium, Native),
    ),
    ("link_survives_a_short_freeze_native", Alone, |artifacts| {
        link_survives_a_short_freeze(artifacts, Native)
    }),
    (
        "link_survives_a_short_freeze_chromium",
        Alone,
        |artifacts| link_survives_a_short_freeze(artifacts, Chromium),
    ),
    (
        "player_reconnects_after_a_long_freeze_native",
        Shared,
        |artifacts| player_reconnects_after_a_long_freeze(artifacts, Native),
    ),
    (
        "player_reconnects_after_a_long_freeze_chromium",
        Shared,
        |artifacts| player_reconnects_after_a_long_freeze(artifacts, Chromium),
    ),
    (
        "hidden_page_with_slow_frames_responds_chromium",
        Alone,
        |artifacts| hidden_page_with_slow_frames_responds(artifacts, Chromium),
    ),
    (
        "hidden_page_keeps_its_links",
        Alone,
        freezes::hidden_page_keeps_its_links,
    ),
    (
        "cubes_of_a_killed_player_have_heirs",
        Shared,
        cubes::cubes_of_a_killed_player_have_heirs,
    ),
    (
        "frozen_player_is_not_matched",
        Shared,
        matchmaking::frozen_player_is_not_matched,
    ),
    (
        "matched_group_survives_a_server_restart",
        Shared,
        matchmaking::matched_group_survives_a_server_restart,
    ),
    (
        "signaling_faults_are_reported_and_rooms_recover",
        Shared,
        bad_networks::signaling_faults_are_reported_and_rooms_recover,
    ),
    (
        "page_reports_a_hanging_server_and_recovers",
        Shared,
        bad_networks::page_reports_a_hanging_server_and_recovers,
    ),
    (
        "unreachable_peer_is_reported_and_linked_after_healing",
        Shared,
        bad_networks::unreachable_peer_is_reported_and_linked_after_healing,
    ),
    (
        "unreachable_players_log_the_reason_and_play_after_healing",
        Shared,
        bad_networks::unreachable_players_log_the_reason_and_play_after_healing,
    ),
    (
        "peers_without_a_default_route_meet",
        Shared,
        bad_networks::peers_without_a_default_route_meet,
    ),
    (
        "unread_packets_are_bounded_and_keep_the_link",
        Alone,
        overload::unread_packets_are_bounded_and_keep_the_link,
    ),
    (
        "flood_is_refused_at_the_sender",
        Alone,
        overload::flood_is_refused_at_the_sender,
    ),
    (
        "full_send_queue_refuses_events_and_drains_after_recovery",
        Alone,
        overload::full_send_queue_refuses_events_and_drains_after_recovery,
    ),
    (
        "frozen_game_is_removed_and_costs_other_peers_no_memory",
        Alone,
        overload::frozen_game_is_removed_and_costs_other_peers_no_memory,
    ),
    (
        "page_frees_departed_peers_and_replaced_links",
        Alone,
        leaks::page_frees_departed_peers_and_replaced_links,
    ),
    (
        "native_room_frees_departed_peers_and_replaced_links",
        Alone,
        leaks::native_room_frees_departed_peers_and_replaced_links,
    ),
    (
        "transfer_to_a_browser_does_not_delay_state",
        Alone,
        transfers::transfer_to_a_browser_does_not_delay_state,
    ),
    (
        "transfer_to_a_native_player_does_not_delay_state",
        Alone,
        transfers::transfer_to_a_native_player_does_not_delay_state,
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
        "eight_stock_clients_form_a_mesh",
        Alone,
        stock::eight_stock_clients_form_a_mesh,
    ),
    (
        "rooms_and_stock_clients_exchange_raw_bytes",
        Shared,
        stock::rooms_and_stock_clients_exchange_raw_bytes,
    ),
    (
        "rooms_and_stock_clients_meet_on_the_stock_server",
        Shared,
        stock::rooms_and_stock_clients_meet_on_the_stock_server,
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
        "storms_of_members_do_not_disturb_players",
        Alone,
        storms::storms_of_members_do_not_disturb_players,
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
        "kept_identity_survives_a_reload",
        Alone,
        identity::kept_identity_survives_a_reload,
    ),
    (
        "kept_identity_survives_a_restart",
        Shared,
        identity::kept_identity_survives_a_restart,
    ),
    (
        "private_room_admits_players_with_the_link",
        Alone,
        identity::private_room_admits_players_with_the_link,
    ),
    (
        "copied_certificate_takes_no_id",
        Shared,
        identity::copied_certificate_takes_no_id,
    ),
    (
        "hostile_servers_are_reported_and_rooms_recover",
        Alone,
        hostile_servers::hostile_servers_are_reported_and_rooms_recover,
    ),
    (
        "flooding_server_does_not_affect_links",
        Alone,
        hostile_servers::flooding_server_does_not_affect_links,
    ),
    (
        "page_survives_hostile_servers",
        Alone,
        hostile_servers::page_survives_hostile_servers,
    ),
    ("example_chat", Alone, small_examples::chat),
    (
        "example_host_authority",
        Alone,
        small_examples::host_authority,
    ),
    ("example_late_join", Alone, small_examples::late_join),
    ("example_lobby", Alone, small_examples::lobby),
    ("example_password", Alone, small_examples::password),
    ("example_replicate", Alone, small_examples::replicate),
    ("example_rollback", Alone, small_examples::rollback),
    (
        "example_server_browser",
        Alone,
        small_examples::server_browser,
    ),
    ("example_transfer", Alone, small_examples::transfer),
    (
        "first_game_moves_in_a_window_and_a_page",
        Alone,
        first_game::moves_in_a_window_and_a_page,
    ),
    (
        "first_game_moves_in_two_windows",
        Alone,
        first_game::moves_in_two_windows,
    ),
    (
        "pages_are_drawn_while_waiting_and_playing",
        Alone,
        pictures::pages_are_drawn_while_waiting_and_playing,
    ),
    (
        "duel_is_drawn_on_a_desktop_and_a_phone",
        Alone,
        pictures::duel_is_drawn_on_a_desktop_and_a_phone,
    ),
];

const WITH_FIREFOX: &[Entry] = &[
    ("duel_runs_in_chromium_and_firefox", Alone, |artifacts| {
        duel::two_bots_play(artifacts, [Chromium, Firefox])
    }),
    (
        "duel_runs_with_four_mixed_players",
        Alone,
        duel::four_bots_play,
    ),
    (
        "duel_runs_with_four_mixed_players_over_a_bad_network",
        Alone,
        duel::four_bots_play_over_a_bad_network,
    ),
    (
        "input_log_gives_the_same_states_on_all_platforms",
        Alone,
        determinism::input_log_gives_the_same_states_on_all_platforms,
    ),
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
    (
        "four_players_on_mixed_platforms_meet",
        Alone,
        firefox::four_players_on_mixed_platforms_meet,
    ),
    (
        "positions_agree_to_one_quantum_after_rest",
        Alone,
        firefox::positions_agree_after_rest,
    ),
    (
        "cubes_agree_after_rest_on_mixed_platforms",
        Alone,
        cubes::cubes_agree_after_rest,
    ),
    (
        "link_survives_a_short_partition_chromium_firefox",
        Alone,
        |artifacts| link_survives_a_short_partition(artifacts, Chromium, Firefox),
    ),
    (
        "players_reconnect_after_a_long_partition_chromium_firefox",
        Shared,
        |artifacts| players_reconnect_after_a_long_partition(artifacts, Chromium, Firefox),
    ),
    ("players_with_tokens_meet_firefox", Shared, |artifacts| {
        tokens::players_with_tokens_meet(artifacts, Firefox)
    }),
    (
        "hidden_page_with_slow_frames_responds_firefox",
        Alone,
        |artifacts| hidden_page_with_slow_frames_responds(artifacts, Firefox),
    ),
    ("link_survives_a_short_freeze_firefox", Alone, |artifacts| {
        link_survives_a_short_freeze(artifacts, Firefox)
    }),
    (
        "kept_identity_survives_a_reload_in_firefox",
        Alone,
        identity::kept_identity_survives_a_reload_in_firefox,
    ),
    (
        "hostile_members_do_not_disturb_firefox",
        Alone,
        hostile::hostile_members_do_not_disturb_firefox,
    ),
    (
        "events_arrive_exactly_once_over_replaced_links_native_firefox",
        Shared,
        |artifacts| events_arrive_exactly_once_over_replaced_links(artifacts, Native, Firefox),
    ),
    (
        "events_arrive_exactly_once_over_replaced_links_chromium_firefox",
        Shared,
        |artifacts| events_arrive_exactly_once_over_replaced_links(artifacts, Chromium, Firefox),
    ),
];
