//! Mutations that know what an input is made of.

use arbitrary::Unstructured;
use fastrand::Rng;

/// Makes a well-formed input, or one that is nearly so.
pub type Generate = fn(&mut Unstructured) -> arbitrary::Result<Vec<u8>>;

/// Replaces `data[..size]` by something like it, or by something new, and returns its length:
/// what `libfuzzer_sys::fuzz_mutator!` asks for.
///
/// Half of the time libFuzzer's own mutations are taken, which know bytes. The others know that
/// an input is a list of pieces that end in `separator`, such as lines, and move, drop, repeat and
/// exchange whole pieces, those of another, generated input among them.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    separator: u8,
    generate: Generate,
) -> usize {
    let mut rng = Rng::with_seed(seed.into());
    if rng.bool() {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let chance = 1 << rng.u8(4..13);
    let chance: Vec<u8> = (0..chance).map(|_| rng.u8(..)).collect();
    // Running out of chance is no reason to give up a mutation.
    let fresh = generate(&mut Unstructured::new(&chance)).unwrap_or_default();
    let mutated = if rng.u8(..4) == 0 {
        fresh
    } else {
        rearranged(&data[..size], &fresh, separator, &mut rng)
    };
    let len = mutated.len().min(max_size);
    data[..len].copy_from_slice(&mutated[..len]);
    len
}

fn rearranged(old: &[u8], fresh: &[u8], separator: u8, rng: &mut Rng) -> Vec<u8> {
    fn split(bytes: &[u8], separator: u8) -> Vec<&[u8]> {
        bytes.split_inclusive(|byte| *byte == separator).collect()
    }
    let mut pieces = split(old, separator);
    let others = split(fresh, separator);
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=pieces.len());
        let other = rng.choice(&others).copied();
        match (rng.u8(..5), pieces.get(at).copied(), other) {
            (0, Some(_), _) => {
                pieces.remove(at);
            }
            (1, Some(piece), _) => pieces.insert(rng.usize(..=pieces.len()), piece),
            (2, Some(_), _) => {
                let with = rng.usize(..pieces.len());
                pieces.swap(at, with);
            }
            (3, Some(_), Some(other)) => pieces[at] = other,
            (_, _, Some(other)) => pieces.insert(at, other),
            _ => {}
        }
    }
    pieces.concat()
}

/// A target that takes text: `$check` is shown every valid text, `$generate` makes some, and
/// `$separator` ends the pieces of it.
#[macro_export]
macro_rules! text_target {
    ($check:path, $separator:literal, $generate:path) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus {
            let Ok(text) = std::str::from_utf8(bytes) else {
                return libfuzzer_sys::Corpus::Reject;
            };
            $check(text);
            libfuzzer_sys::Corpus::Keep
        });

        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutate(data, size, max_size, seed, $separator, |u| {
                $generate(u).map(String::into_bytes)
            })
        });
    };
}
