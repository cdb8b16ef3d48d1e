//! The four messages of the handshake. `docs/protocol.md` documents their encoding.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    error::HandshakeError,
    registry::Registry,
    terms::{MAX_GAME_LEN, MAX_JOIN_DATA_LEN, Offer, Terms},
    text::{clean, read_bounded},
};
use crate::{
    capacity::{Claim, MAX_LIST_LEN, SlotList},
    clock::ClockReading,
    roster::KickPolicy,
    tick::TickRate,
    wire::{Reader, put_varint},
};

/// The version of the protocol between peers.
pub const PROTOCOL_VERSION: u16 = 1;

const HELLO: u8 = 0x01;
const WELCOME: u8 = 0x02;
const REFUSAL: u8 = 0x03;
const REGISTRY: u8 = 0x04;

const MAGIC: [u8; 4] = *b"HUDL";
const SETTLED: u8 = 1;
const WAITED: u8 = 1;

/// The maximum length of the reason in a refusal, in bytes.
pub(super) const MAX_REASON_LEN: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    Hello(Hello),
    /// A hello of another protocol version. Only its opening can be decoded.
    OtherVersion(Opening),
    Welcome(Route),
    Refusal(Route, u8, String),
    Registry(Route, Registry),
}

/// The first fields of a hello, which are the same in every protocol version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) version: u16,
    pub(super) game: Bytes,
    pub(super) nonce: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) opening: Opening,
    pub(super) rate: TickRate,
    pub(super) kinds_hash: u64,
    pub(super) policy: KickPolicy,
    pub(super) clock: ClockReading,
    pub(super) join_data: Bytes,
    pub(super) slots: Option<Offer>,
}

impl Hello {
    pub(super) fn capacity(&self) -> Option<u8> {
        Some(self.slots.as_ref()?.capacity)
    }
}

/// The nonces of the session that a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) from: u64,
    pub(super) to: u64,
}

pub(super) fn hello(nonce: u64, terms: &Terms, clock: ClockReading) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(HELLO);
    out.put_slice(&MAGIC);
    out.put_u16_le(PROTOCOL_VERSION);
    // `Terms::new` rejects longer ids.
    out.put_u8(terms.game.len() as u8);
    out.put_slice(terms.game.as_bytes());
    out.put_u64_le(nonce);
    out.put_u32_le(terms.rate.millihertz());
    out.put_u64_le(terms.kinds_hash);
    out.put_u8(terms.policy.to_wire());
    out.put_u8(if clock.is_settled { SETTLED } else { 0 });
    out.put_u32_le(clock.tick);
    out.put_u32_le(clock.joined);
    put_varint(&mut out, terms.join_data.len() as u64);
    out.put_slice(&terms.join_data);
    match &terms.slots {
        None => out.put_u8(0),
        Some(offer) => put_offer(&mut out, offer),
    }
    out.freeze()
}

fn put_offer(out: &mut BytesMut, Offer { capacity, claim }: &Offer) {
    out.put_u8(*capacity);
    out.put_u8(if claim.has_waited { WAITED } else { 0 });
    let list = claim.list.encode();
    put_varint(out, list.len() as u64);
    out.put_slice(&list);
}

pub(super) fn welcome(route: Route) -> Bytes {
    routed(WELCOME, route).freeze()
}

pub(super) fn refusal(route: Route, code: u8, reason: &str) -> Bytes {
    let reason = clean(reason.as_bytes(), MAX_REASON_LEN);
    let mut out = routed(REFUSAL, route);
    out.put_u8(code);
    put_varint(&mut out, reason.len() as u64);
    out.put_slice(reason.as_bytes());
    out.freeze()
}

pub(super) fn registry(route: Route, registry: &Registry) -> Bytes {
    let mut out = routed(REGISTRY, route);
    registry.write(&mut out);
    out.freeze()
}

fn routed(kind: u8, route: Route) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_u8(kind);
    out.put_u64_le(route.from);
    out.put_u64_le(route.to);
    out
}

/// Decodes a handshake message from a peer.
pub(super) fn decode(bytes: Bytes) -> Result<Message, HandshakeError> {
    let reader = &mut Reader::new(bytes);
    let message = match reader.u8().ok_or(HandshakeError::Truncated)? {
        HELLO => {
            let opening = read_opening(reader)?;
            if opening.version != PROTOCOL_VERSION {
                return Ok(Message::OtherVersion(opening));
            }
            Message::Hello(read_hello(reader, opening)?)
        }
        WELCOME => Message::Welcome(read_route(reader)?),
        REFUSAL => {
            let route = read_route(reader)?;
            let code = reader.u8().ok_or(HandshakeError::Truncated)?;
            let len = reader.varint().ok_or(HandshakeError::Truncated)?;
            let reason = read_bounded(reader, "the reason", len, MAX_REASON_LEN)?;
            Message::Refusal(route, code, clean(&reason, MAX_REASON_LEN))
        }
        REGISTRY => {
            let route = read_route(reader)?;
            Message::Registry(route, Registry::read(reader)?)
        }
        other => return Err(HandshakeError::UnknownType(other)),
    };
    match reader.len() {
        0 => Ok(message),
        rest => Err(HandshakeError::TrailingBytes(rest)),
    }
}

fn read_opening(reader: &mut Reader) -> Result<Opening, HandshakeError> {
    let magic = reader.slice(MAGIC.len()).ok_or(HandshakeError::Truncated)?;
    if *magic != MAGIC {
        return Err(HandshakeError::NotOurs);
    }
    let version = reader.u16().ok_or(HandshakeError::Truncated)?;
    let len = reader.u8().ok_or(HandshakeError::Truncated)?;
    // A later version may allow longer ids.
    let game = reader.slice(len.into()).ok_or(HandshakeError::Truncated)?;
    let nonce = reader.u64().ok_or(HandshakeError::Truncated)?;
    if version == PROTOCOL_VERSION && game.len() > MAX_GAME_LEN {
        return Err(HandshakeError::TooLong {
            what: "the game id",
            len: len.into(),
            max: MAX_GAME_LEN,
        });
    }
    Ok(Opening {
        version,
        game,
        nonce,
    })
}

fn read_hello(reader: &mut Reader, opening: Opening) -> Result<Hello, HandshakeError> {
    let rate = reader.u32().ok_or(HandshakeError::Truncated)?;
    let kinds_hash = reader.u64().ok_or(HandshakeError::Truncated)?;
    let policy = reader.u8().ok_or(HandshakeError::Truncated)?;
    let policy =
        KickPolicy::from_wire(policy).ok_or(HandshakeError::Malformed("an unknown kick policy"))?;
    let flags = reader.u8().ok_or(HandshakeError::Truncated)?;
    let tick = reader.u32().ok_or(HandshakeError::Truncated)?;
    let joined = reader.u32().ok_or(HandshakeError::Truncated)?;
    if joined > tick {
        return Err(HandshakeError::Malformed("a join tick in the future"));
    }
    let len = reader.varint().ok_or(HandshakeError::Truncated)?;
    let join_data = read_bounded(reader, "the join data", len, MAX_JOIN_DATA_LEN)?;
    let slots = read_offer(reader)?;
    Ok(Hello {
        opening,
        rate: TickRate::claimed(rate),
        kinds_hash,
        policy,
        clock: ClockReading {
            tick,
            joined,
            is_settled: flags & SETTLED != 0,
        },
        join_data,
        slots,
    })
}

fn read_offer(reader: &mut Reader) -> Result<Option<Offer>, HandshakeError> {
    let capacity = reader.u8().ok_or(HandshakeError::Truncated)?;
    if capacity == 0 {
        return Ok(None);
    }
    let flags = reader.u8().ok_or(HandshakeError::Truncated)?;
    let len = reader.varint().ok_or(HandshakeError::Truncated)?;
    let list = read_bounded(reader, "the list of slots", len, MAX_LIST_LEN)?;
    let list = SlotList::decode(&list).filter(|list| list.is_valid(capacity.into()));
    let list = list.ok_or(HandshakeError::Malformed("an invalid list of slots"))?;
    let claim = Claim {
        has_waited: flags & WAITED != 0,
        list,
    };
    Ok(Some(Offer { capacity, claim }))
}

fn read_route(reader: &mut Reader) -> Result<Route, HandshakeError> {
    let from = reader.u64().ok_or(HandshakeError::Truncated)?;
    let to = reader.u64().ok_or(HandshakeError::Truncated)?;
    Ok(Route { from, to })
}
