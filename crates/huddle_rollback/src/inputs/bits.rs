use std::fmt::Write;

/// Appends bits to bytes, from the lowest bit of each. The number of bits does not depend on the values.
/// Unused bits at the end are 0.
#[derive(Debug)]
pub struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The number of free bits in the last byte.
    free: u32,
    description: Option<String>,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            free: 0,
            description: None,
        }
    }

    /// Creates a writer that also describes what it writes, see [`Self::description`].
    pub(super) fn describing(out: &'a mut Vec<u8>) -> Self {
        Self {
            description: Some(String::new()),
            ..Self::new(out)
        }
    }

    /// Returns a description of everything written.
    pub(super) fn description(self) -> String {
        self.description.unwrap_or_default()
    }

    fn describe(&mut self, what: std::fmt::Arguments<'_>) {
        if let Some(description) = &mut self.description {
            let comma = if description.is_empty() { "" } else { ", " };
            // A `String` takes everything.
            let _ = write!(description, "{comma}{what}");
        }
    }

    /// Writes a bit.
    pub fn bit(&mut self, bit: bool) {
        self.describe(format_args!("bit"));
        self.put(bit.into(), 1);
    }

    /// Writes the lowest `n` bits of a number. `n` is at most 64.
    pub fn bits(&mut self, value: u64, n: u32) {
        self.describe(format_args!("bits {n}"));
        self.put(value, n);
    }

    /// Writes a number from -2^(n-1) to below 2^(n-1). Numbers beyond are clamped. `n` is from 1 to 64.
    pub fn signed(&mut self, value: i64, n: u32) {
        self.describe(format_args!("signed {n}"));
        let n = n.clamp(1, 64);
        let most = i64::MAX >> (64 - n);
        self.put(value.clamp(-most - 1, most).cast_unsigned(), n);
    }

    /// Writes the closest of 2^n - 1 evenly spaced values from `min` to `max`, which include the middle.
    /// NaN becomes the middle. `n` is from 2 to 24.
    pub fn float(&mut self, value: f32, min: f32, max: f32, n: u32) {
        self.describe(format_args!("float {n} from {min:?} to {max:?}"));
        let n = n.clamp(2, 24);
        let steps = steps(n);
        let share = (f64::from(value) - f64::from(min)) / (f64::from(max) - f64::from(min));
        let step = match share.is_nan() {
            true => steps / 2,
            false => (share * f64::from(steps))
                .round()
                .clamp(0.0, f64::from(steps)) as u32,
        };
        self.put(step.into(), n);
    }

    fn put(&mut self, mut value: u64, n: u32) {
        let mut left = n.min(64);
        while left > 0 {
            if self.free == 0 {
                self.out.push(0);
                self.free = 8;
            }
            let now = left.min(self.free);
            let bits = value as u8 & (u8::MAX >> (8 - now));
            if let Some(last) = self.out.last_mut() {
                *last |= bits << (8 - self.free);
            }
            value >>= now;
            self.free -= now;
            left -= now;
        }
    }
}

/// Returns the number of steps from the lowest value of a float to the highest. It is even, so that
/// there is a middle.
fn steps(n: u32) -> u32 {
    (1 << n) - 2
}

/// Reads what a [`BitWriter`] wrote, in the same order. Every method returns `None` if the bits end too
/// early or are invalid.
#[derive(Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// The number of bits of the first byte that have been read.
    used: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    /// Returns the number of completely unread bytes, and whether the unread bits before them are 0.
    pub(super) fn rest(&self) -> (usize, bool) {
        match (self.bytes, self.used) {
            (bytes, 0) => (bytes.len(), true),
            ([], _) => (0, true),
            ([first, rest @ ..], used) => (rest.len(), first >> used == 0),
        }
    }

    /// Reads a bit.
    pub fn bit(&mut self) -> Option<bool> {
        Some(self.bits(1)? == 1)
    }

    /// Reads a number of `n` bits. `n` is at most 64.
    pub fn bits(&mut self, n: u32) -> Option<u64> {
        let n = n.min(64);
        let (value, read) = self.take(n);
        (read == n).then_some(value)
    }

    /// Reads a number of at most 64 bits. Bits after the end are 0.
    pub(super) fn bits_or_zeros(&mut self, n: u32) -> u64 {
        self.take(n.min(64)).0
    }

    /// Reads at most `n` bits. Returns the value, and the number of bits that were available.
    fn take(&mut self, n: u32) -> (u64, u32) {
        let mut value = 0;
        let mut read = 0;
        while read < n
            && let Some((first, rest)) = self.bytes.split_first()
        {
            let now = (n - read).min(8 - self.used);
            let bits = (first >> self.used) & (u8::MAX >> (8 - now));
            value |= u64::from(bits) << read;
            read += now;
            self.used += now;
            if self.used == 8 {
                (self.bytes, self.used) = (rest, 0);
            }
        }
        (value, read)
    }

    /// Reads a number from -2^(n-1) to below 2^(n-1). `n` is from 1 to 64.
    pub fn signed(&mut self, n: u32) -> Option<i64> {
        let n = n.clamp(1, 64);
        let value = self.bits(n)?.cast_signed();
        Some(value << (64 - n) >> (64 - n))
    }

    /// Reads one of 2^n - 1 values from `min` to `max`. `n` is from 2 to 24.
    pub fn float(&mut self, min: f32, max: f32, n: u32) -> Option<f32> {
        let n = n.clamp(2, 24);
        let steps = steps(n);
        let step = u32::try_from(self.bits(n)?).ok()?;
        if step > steps {
            return None;
        }
        let share = f64::from(step) / f64::from(steps);
        let value = f64::from(min) + share * (f64::from(max) - f64::from(min));
        Some(value as f32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Item {
        Bit(bool),
        Bits(u64, u32),
        Signed(i64, u32),
        Float(f32, f32, f32, u32),
    }

    fn item() -> impl Strategy<Value = Item> {
        prop_oneof![
            any::<bool>().prop_map(Item::Bit),
            (any::<u64>(), 0u32..=64).prop_map(|(value, n)| Item::Bits(value, n)),
            (any::<i64>(), 1u32..=64).prop_map(|(value, n)| Item::Signed(value, n)),
            (any::<f32>(), -9.0f32..0.0, 0.1f32..9.0, 2u32..=24)
                .prop_map(|(value, min, max, n)| Item::Float(value, min, max, n)),
        ]
    }

    proptest! {
        #[test]
        fn values_round_trip_in_as_many_bits_as_stated(items in prop::collection::vec(item(), 0..30)) {
            let mut out = Vec::new();
            let mut writer = BitWriter::new(&mut out);
            let mut bits = 0;
            for &item in &items {
                bits += match item {
                    Item::Bit(bit) => {
                        writer.bit(bit);
                        1
                    }
                    Item::Bits(value, n) => {
                        writer.bits(value, n);
                        n
                    }
                    Item::Signed(value, n) => {
                        writer.signed(value, n);
                        n
                    }
                    Item::Float(value, min, max, n) => {
                        writer.float(value, min, max, n);
                        n
                    }
                };
            }
            prop_assert_eq!(out.len(), bits.div_ceil(8) as usize);
            let mut reader = BitReader::new(&out);
            for item in items {
                match item {
                    Item::Bit(bit) => prop_assert_eq!(reader.bit(), Some(bit)),
                    Item::Bits(value, n) => {
                        let all = u64::MAX.checked_shr(64 - n).unwrap_or(0);
                        prop_assert_eq!(reader.bits(n), Some(value & all));
                    }
                    Item::Signed(value, n) => {
                        let most = i64::MAX >> (64 - n);
                        prop_assert_eq!(reader.signed(n), Some(value.clamp(-most - 1, most)));
                    }
                    Item::Float(value, min, max, n) => {
                        let found = reader.float(min, max, n).unwrap();
                        let nearest = value.clamp(min, max);
                        let step = (max - min) / steps(n) as f32;
                        prop_assert!(value.is_nan() || (found - nearest).abs() <= step * 0.51 + 2e-6);
                    }
                }
            }
            prop_assert_eq!(reader.rest(), (0, true));
        }

        #[test]
        fn reading_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..20), items in prop::collection::vec(item(), 0..30)) {
            let mut reader = BitReader::new(&bytes);
            for item in items {
                match item {
                    Item::Bit(_) => drop(reader.bit()),
                    Item::Bits(_, n) => drop(reader.bits(n)),
                    Item::Signed(_, n) => drop(reader.signed(n)),
                    Item::Float(_, min, max, n) => {
                        prop_assert!(reader.float(min, max, n).is_none_or(|value| (min..=max).contains(&value)));
                    }
                }
            }
            prop_assert!(reader.rest().0 <= bytes.len());
        }
    }

    #[test]
    fn middle_and_ends_of_a_range_are_exact() {
        for value in [-1.0, 0.0, 1.0, f32::NAN, 7.0, f32::NEG_INFINITY] {
            let mut out = Vec::new();
            BitWriter::new(&mut out).float(value, -1.0, 1.0, 5);
            let found = BitReader::new(&out).float(-1.0, 1.0, 5);
            let expected = if value.is_nan() {
                0.0
            } else {
                value.clamp(-1.0, 1.0)
            };
            assert_eq!(found, Some(expected));
        }
        assert_eq!(BitReader::new(&[0b11111]).float(-1.0, 1.0, 5), None);
    }

    #[test]
    fn bits_have_these_positions() {
        let mut out = Vec::new();
        let mut writer = BitWriter::describing(&mut out);
        writer.bit(true);
        writer.bits(0b101, 3);
        writer.signed(-2, 6);
        writer.float(0.5, 0.0, 0.5, 2);
        assert_eq!(
            writer.description(),
            "bit, bits 3, signed 6, float 2 from 0.0 to 0.5"
        );
        assert_eq!(out, [0b1110_1011, 0b0000_1011]);
    }
}
