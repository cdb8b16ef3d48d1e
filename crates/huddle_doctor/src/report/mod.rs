//! What the measurements mean, for a player and for a developer.

mod conclusion;
mod privacy;
mod sections;
mod text;

pub use conclusion::Conclusion;
pub use privacy::Addresses;
pub use sections::{Line, Mark, Section};

use serde::Serialize;

use crate::findings::Findings;

/// The result of a check, which a player can send to a developer. `Display` writes it as text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The version of the doctor, and the platform.
    pub source: String,
    /// Whether the game can be played.
    pub mark: Mark,
    /// The conclusion for the player.
    pub summary: String,
    /// The conclusion for the developer.
    pub explanation: String,
    /// What to do.
    pub advice: Vec<String>,
    /// What was measured.
    pub sections: Vec<Section>,
    /// Whether public addresses are shortened.
    pub is_shortened: bool,
}

impl Report {
    /// Draws the conclusion from the findings.
    pub fn new(findings: &Findings, addresses: Addresses) -> Self {
        let conclusion = Conclusion::of(findings);
        Self {
            source: format!(
                "huddle_doctor {}, {}",
                env!("CARGO_PKG_VERSION"),
                findings.platform
            ),
            mark: conclusion.mark(),
            summary: conclusion.for_player().to_owned(),
            explanation: conclusion.for_developer(),
            advice: conclusion.advice(findings),
            sections: sections::of(findings, addresses),
            is_shortened: addresses == Addresses::Shortened,
        }
    }
}
