//! The doctor: a page that is part of every site, and checks the connections of a machine.

/// The name of the page.
pub(crate) const NAME: &str = "doctor";
/// The package of its program.
pub(crate) const PACKAGE: &str = "huddle_doctor";
/// The name of its program, which is also the name of the page's files.
pub(crate) const PROGRAM: &str = "huddle-doctor";
/// What the page does.
pub(crate) const DESCRIPTION: &str = "Checks the connections of a machine";
