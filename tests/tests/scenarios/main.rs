//! Whole games: servers, native players and browsers, in a network of their own.

mod addresses;
mod bad_networks;
mod broken_links;
mod browsers;
mod cuts;
mod departures;
mod firefox;
mod freezes;
mod goodbyes;
mod hostile;
mod hostile_servers;
mod leaks;
mod matchmaking;
mod mixed;
mod overload;
mod pages;
mod pictures;
mod refusals;
mod relay;
mod rooms;
mod server_loss;
mod signaling;
mod steps;
mod stock;
mod transfers;
mod trials;

use std::process::ExitCode;

use huddle_tests::{
    Artifacts,
    Platform::{Chromium, Firefox, Native},
    firefox_is_here,
};
use libtest_mimic::{Arguments, Trial};
use network_lab::{Inside, isolate};

use addresses::a_link_is_replaced_after_a_change_of_address;
use broken_links::exactly_once_over_a_replaced_link;
use cuts::{a_long_cut_is_healed, a_short_cut_is_survived};
use freezes::{a_long_freeze_is_survived, a_short_freeze_is_survived};

type Scenario = fn(&Artifacts) -> anyhow::Result<()>;

const SCENARIOS: &[(&str, Scenario)] = &[
    (
        "index_leads_to_the_examples",
        pages::index_leads_to_the_examples,
    ),
    ("page_shows_how_far_it_is", pages::page_shows_how_far_it_is),
    ("page_says_what_is_wrong", pages::page_says_what_is_wrong),
    ("native_meets_native", mixed::native_meets_native),
    ("browsers_play_together", browsers::browsers_play_together),
    (
        "keys_reach_the_other_page",
        browsers::keys_reach_the_other_page,
    ),
    ("native_meets_browser", mixed::native_meets_browser),
    (
        "games_that_differ_say_how_on_both_screens",
        refusals::games_that_differ_say_how_on_both_screens,
    ),
    (
        "server_killed_and_back",
        server_loss::server_killed_and_back,
    ),
    ("killed_peer_is_gone", departures::killed_peer_is_gone),
    (
        "killed_peer_is_gone_without_server",
        departures::killed_peer_is_gone_without_server,
    ),
    ("killed_browser_is_gone", departures::killed_browser_is_gone),
    (
        "silence_is_no_goodbye_and_goodbyes_are_told_at_once",
        goodbyes::silence_is_no_goodbye_and_goodbyes_are_told_at_once,
    ),
    (
        "a_broken_link_is_replaced_and_others_stay",
        broken_links::a_broken_link_is_replaced_and_others_stay,
    ),
    (
        "exactly_once_over_a_replaced_link_native_native",
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Native, Native),
    ),
    (
        "exactly_once_over_a_replaced_link_native_chromium",
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Native, Chromium),
    ),
    (
        "exactly_once_over_a_replaced_link_chromium_chromium",
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Chromium, Chromium),
    ),
    (
        "a_lost_websocket_costs_nobody_a_link",
        cuts::a_lost_websocket_costs_nobody_a_link,
    ),
    ("a_short_cut_is_survived_native_native", |artifacts| {
        a_short_cut_is_survived(artifacts, Native, Native)
    }),
    ("a_short_cut_is_survived_native_chromium", |artifacts| {
        a_short_cut_is_survived(artifacts, Native, Chromium)
    }),
    ("a_long_cut_is_healed_native_native", |artifacts| {
        a_long_cut_is_healed(artifacts, Native, Native)
    }),
    ("a_long_cut_is_healed_native_chromium", |artifacts| {
        a_long_cut_is_healed(artifacts, Native, Chromium)
    }),
    ("a_native_player_changes_its_address", |artifacts| {
        a_link_is_replaced_after_a_change_of_address(artifacts, Native, Chromium)
    }),
    ("a_browser_changes_its_address", |artifacts| {
        a_link_is_replaced_after_a_change_of_address(artifacts, Chromium, Native)
    }),
    ("a_short_freeze_is_survived_native", |artifacts| {
        a_short_freeze_is_survived(artifacts, Native)
    }),
    ("a_short_freeze_is_survived_chromium", |artifacts| {
        a_short_freeze_is_survived(artifacts, Chromium)
    }),
    ("a_long_freeze_is_survived_native", |artifacts| {
        a_long_freeze_is_survived(artifacts, Native)
    }),
    ("a_long_freeze_is_survived_chromium", |artifacts| {
        a_long_freeze_is_survived(artifacts, Chromium)
    }),
    (
        "a_hidden_page_keeps_its_links",
        freezes::a_hidden_page_keeps_its_links,
    ),
    (
        "a_frozen_ghost_binds_no_player",
        matchmaking::a_frozen_ghost_binds_no_player,
    ),
    (
        "a_lost_websocket_groups_nobody_with_strangers",
        matchmaking::a_lost_websocket_groups_nobody_with_strangers,
    ),
    (
        "why_there_is_no_server_is_told_and_it_is_found_when_it_is_there",
        bad_networks::why_there_is_no_server_is_told_and_it_is_found_when_it_is_there,
    ),
    (
        "a_page_whose_server_hangs_says_so_and_plays_when_it_does_not",
        bad_networks::a_page_whose_server_hangs_says_so_and_plays_when_it_does_not,
    ),
    (
        "who_cannot_be_reached_is_told_of_and_met_when_there_is_a_way",
        bad_networks::who_cannot_be_reached_is_told_of_and_met_when_there_is_a_way,
    ),
    (
        "players_out_of_reach_of_each_other_read_why_and_play_when_they_are_not",
        bad_networks::players_out_of_reach_of_each_other_read_why_and_play_when_they_are_not,
    ),
    (
        "two_without_a_default_route_meet",
        bad_networks::two_without_a_default_route_meet,
    ),
    (
        "who_does_not_read_keeps_the_link_and_a_bounded_rest",
        overload::who_does_not_read_keeps_the_link_and_a_bounded_rest,
    ),
    (
        "a_flood_is_refused_where_it_is_sent",
        overload::a_flood_is_refused_where_it_is_sent,
    ),
    (
        "what_does_not_drain_is_refused_and_arrives_when_it_can",
        overload::what_does_not_drain_is_refused_and_arrives_when_it_can,
    ),
    (
        "a_frozen_game_is_let_go_and_takes_nothing_from_others",
        overload::a_frozen_game_is_let_go_and_takes_nothing_from_others,
    ),
    (
        "a_page_keeps_nothing_of_who_left_and_of_replaced_links",
        leaks::a_page_keeps_nothing_of_who_left_and_of_replaced_links,
    ),
    (
        "a_native_room_keeps_nothing_of_who_left_and_of_replaced_links",
        leaks::a_native_room_keeps_nothing_of_who_left_and_of_replaced_links,
    ),
    (
        "state_does_not_feel_a_transfer_to_a_browser",
        transfers::state_does_not_feel_a_transfer_to_a_browser,
    ),
    (
        "state_does_not_feel_a_transfer_to_a_native_player",
        transfers::state_does_not_feel_a_transfer_to_a_native_player,
    ),
    (
        "relay_only_hides_addresses",
        relay::relay_only_hides_addresses,
    ),
    (
        "signaling_behaves_like_the_stock_server",
        signaling::signaling_behaves_like_the_stock_server,
    ),
    (
        "rooms_and_stock_clients_exchange_raw_bytes",
        stock::rooms_and_stock_clients_exchange_raw_bytes,
    ),
    (
        "the_stock_server_introduces_rooms_and_stock_clients",
        stock::the_stock_server_introduces_rooms_and_stock_clients,
    ),
    (
        "games_and_stock_clients_exchange_raw_bytes",
        stock::games_and_stock_clients_exchange_raw_bytes,
    ),
    (
        "players_and_stock_clients_share_a_room",
        stock::players_and_stock_clients_share_a_room,
    ),
    (
        "hostile_members_do_not_disturb_rooms",
        hostile::hostile_members_do_not_disturb_rooms,
    ),
    (
        "hostile_members_do_not_disturb_games",
        hostile::hostile_members_do_not_disturb_games,
    ),
    (
        "hostile_servers_are_named_and_play_begins_when_they_behave",
        hostile_servers::hostile_servers_are_named_and_play_begins_when_they_behave,
    ),
    (
        "links_do_not_feel_a_server_that_floods",
        hostile_servers::links_do_not_feel_a_server_that_floods,
    ),
    (
        "a_page_outlives_a_hostile_server",
        hostile_servers::a_page_outlives_a_hostile_server,
    ),
    (
        "screenshots_of_waiting_and_play",
        pictures::screenshots_of_waiting_and_play,
    ),
];

const WITH_FIREFOX: &[(&str, Scenario)] = &[
    ("firefox_joins_chromium", firefox::firefox_joins_chromium),
    ("chromium_joins_firefox", firefox::chromium_joins_firefox),
    ("firefox_draws_the_game", firefox::firefox_draws_the_game),
    ("mixed_room_of_four", firefox::mixed_room_of_four),
    ("a_short_cut_is_survived_chromium_firefox", |artifacts| {
        a_short_cut_is_survived(artifacts, Chromium, Firefox)
    }),
    ("a_long_cut_is_healed_chromium_firefox", |artifacts| {
        a_long_cut_is_healed(artifacts, Chromium, Firefox)
    }),
    ("a_short_freeze_is_survived_firefox", |artifacts| {
        a_short_freeze_is_survived(artifacts, Firefox)
    }),
    (
        "hostile_members_do_not_disturb_firefox",
        hostile::hostile_members_do_not_disturb_firefox,
    ),
    (
        "exactly_once_over_a_replaced_link_native_firefox",
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Native, Firefox),
    ),
    (
        "exactly_once_over_a_replaced_link_chromium_firefox",
        |artifacts| exactly_once_over_a_replaced_link(artifacts, Chromium, Firefox),
    ),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They measure latencies, and share a machine that may be small.
    arguments.test_threads = Some(1);
    if arguments.list {
        return run(&arguments, None, false);
    }
    let must_run = std::env::var("CI").is_ok_and(|ci| ci == "true");
    match isolate() {
        Ok(Inside::Done(code)) => code,
        Ok(Inside::Yes) => match Artifacts::find() {
            Ok(artifacts) => run(&arguments, Some(&artifacts), must_run),
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
        Err(error) if must_run => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("The scenarios are ignored: no network of its own: {error:#}");
            run(&arguments, None, must_run)
        }
    }
}

/// Runs the scenarios; without artifacts they are only named, and ignored.
fn run(arguments: &Arguments, artifacts: Option<&Artifacts>, must_run: bool) -> ExitCode {
    let mut with_firefox = artifacts;
    if artifacts.is_some()
        && let Err(error) = firefox_is_here()
        && !must_run
    {
        println!("Scenarios with Firefox are ignored: {error:#}");
        with_firefox = None;
    }
    let anywhere = [SCENARIOS, &trials::trials()].concat();
    let in_firefox = [WITH_FIREFOX, &trials::trials_with_firefox()].concat();
    let mut trials = Vec::new();
    for (scenarios, artifacts) in [(anywhere, artifacts), (in_firefox, with_firefox)] {
        for (name, scenario) in scenarios {
            let artifacts = artifacts.cloned();
            let ignored = artifacts.is_none();
            let trial = Trial::test(name, move || match artifacts {
                Some(artifacts) => {
                    scenario(&artifacts).map_err(|error| format!("{error:#}").into())
                }
                None => Err("there is nothing to test".into()),
            });
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    libtest_mimic::run(arguments, trials).exit_code()
}
