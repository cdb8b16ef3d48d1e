//! Which of the players who wait make a group.

/// Players looked at beyond the group's size, so that one event costs a bounded time.
const SPARE: usize = 32;
/// Players for whom a group is searched.
const LEADERS: usize = 16;

/// The first `size` players, in the given order, of whom no two are incompatible. The search is
/// greedy: it may miss a group that exists, but never one of the first players who are all
/// compatible.
pub(crate) fn pick<T: Copy + PartialEq>(
    order: impl Iterator<Item = T>,
    size: usize,
    compatible: impl Fn(T, T) -> bool,
) -> Option<Vec<T>> {
    let window: Vec<T> = order.take(size.saturating_add(SPARE)).collect();
    if window.len() < size {
        return None;
    }
    window.iter().take(LEADERS).find_map(|&leader| {
        let mut group = vec![leader];
        for &player in &window {
            if group.len() == size {
                break;
            }
            if player != leader && group.iter().all(|&member| compatible(member, player)) {
                group.push(player);
            }
        }
        (group.len() == size).then_some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick_from(players: &[u8], size: usize, apart: &[(u8, u8)]) -> Option<Vec<u8>> {
        pick(players.iter().copied(), size, |a, b| {
            !apart.contains(&(a, b)) && !apart.contains(&(b, a))
        })
    }

    #[test]
    fn the_first_players_are_picked() {
        assert_eq!(pick_from(&[1, 2], 3, &[]), None);
        assert_eq!(pick_from(&[1, 2, 3, 4], 3, &[]), Some(vec![1, 2, 3]));
        assert_eq!(pick_from(&[1], 1, &[]), Some(vec![1]));
    }

    #[test]
    fn players_that_do_not_fit_the_first_are_passed_over() {
        assert_eq!(pick_from(&[1, 2, 3], 2, &[(1, 2)]), Some(vec![1, 3]));
        assert_eq!(pick_from(&[1, 2, 3, 4], 3, &[(2, 3)]), Some(vec![1, 2, 4]));
    }

    #[test]
    fn a_first_player_whom_nobody_fits_holds_up_nobody() {
        let apart = [(1, 2), (1, 3)];
        assert_eq!(pick_from(&[1, 2, 3], 2, &apart), Some(vec![2, 3]));
        assert_eq!(pick_from(&[1, 2], 2, &apart), None);
    }
}
