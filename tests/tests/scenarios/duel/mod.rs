//! Bots play `duel`.

mod endings;
mod play;
mod room;

pub(crate) use endings::{
    address_change_costs_little, frozen_player_is_named_and_dropped, hidden_page_plays_on,
    killed_player_costs_little, killed_player_without_server_costs_little, ten_rematches,
};
pub(crate) use play::{
    four_bots_play, four_bots_play_for_three_minutes, four_bots_play_over_a_bad_network,
    four_bots_play_over_a_bad_network_for_three_minutes, two_bots_play,
    two_bots_play_for_three_minutes,
};
