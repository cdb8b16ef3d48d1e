//! The members of a match: how it [starts](start), and how the members
//! [agree](agreement) on which of them have left.

pub(crate) mod agreement;
pub(crate) mod start;
