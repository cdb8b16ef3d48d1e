//! A name, a color and a shape for each player. By default, they depend only on the player's id, so they are
//! the same on every screen.

use bevy::prelude::*;
use bevy_huddle::prelude::PeerId;

/// The name and appearance of a player.
///
/// As a component of a peer's entity, it replaces the one that depends on the id.
#[derive(Component, Debug, Clone, PartialEq)]
pub struct Persona {
    /// The name, such as "Teal Otter".
    pub name: String,
    /// The hue of the color that the name contains, in Oklch degrees.
    pub hue: f32,
    /// A number that selects a shape, or anything else that should differ between players.
    pub variant: usize,
    /// The numbers of the color and the animal, for [`new`](Self::new).
    pub numbers: [usize; 2],
}

const COLORS: [(&str, f32); 12] = [
    ("Rose", 5.0),
    ("Coral", 30.0),
    ("Orange", 55.0),
    ("Amber", 80.0),
    ("Lemon", 105.0),
    ("Lime", 130.0),
    ("Mint", 162.0),
    ("Teal", 192.0),
    ("Sky", 228.0),
    ("Azure", 258.0),
    ("Violet", 295.0),
    ("Pink", 340.0),
];

const ANIMALS: [&str; 32] = [
    "Ant", "Bat", "Bear", "Bee", "Cat", "Crab", "Crow", "Deer", "Dodo", "Duck", "Eel", "Elk",
    "Emu", "Fox", "Frog", "Goat", "Hare", "Ibis", "Koi", "Lark", "Lynx", "Mole", "Moth", "Newt",
    "Otter", "Owl", "Puma", "Seal", "Swan", "Toad", "Wasp", "Yak",
];

impl Persona {
    /// Returns the persona of a player.
    pub fn of(peer: PeerId) -> Self {
        let mut bits = scramble(peer.as_u128());
        let mut pick = |count: usize| {
            let picked = (bits % count as u64) as usize;
            bits /= count as u64;
            picked
        };
        let (color, animal) = (pick(COLORS.len()), pick(ANIMALS.len()));
        Persona {
            variant: pick(1 << 16),
            ..Self::new(color, animal)
        }
    }

    /// Returns the persona with the color and the animal of these numbers. Numbers wrap around.
    pub fn new(color: usize, animal: usize) -> Self {
        let (color_name, hue) = COLORS[color % COLORS.len()];
        let animal_name = ANIMALS[animal % ANIMALS.len()];
        Persona {
            name: format!("{color_name} {animal_name}"),
            hue,
            variant: animal,
            numbers: [color % COLORS.len(), animal % ANIMALS.len()],
        }
    }

    /// Returns the persona, or the same animal in the next color that no other player has.
    pub fn in_free_color<'a>(&self, others: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let [color, animal] = self.numbers;
        let is_free = |persona: &Self| others.clone().all(|other| other.hue != persona.hue);
        let mut choices = (0..COLORS.len()).map(|step| Self {
            variant: self.variant,
            ..Self::new(color + step, animal)
        });
        choices.find(is_free).unwrap_or_else(|| self.clone())
    }

    /// Returns the player's color.
    pub fn color(&self) -> Color {
        self.tone(0.78, 0.15)
    }

    /// Returns the player's hue with this lightness (0 to 1) and chroma (0 gray, 0.2 vivid).
    pub fn tone(&self, lightness: f32, chroma: f32) -> Color {
        Color::oklch(lightness, chroma, self.hue)
    }
}

/// Mixes the bits of an id, because ids can differ in only a few bits (the finalizer of SplitMix64).
fn scramble(id: u128) -> u64 {
    let mut bits = (id as u64) ^ ((id >> 64) as u64).rotate_left(32);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn persona(id: u128) -> Persona {
        Persona::of(PeerId::from_u128(id))
    }

    #[test]
    fn persona_depends_only_on_the_id() {
        assert_eq!(persona(7), persona(7));
        assert_ne!(persona(7), persona(8));
    }

    #[test]
    fn players_with_the_same_color_get_different_ones() {
        let mut personas: Vec<Persona> = Vec::new();
        for animal in 0..4 {
            let persona = Persona::new(3, animal).in_free_color(personas.iter());
            personas.push(persona);
        }
        let names: Vec<_> = personas.iter().map(|persona| &persona.name).collect();
        assert_eq!(names, ["Amber Ant", "Lemon Bat", "Lime Bear", "Mint Bee"]);
    }

    #[test]
    fn similar_ids_have_different_looks() {
        let looks: Vec<_> = (1..=200).map(persona).collect();
        let names: HashSet<_> = looks.iter().map(|look| &look.name).collect();
        let hues: HashSet<_> = looks.iter().map(|look| look.hue as u32).collect();
        assert!(names.len() > 140, "{} names", names.len());
        assert_eq!(hues.len(), COLORS.len());
    }
}
