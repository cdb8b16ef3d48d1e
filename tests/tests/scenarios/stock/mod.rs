//! Stock matchbox clients in our rooms: raw bytes both ways on every channel, and nobody is cut.

mod exchange;
mod games;
mod pages;
mod rooms;

pub(crate) use games::games_and_stock_clients_exchange_raw_bytes;
pub(crate) use pages::players_and_stock_clients_share_a_room;
pub(crate) use rooms::{
    rooms_and_stock_clients_exchange_raw_bytes, the_stock_server_introduces_rooms_and_stock_clients,
};
