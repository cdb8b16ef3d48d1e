//! Shows values smoothly: between ticks and between snapshots.

mod interpolated;
mod interpolation;
mod motion;
mod show;

pub use self::interpolated::Interpolated;
pub(crate) use self::{
    interpolation::{Interpolation, Sample, Smooth},
    motion::Draw,
};
