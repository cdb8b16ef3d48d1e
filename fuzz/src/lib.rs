//! Mutators for inputs with a known structure.

use arbitrary::Unstructured;
use fastrand::Rng;

/// Generates an input that is well-formed or nearly so.
pub type Generate = fn(&mut Unstructured) -> arbitrary::Result<Vec<u8>>;

/// Replaces `data[..size]` with a mutation of it or with a new input, and returns the new length, as
/// `libfuzzer_sys::fuzz_mutator!` requires.
///
/// In half of the calls, libFuzzer mutates single bytes. In the other half, the input is a list of
/// pieces that end in `separator`, for example lines. The mutation then moves, removes, repeats and
/// replaces whole pieces, and takes new pieces from a generated input.
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
    let random_len = 1 << rng.u8(4..13);
    let random: Vec<u8> = (0..random_len).map(|_| rng.u8(..)).collect();
    // The generator can run out of random bytes. The mutation then uses no new pieces.
    let generated = generate(&mut Unstructured::new(&random)).unwrap_or_default();
    let mutated = if rng.u8(..4) == 0 {
        generated
    } else {
        rearrange(&data[..size], &generated, separator, &mut rng)
    };
    let len = mutated.len().min(max_size);
    data[..len].copy_from_slice(&mutated[..len]);
    len
}

fn rearrange(old: &[u8], generated: &[u8], separator: u8, rng: &mut Rng) -> Vec<u8> {
    fn split(bytes: &[u8], separator: u8) -> Vec<&[u8]> {
        bytes.split_inclusive(|byte| *byte == separator).collect()
    }
    let mut pieces = split(old, separator);
    let new_pieces = split(generated, separator);
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=pieces.len());
        let new = rng.choice(&new_pieces).copied();
        match (rng.u8(..5), pieces.get(at).copied(), new) {
            (0, Some(_), _) => {
                pieces.remove(at);
            }
            (1, Some(piece), _) => pieces.insert(rng.usize(..=pieces.len()), piece),
            (2, Some(_), _) => {
                let with = rng.usize(..pieces.len());
                pieces.swap(at, with);
            }
            (3, Some(_), Some(new)) => pieces[at] = new,
            (_, _, Some(new)) => pieces.insert(at, new),
            _ => {}
        }
    }
    pieces.concat()
}

/// Defines a target whose inputs are texts. It passes every valid text to `$check`. Its mutator
/// uses `$generate` and `$separator`, see [`mutate`].
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
