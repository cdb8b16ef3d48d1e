//! Stock matchbox clients in our rooms: raw bytes in both directions on every channel, without
//! disconnections.

mod exchange;
mod games;
mod mesh;
mod pages;
mod rooms;

pub(crate) use games::games_and_stock_clients_exchange_raw_bytes;
pub(crate) use mesh::eight_stock_clients_form_a_mesh;
pub(crate) use pages::players_and_stock_clients_share_a_room;
pub(crate) use rooms::{
    rooms_and_stock_clients_exchange_raw_bytes, rooms_and_stock_clients_meet_on_the_stock_server,
};
