//! The guide explains each conclusion.

use huddle_doctor::Conclusion;

#[test]
fn troubleshooting_explains_each_conclusion() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/troubleshooting.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    for conclusion in [
        Conclusion::NoWebRtc(String::new()),
        Conclusion::NoSignaling(String::new()),
        Conclusion::NoLink(String::new()),
        Conclusion::Works,
        Conclusion::DirectOnly,
        Conclusion::RelayedOnly,
        Conclusion::NeedsRelay,
        Conclusion::Blocked,
        Conclusion::Undecided,
        Conclusion::NetworkOnly,
    ] {
        // The guide shows the first sentence.
        let text = conclusion.for_player();
        let sentence = text.split_inclusive(". ").next().unwrap().trim();
        let row = format!("| {sentence}");
        assert!(guide.contains(&row), "{row} is missing");
    }
}
