//! Selects the players of a new group.

/// The number of players that a search considers in addition to the group's size. This limits the
/// time of one search.
const EXTRA_PLAYERS: usize = 32;
/// The number of players that a search tries as the first member of the group.
const MAX_LEADERS: usize = 16;

/// Returns `size` pairwise compatible players, preferring players that come first in `order`.
///
/// The search is greedy: it can miss a group. It always finds one if the first `size` players are
/// compatible.
pub(crate) fn pick<T: Copy + PartialEq>(
    order: impl Iterator<Item = T>,
    size: usize,
    compatible: impl Fn(T, T) -> bool,
) -> Option<Vec<T>> {
    let window: Vec<T> = order.take(size.saturating_add(EXTRA_PLAYERS)).collect();
    if window.len() < size {
        return None;
    }
    window.iter().take(MAX_LEADERS).find_map(|&leader| {
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

    fn pick_from(players: &[u8], size: usize, incompatible: &[(u8, u8)]) -> Option<Vec<u8>> {
        pick(players.iter().copied(), size, |a, b| {
            !incompatible.contains(&(a, b)) && !incompatible.contains(&(b, a))
        })
    }

    #[test]
    fn first_players_are_picked() {
        assert_eq!(pick_from(&[1, 2], 3, &[]), None);
        assert_eq!(pick_from(&[1, 2, 3, 4], 3, &[]), Some(vec![1, 2, 3]));
        assert_eq!(pick_from(&[1], 1, &[]), Some(vec![1]));
    }

    #[test]
    fn players_incompatible_with_earlier_members_are_skipped() {
        assert_eq!(pick_from(&[1, 2, 3], 2, &[(1, 2)]), Some(vec![1, 3]));
        assert_eq!(pick_from(&[1, 2, 3, 4], 3, &[(2, 3)]), Some(vec![1, 2, 4]));
    }

    #[test]
    fn incompatible_first_player_does_not_block_the_next_players() {
        let incompatible = [(1, 2), (1, 3)];
        assert_eq!(pick_from(&[1, 2, 3], 2, &incompatible), Some(vec![2, 3]));
        assert_eq!(pick_from(&[1, 2], 2, &incompatible), None);
    }
}
