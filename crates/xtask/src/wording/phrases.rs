//! The phrases to avoid, with replacements.

const REPORT: &str = "name the actor: \"receives\", \"triggers\", \"reports\", \"returns\"";
const PEER: &str = "write \"a peer\", \"every peer\", \"the other peers\"";
const WHO: &str = "write \"a player who\", \"a peer that\"";
const AGAIN: &str = "write \"again\", \"a new\"";
const NOUN: &str = "use a noun: \"data\", \"packets\", \"messages\"";
const TEST: &str = "name the test for the behavior: `late_joiner_receives_latest_state`";

/// Each phrase in lower case, with the advice.
// wording: off
pub(super) const PHRASES: &[(&str, &str)] = &[
    ("is told", REPORT),
    ("are told", REPORT),
    ("was told", REPORT),
    ("were told", REPORT),
    ("be told", REPORT),
    ("been told", REPORT),
    ("tells of", REPORT),
    ("told of", REPORT),
    ("hears of", REPORT),
    ("heard of", REPORT),
    ("speaks of", REPORT),
    ("says so", "write what it reports"),
    ("anew", AGAIN),
    ("afresh", AGAIN),
    ("whoever", WHO),
    ("whomever", WHO),
    ("somebody", PEER),
    ("everybody", PEER),
    ("anybody", PEER),
    ("fn who", TEST),
    ("fn what", TEST),
    ("fn whoever", TEST),
    ("what arrives", NOUN),
    ("what arrived", NOUN),
    ("what comes", NOUN),
    ("by itself", "write \"automatically\""),
    ("by themselves", "write \"automatically\""),
    ("at the least", "write \"at least\""),
    ("at the most", "write \"at most\""),
    ("in the place of", "write \"instead of\""),
    ("also if", "write \"even if\""),
    ("also those", "write \"including those\""),
    ("mend", "write \"fix\""),
    ("mends", "write \"fixes\""),
    ("mended", "write \"fixed\""),
    ("borne", "write \"tolerated\""),
    ("dear", "write \"expensive\""),
    ("part ways", "write \"split\""),
    ("parts ways", "write \"splits\""),
    ("for ever", "write \"forever\""),
    ("of no use", "write \"useless\", or why it cannot be used"),
    ("goes on", "write \"continues\""),
    ("go on", "write \"continue\""),
    ("stands still", "write \"stops\", \"is paused\""),
    ("in vain", "write \"without success\""),
    ("behaviour", "write \"behavior\""),
    ("colour", "write \"color\""),
    ("favour", "write \"favor\""),
    ("recognise", "write \"recognize\""),
    ("recognised", "write \"recognized\""),
    ("synchronised", "write \"synchronized\""),
    ("per cent", "write \"percent\""),
    ("need not", "write \"does not have to\""),
    ("by now", "name the time, or leave it out"),
];
// wording: on
