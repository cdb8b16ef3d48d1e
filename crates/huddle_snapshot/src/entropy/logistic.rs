//! The logistic function and its inverse, as tables that are computed with integers.

/// The log-odds 1.
pub(super) const SCALE: i32 = 1 << 8;

/// All log-odds are below this and above its negative: a probability is never closer than 1/3000 to
/// 0 or 1.
const LIMIT: i32 = 8 * SCALE;

/// The number of probabilities that [`log_odds`] tells apart.
const STEPS: usize = 1 << 12;

static SQUASH: [u16; 2 * LIMIT as usize] = squash_table();
static LOG_ODDS: [i16; STEPS] = log_odds_table();

/// Returns the probability of log-odds, times 2^16.
#[inline]
pub(super) fn squash(log_odds: i32) -> u32 {
    let index = (log_odds + LIMIT).clamp(1, 2 * LIMIT - 1);
    SQUASH[index as usize].into()
}

/// Returns the log-odds of a probability, which is times 2^16.
#[inline]
pub(super) fn log_odds(probability: u32) -> i32 {
    let index = (probability >> 4) as usize;
    LOG_ODDS[index.min(STEPS - 1)].into()
}

/// Returns 2^16 / (1 + e^-x) for all x from -LIMIT to below LIMIT.
const fn squash_table() -> [u16; 2 * LIMIT as usize] {
    const ONE: u128 = 1 << 60;
    // The Taylor series of e^(-1/256). The next term is below the precision.
    const E: u128 = ONE - (1 << 52) + (1 << 43) - (1 << 36) / 6 + (1 << 28) / 24 - (1 << 20) / 120;
    let mut table = [0; 2 * LIMIT as usize];
    let mut power = ONE;
    let mut x = 0;
    while x <= LIMIT {
        let below = ((power << 16) + (ONE + power) / 2) / (ONE + power);
        table[(LIMIT - x) as usize] = below as u16;
        if x < LIMIT {
            table[(LIMIT + x) as usize] = ((1 << 16) - below) as u16;
        }
        power = (power * E) >> 60;
        x += 1;
    }
    table
}

const fn log_odds_table() -> [i16; STEPS] {
    let squash = squash_table();
    let mut table = [0; STEPS];
    let mut index = 0;
    let mut step = 0;
    while step < STEPS {
        // The middle of the step.
        let probability = 16 * step + 8;
        while index < squash.len() - 1 && (squash[index] as usize) < probability {
            index += 1;
        }
        table[step] = index as i16 - LIMIT as i16;
        step += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_those_of_the_logistic_function() {
        for x in -LIMIT + 1..LIMIT {
            let exact = 65536.0 / (1.0 + (-f64::from(x) / f64::from(SCALE)).exp());
            assert!((f64::from(squash(x)) - exact).abs() <= 0.51, "{x}");
        }
        assert_eq!(squash(i32::MIN + LIMIT), squash(-LIMIT + 1));
        assert_eq!(squash(i32::MAX - LIMIT), squash(LIMIT - 1));
    }

    #[test]
    fn log_odds_are_the_inverse() {
        for probability in (64..65536 - 64).step_by(16) {
            let found = squash(log_odds(probability));
            let distance = found.abs_diff(probability + 8);
            assert!(distance <= 64, "{probability} {found}");
        }
        assert!(log_odds(0) < -LIMIT / 10 * 9 && log_odds(65535) > LIMIT / 10 * 9);
    }
}
