//! Calculates the sounds, so that the game needs no files.

/// The samples per second.
const RATE: u32 = 22_050;

/// A sound as a function of the time in seconds, from -1 to 1.
pub(super) struct Synth {
    seconds: f32,
    noise: u32,
    /// The last value of the noise, for a low-pass filter.
    smooth: f32,
    phase: f32,
}

impl Synth {
    /// Returns a WAV file. `sample` receives the synthesizer and the elapsed fraction of the sound, from 0 to 1.
    pub(super) fn wav(seconds: f32, sample: impl Fn(&mut Self, f32) -> f32) -> Vec<u8> {
        let mut synth = Self {
            seconds,
            noise: 0x9E37_79B9,
            smooth: 0.0,
            phase: 0.0,
        };
        let count = (seconds * RATE as f32) as u32;
        let samples = (0..count).flat_map(|number| {
            let value = sample(&mut synth, number as f32 / count as f32);
            ((value.clamp(-1.0, 1.0) * 32_000.0) as i16).to_le_bytes()
        });
        let samples: Vec<u8> = samples.collect();
        let mut wav = header(samples.len() as u32);
        wav.extend(samples);
        wav
    }

    /// Returns the next sample of a sine with this frequency in Hz, which may change from sample to sample.
    pub(super) fn tone(&mut self, frequency: f32) -> f32 {
        self.phase = (self.phase + frequency / RATE as f32).fract();
        (self.phase * std::f32::consts::TAU).sin()
    }

    /// Returns the next sample of noise. `soft` from 0 to 1 removes high frequencies.
    pub(super) fn noise(&mut self, soft: f32) -> f32 {
        // Xorshift, because the sound is the same every time.
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        let white = self.noise as f32 / u32::MAX as f32 * 2.0 - 1.0;
        self.smooth += (white - self.smooth) * (1.0 - soft);
        self.smooth
    }

    /// Returns the time in seconds of a part of the sound.
    pub(super) fn time(&self, part: f32) -> f32 {
        part * self.seconds
    }
}

/// Returns the header of a WAV file with one channel of 16 bits, and this many bytes of samples.
fn header(len: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(44);
    header.extend(b"RIFF");
    header.extend((36 + len).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    for word in [1_u16, 1] {
        header.extend(word.to_le_bytes());
    }
    header.extend(RATE.to_le_bytes());
    header.extend((RATE * 2).to_le_bytes());
    for word in [2_u16, 16] {
        header.extend(word.to_le_bytes());
    }
    header.extend(b"data");
    header.extend(len.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_has_a_header_and_the_samples() {
        let wav = Synth::wav(0.5, |synth, _| synth.tone(440.0));
        assert_eq!(wav.len(), 44 + 22_050);
        assert_eq!(&wav[..4], b"RIFF");
        assert_eq!(wav[40..44], 22_050_u32.to_le_bytes());
        let peak = wav[44..]
            .chunks(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        assert!(peak.max() > Some(31_000));
    }
}
