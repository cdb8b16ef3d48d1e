//! Problems of ICE servers, so that each is logged once although every link finds it again.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// Records whether the server at `url` has a problem. Returns `true` if it has, and this is new.
pub(super) fn is_new(url: &str, has_problem: bool) -> bool {
    static PROBLEMS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut problems = PROBLEMS.lock().unwrap_or_else(PoisonError::into_inner);
    if !has_problem {
        problems.remove(url);
        return false;
    }
    problems.insert(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_is_reported_once_until_it_is_solved() {
        let url = "stun:unknown.invalid";
        let reported = [true, true, false, true, true].map(|problem| is_new(url, problem));
        assert_eq!(reported, [true, false, false, true, false]);
    }
}
