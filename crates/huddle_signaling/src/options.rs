//! The options of the program.

mod config;
mod describe;
mod error;
mod layers;
mod secrets;
mod text;
mod values;

pub(crate) use config::config;
pub(crate) use describe::{describe, print};
pub(crate) use error::Error;
pub(crate) use layers::{from_environment, from_file, merge};
pub(crate) use values::Options;
