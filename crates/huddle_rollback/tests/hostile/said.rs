//! What the hostile player says beside what its machines do: well-formed up to somewhere.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use huddle_rollback::{LeaveReason, Seat};
use huddle_session::codec;
use serde::Serialize;

/// What is known where something is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// Where the listener's game is.
    pub(super) tick: u32,
    /// How many play.
    pub(super) players: u8,
    /// The hostile player's number and seat.
    pub(super) me: u8,
    /// The listener's.
    pub(super) to: u8,
    /// The next number of a statement.
    pub(super) version: u64,
    /// The set of streams that the listener has asked for.
    pub(super) set: u8,
    /// The low bits of the tick after the last whose input was sent.
    pub(super) next: u8,
}

const MAX_LEN: usize = 64 * 1024;

const START: u8 = 0;
const AGREEMENT: u8 = 1;
const WISH: u8 = 2;
const STATE_DUMP: u8 = 3;

#[derive(Serialize)]
enum Agreement {
    Statement {
        author: u8,
        statement: Statement,
    },
    Inputs {
        author: u8,
        seat: Seat,
        start: u32,
        inputs: Vec<Vec<u8>>,
    },
    Dropped {
        ends: Vec<(Seat, u32, LeaveReason)>,
    },
}

#[derive(Default, Serialize)]
struct Statement {
    version: u64,
    leaves: bool,
    lost: Vec<(u8, LeaveReason, bool, Vec<u32>)>,
    relay_requests: Vec<(u8, u8)>,
    vote: Option<(u16, Vec<Known>)>,
    confirmation: Option<(u16, Vec<[u8; 16]>)>,
}

#[derive(Clone, Copy, Serialize)]
struct Known {
    next: u32,
    reason: LeaveReason,
    first: u32,
    digest: [u8; 16],
}

/// A dump: its tick and checksum, then the types by name, each with its hash and rows. Each list ends with whether it
/// is truncated.
type StateDump = (u32, u64, BTreeMap<String, (u64, Rows, bool)>, bool);

/// The hash and the text of each value, by entity.
type Rows = BTreeMap<u64, (u32, Option<String>)>;

fn message(topic: u8, body: &impl Serialize) -> Bytes {
    let body = codec::encode(body, MAX_LEN).unwrap_or_default();
    [&[topic, 0, 0], &body[..]].concat().into()
}

/// A tick that matters.
fn tick(u: &mut Unstructured, context: &Context) -> Result<u32> {
    Ok(match u.int_in_range(0..=15)? {
        0 => u.arbitrary()?,
        1 => *u.choose(&[0, 1, u32::MAX, 1 << 31, (1 << 31) - 1])?,
        2..=4 => context
            .tick
            .wrapping_add_signed(u.int_in_range(-600..=600)?),
        _ => context.tick.wrapping_add_signed(u.int_in_range(-12..=12)?),
    })
}

/// How many ticks.
fn count(u: &mut Unstructured) -> Result<usize> {
    Ok(match u.int_in_range(0..=7)? {
        0 => u.int_in_range(0..=600)?,
        _ => u.int_in_range(0..=20)?,
    })
}

fn reason(u: &mut Unstructured) -> Result<LeaveReason> {
    use LeaveReason::{Left, Lost, Removed, Restarted, TimedOut};
    Ok(*u.choose(&[Lost, TimedOut, Restarted, Removed, Left])?)
}

/// An input: most often a byte.
fn input(u: &mut Unstructured) -> Result<Vec<u8>> {
    let len = match u.int_in_range(0..=15)? {
        0 => u.int_in_range(0..=513)?,
        _ => 1,
    };
    let byte = u.arbitrary()?;
    // A list of bytes, as it is encoded.
    Ok([vec![len.min(250) as u8], vec![byte; len]].concat())
}

fn inputs(u: &mut Unstructured) -> Result<Vec<Vec<u8>>> {
    let count = count(u)?;
    let one = input(u)?;
    let room = MAX_LEN / 2 / one.len();
    Ok(vec![one; count.min(room)])
}

fn digest(inputs: &[Vec<u8>]) -> [u8; 16] {
    let mut hash = blake3::Hasher::new();
    for input in inputs {
        hash.update(&(input.len() as u32).to_le_bytes());
        hash.update(input);
    }
    let mut digest = [0; 16];
    hash.finalize_xof().fill(&mut digest);
    digest
}

/// One or more messages that belong together.
pub(super) fn messages(u: &mut Unstructured, context: &mut Context) -> Result<Vec<Bytes>> {
    Ok(match u.int_in_range(0..=9)? {
        0 => vec![bytes(u)?],
        1 | 2 => vec![wish(u, context)?],
        3 => vec![state_dump(u, context)?],
        4 => inputs_of_leaver(u, context)?,
        5 | 6 => vote(u, context)?,
        7 => vec![out(u, context)?],
        _ => vec![statement(u, context)?],
    })
}

fn bytes(u: &mut Unstructured) -> Result<Bytes> {
    let topic = u.int_in_range(START..=STATE_DUMP + 1)?;
    let len = u.int_in_range(0..=80)?;
    let body = u.bytes(len.min(u.len()))?;
    Ok([&[topic, 0, 0], body].concat().into())
}

pub(super) fn wish(u: &mut Unstructured, context: &Context) -> Result<Bytes> {
    let number: u8 = u.int_in_range(0..=7)?;
    let mut seats = Vec::new();
    for seat in 0..=context.players {
        if u.ratio(1, 2)? {
            seats.push((Seat(seat), tick(u, context)?));
        }
    }
    if u.ratio(1, 16)? {
        seats.extend(seats.first().copied());
    }
    Ok(message(WISH, &(number, seats)))
}

/// A dump of any tick, with the listener's types or others.
fn state_dump(u: &mut Unstructured, context: &Context) -> Result<Bytes> {
    let (tick, checksum) = (tick(u, context)?, u.arbitrary()?);
    let name = u.choose(&["all", "none", "other"])?.to_string();
    let text = "x".repeat(count(u)?);
    let ids = 0..count(u)? as u64 * 8;
    let rows = ids.map(|id| (id, (7, Some(text.clone())))).collect();
    let types = [(name, (0, rows, u.arbitrary()?))].into();
    let dump: StateDump = (tick, checksum, types, u.arbitrary()?);
    Ok(message(STATE_DUMP, &dump))
}

fn version(u: &mut Unstructured, context: &mut Context) -> Result<u64> {
    context.version += 1;
    Ok(match u.int_in_range(0..=63)? {
        0 => u64::MAX,
        1 => 0,
        _ => context.version,
    })
}

/// Of whom: most often of the speaker.
fn speaker(u: &mut Unstructured, context: &Context) -> Result<u8> {
    Ok(match u.ratio(1, 4)? {
        true => u.int_in_range(0..=context.players)?,
        false => context.me,
    })
}

/// That some are lost, or none is.
fn statement(u: &mut Unstructured, context: &mut Context) -> Result<Bytes> {
    let of = speaker(u, context)?;
    let mut statement = Statement {
        version: version(u, context)?,
        ..Statement::default()
    };
    for peer in (0..context.players).filter(|peer| *peer != of) {
        if u.ratio(1, 2)? {
            let have = vec![tick(u, context)?];
            statement
                .lost
                .push((peer, reason(u)?, u.ratio(1, 4)?, have));
        }
        if u.ratio(1, 4)? {
            let via = u.int_in_range(0..=context.players)?;
            statement.relay_requests.push((peer, via));
        }
    }
    Ok(message(
        AGREEMENT,
        &Agreement::Statement {
            author: of,
            statement,
        },
    ))
}

/// That a player is lost, or not any more.
pub(super) fn toggle(context: &mut Context, is_lost: bool) -> Bytes {
    context.version += 1;
    let lost = (context.to, LeaveReason::Lost, false, vec![context.tick]);
    let statement = Statement {
        version: context.version,
        lost: is_lost.then_some(lost).into_iter().collect(),
        ..Statement::default()
    };
    message(
        AGREEMENT,
        &Agreement::Statement {
            author: context.me,
            statement,
        },
    )
}

/// A vote with the inputs behind it, which may be made up.
fn vote(u: &mut Unstructured, context: &mut Context) -> Result<Vec<Bytes>> {
    let of = speaker(u, context)?;
    let mut statement = Statement {
        version: version(u, context)?,
        ..Statement::default()
    };
    let mut messages = Vec::new();
    let (mut set, mut all) = (0, Vec::new());
    for peer in (0..context.players).filter(|peer| *peer != of) {
        if !u.ratio(1, 2)? {
            continue;
        }
        let (first, inputs) = (tick(u, context)?, inputs(u)?);
        let known = Known {
            next: first.wrapping_add(inputs.len() as u32),
            reason: reason(u)?,
            first,
            digest: digest(&inputs),
        };
        set |= 1 << peer;
        all.push(known);
        statement
            .lost
            .push((peer, known.reason, false, vec![known.next]));
        if !u.ratio(1, 8)? {
            let (seat, start) = (Seat(peer), first);
            let body = Agreement::Inputs {
                author: of,
                seat,
                start,
                inputs,
            };
            messages.push(message(AGREEMENT, &body));
        }
    }
    let stay = usize::from(context.players) - all.len();
    statement.vote = Some((set, all));
    if u.ratio(1, 4)? {
        statement.confirmation = Some((set, vec![u.arbitrary()?; stay]));
    }
    messages.push(message(
        AGREEMENT,
        &Agreement::Statement {
            author: of,
            statement,
        },
    ));
    Ok(messages)
}

/// The last inputs of somebody who leaves.
fn inputs_of_leaver(u: &mut Unstructured, context: &mut Context) -> Result<Vec<Bytes>> {
    let of = speaker(u, context)?;
    let body = Agreement::Inputs {
        author: of,
        seat: Seat(speaker(u, context)?),
        start: tick(u, context)?,
        inputs: inputs(u)?,
    };
    let mut messages = vec![message(AGREEMENT, &body)];
    if u.arbitrary()? {
        let statement = Statement {
            version: version(u, context)?,
            leaves: true,
            ..Statement::default()
        };
        messages.push(message(
            AGREEMENT,
            &Agreement::Statement {
                author: of,
                statement,
            },
        ));
    }
    Ok(messages)
}

/// That the listener is out.
fn out(u: &mut Unstructured, context: &Context) -> Result<Bytes> {
    let seat = match u.ratio(1, 4)? {
        true => u.int_in_range(0..=context.players)?,
        false => context.to,
    };
    let ends = vec![(Seat(seat), tick(u, context)?, reason(u)?)];
    Ok(message(AGREEMENT, &Agreement::Dropped { ends }))
}

/// A packet's inputs: of the stream that is awaited, or of something else.
pub(super) fn section(u: &mut Unstructured, context: &mut Context) -> Result<Vec<u8>> {
    // The match, and what follows it.
    let mut out = vec![0, 0];
    let lead: u8 = u.int_in_range(0..=15)?;
    out[1] |= lead;
    if lead == 15 {
        let more = match u.ratio(1, 8)? {
            true => u.arbitrary::<u32>()?,
            false => u.int_in_range(0..=300)?,
        };
        put_varint(&mut out, more);
    }
    let set = match u.ratio(1, 8)? {
        true => u.int_in_range(0..=9)?,
        false => context.set,
    };
    if set != 0 {
        out[1] |= 1 << 6;
        out.push(set);
    }
    if u.ratio(1, 4)? {
        out[1] |= 1 << 4;
        out.push(u.arbitrary()?);
    }
    if u.ratio(1, 4)? {
        out[1] |= 1 << 5;
        out.extend((tick(u, context)? as u16).to_le_bytes());
        out.extend(u.arbitrary::<u64>()?.to_le_bytes());
    }
    match u.int_in_range(0..=5)? {
        0 => {
            let len = u.int_in_range(0..=60)?;
            out.extend(u.bytes(len.min(u.len()))?);
        }
        kind => {
            let count = count(u)?.min(130) as u8;
            let back: u8 = match kind {
                1 => u.arbitrary()?,
                _ => 0,
            };
            out.push(count);
            if count != 0 {
                out.push(context.next.wrapping_sub(back));
                let len = u.int_in_range(0..=40)?;
                out.extend(u.bytes(len.min(u.len()))?);
                if back == 0 {
                    context.next = context.next.wrapping_add(count);
                }
            }
        }
    }
    Ok(out)
}

/// More ticks whose input changes as it did last. A player that stands still has that many more of a
/// lead.
pub(super) fn more_of_the_same(context: &mut Context, count: u8, lead: u32) -> Vec<u8> {
    let mut out = vec![0, lead.min(15) as u8];
    if let Some(more) = lead.checked_sub(15) {
        put_varint(&mut out, more);
    }
    if context.set != 0 {
        out[1] |= 1 << 6;
        out.push(context.set);
    }
    out.push(count);
    if count != 0 {
        out.push(context.next);
        context.next = context.next.wrapping_add(count);
    }
    out
}

fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
