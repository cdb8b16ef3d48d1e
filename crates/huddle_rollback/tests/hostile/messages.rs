//! Messages of the hostile player besides those of its sessions. Most are well-formed.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use huddle_rollback::{LeaveReason, Seat};
use huddle_session::codec;
use serde::Serialize;

/// The context of a hostile message or section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// The receiver's tick.
    pub(super) tick: u32,
    /// The number of players.
    pub(super) players: u8,
    /// The hostile player's index, which is also its seat.
    pub(super) hostile: u8,
    /// The receiver's index, which is also its seat.
    pub(super) receiver: u8,
    /// The version of the last statement.
    pub(super) version: u64,
    /// The subscription that the receiver requested last.
    pub(super) subscription: u8,
    /// The low bits of the tick after the last sent input.
    pub(super) next: u8,
}

const MAX_LEN: usize = 64 * 1024;

const START: u8 = 0;
const AGREEMENT: u8 = 1;
const INPUT_REQUEST: u8 = 2;
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

/// A dump: the tick, the checksum, the types by name, and whether types were left out. A type has a hash, rows, and
/// whether rows were left out.
type StateDump = (u32, u64, BTreeMap<String, (u64, Rows, bool)>, bool);

/// The hash and the text of each value, by entity.
type Rows = BTreeMap<u64, (u32, Option<String>)>;

fn message(topic: u8, body: &impl Serialize) -> Bytes {
    let body = codec::encode(body, MAX_LEN).unwrap_or_default();
    [&[topic, 0, 0], &body[..]].concat().into()
}

/// Draws a tick, usually near the receiver's.
pub(super) fn tick(u: &mut Unstructured, context: &Context) -> Result<u32> {
    Ok(match u.int_in_range(0..=15)? {
        0 => u.arbitrary()?,
        1 => *u.choose(&[0, 1, u32::MAX, 1 << 31, (1 << 31) - 1])?,
        2..=4 => context
            .tick
            .wrapping_add_signed(u.int_in_range(-600..=600)?),
        _ => context.tick.wrapping_add_signed(u.int_in_range(-12..=12)?),
    })
}

/// Draws a number of ticks.
pub(super) fn count(u: &mut Unstructured) -> Result<usize> {
    Ok(match u.int_in_range(0..=7)? {
        0 => u.int_in_range(0..=600)?,
        _ => u.int_in_range(0..=20)?,
    })
}

fn reason(u: &mut Unstructured) -> Result<LeaveReason> {
    use LeaveReason::{Left, Lost, Removed, Restarted, TimedOut};
    Ok(*u.choose(&[Lost, TimedOut, Restarted, Removed, Left])?)
}

/// Draws an input, usually a single byte.
fn input(u: &mut Unstructured) -> Result<Vec<u8>> {
    let len = match u.int_in_range(0..=15)? {
        0 => u.int_in_range(0..=513)?,
        _ => 1,
    };
    let byte = u.arbitrary()?;
    // The encoding of a list of bytes.
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

/// Draws one or more related messages.
pub(super) fn messages(u: &mut Unstructured, context: &mut Context) -> Result<Vec<Bytes>> {
    Ok(match u.int_in_range(0..=9)? {
        0 => vec![bytes(u)?],
        1 | 2 => vec![input_request(u, context)?],
        3 => vec![state_dump(u, context)?],
        4 => last_inputs(u, context)?,
        5 | 6 => vote(u, context)?,
        7 => vec![dropped(u, context)?],
        _ => vec![statement(u, context)?],
    })
}

/// Draws a message with random bytes.
fn bytes(u: &mut Unstructured) -> Result<Bytes> {
    let topic = u.int_in_range(START..=STATE_DUMP + 1)?;
    let len = u.int_in_range(0..=80)?;
    let body = u.bytes(len.min(u.len()))?;
    Ok([&[topic, 0, 0], body].concat().into())
}

/// Draws a request for the inputs of some seats.
pub(super) fn input_request(u: &mut Unstructured, context: &Context) -> Result<Bytes> {
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
    Ok(message(INPUT_REQUEST, &(number, seats)))
}

/// Draws a dump of a tick, with a type of the receiver or another one.
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

/// Draws the author of a statement, usually the hostile player.
fn author(u: &mut Unstructured, context: &Context) -> Result<u8> {
    Ok(match u.ratio(1, 4)? {
        true => u.int_in_range(0..=context.players)?,
        false => context.hostile,
    })
}

/// Draws a statement with losses and relay requests.
fn statement(u: &mut Unstructured, context: &mut Context) -> Result<Bytes> {
    let author = author(u, context)?;
    let mut statement = Statement {
        version: version(u, context)?,
        ..Statement::default()
    };
    for peer in (0..context.players).filter(|peer| *peer != author) {
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
        &Agreement::Statement { author, statement },
    ))
}

/// Returns a statement that the receiver is lost, or is not.
pub(super) fn loss_of_receiver(context: &mut Context, is_lost: bool) -> Bytes {
    context.version += 1;
    let lost = (
        context.receiver,
        LeaveReason::Lost,
        false,
        vec![context.tick],
    );
    let statement = Statement {
        version: context.version,
        lost: is_lost.then_some(lost).into_iter().collect(),
        ..Statement::default()
    };
    message(
        AGREEMENT,
        &Agreement::Statement {
            author: context.hostile,
            statement,
        },
    )
}

/// Draws a vote with arbitrary inputs.
fn vote(u: &mut Unstructured, context: &mut Context) -> Result<Vec<Bytes>> {
    let author = author(u, context)?;
    let mut statement = Statement {
        version: version(u, context)?,
        ..Statement::default()
    };
    let mut messages = Vec::new();
    let (mut set, mut all) = (0, Vec::new());
    for peer in (0..context.players).filter(|peer| *peer != author) {
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
                author,
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
        &Agreement::Statement { author, statement },
    ));
    Ok(messages)
}

/// Draws the last inputs of a player, which may announce its departure.
fn last_inputs(u: &mut Unstructured, context: &mut Context) -> Result<Vec<Bytes>> {
    let author = author(u, context)?;
    let body = Agreement::Inputs {
        author,
        seat: Seat(self::author(u, context)?),
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
            &Agreement::Statement { author, statement },
        ));
    }
    Ok(messages)
}

/// Draws a message that a player, usually the receiver, was dropped.
fn dropped(u: &mut Unstructured, context: &Context) -> Result<Bytes> {
    let seat = match u.ratio(1, 4)? {
        true => u.int_in_range(0..=context.players)?,
        false => context.receiver,
    };
    let ends = vec![(Seat(seat), tick(u, context)?, reason(u)?)];
    Ok(message(AGREEMENT, &Agreement::Dropped { ends }))
}
