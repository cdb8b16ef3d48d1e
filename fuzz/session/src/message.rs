//! Messages of a hostile peer: mostly well-formed, with numbers at limits.

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::{BufMut, Bytes, BytesMut};
use huddle_session::Lane;

use crate::honest::{GAME, kinds_hash};

/// The properties of a session that its messages contain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context {
    /// The session tag.
    pub tag: u8,
    /// The sequence number of the sender's next packet.
    pub seq: u16,
    /// The sequence number of the receiver's last packet.
    pub ack: u16,
    /// The sender's nonce.
    pub from: u64,
    /// The receiver's nonce.
    pub to: u64,
    /// The capacity of the room; 0 if it is unlimited.
    pub capacity: u8,
}

/// A message of any type.
#[derive(Debug, Clone, Arbitrary)]
pub enum Message {
    /// A tick packet.
    Packet(Packet),
    /// Event fragments.
    Events(Fragments),
    /// A transfer message.
    Bulk(Bulk),
    /// A handshake message.
    Handshake(HandshakeMessage),
    /// Arbitrary bytes on any lane, with the session tag as the second byte.
    Bytes(u8, u8, Vec<u8>),
}

impl Message {
    /// Encodes the message, and returns it with its lane.
    pub fn encode(&self, context: &Context) -> (Lane, Bytes) {
        match self {
            Self::Packet(packet) => (Lane::State, packet.encode(context)),
            Self::Events(fragments) => {
                let mut out = BytesMut::from(&[0x10, context.tag][..]);
                fragments.put(&mut out);
                (Lane::Events, out.freeze())
            }
            Self::Bulk(bulk) => (Lane::Bulk, bulk.encode(context)),
            Self::Handshake(message) => (Lane::Events, message.encode(context)),
            Self::Bytes(lane, kind, bytes) => {
                let lane = Lane::ALL[usize::from(*lane) % Lane::ALL.len()];
                let mut out = BytesMut::from(&[*kind, context.tag][..]);
                out.put_slice(bytes);
                (lane, out.freeze())
            }
        }
    }
}

/// Writes a number as a varint of the protocol.
pub fn put_varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// A number that is usually small and sometimes at a limit.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub u64);

impl<'a> Arbitrary<'a> for Number {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        const LIMITS: [u64; 15] = [
            127,
            128,
            255,
            256,
            512,
            1 << 14,
            65_535,
            65_536,
            1 << 26,
            1 << 31,
            u32::MAX as u64,
            1 << 32,
            i64::MAX as u64,
            u64::MAX - 1,
            u64::MAX,
        ];
        Ok(Self(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => *u.choose(&LIMITS)?,
            2..=5 => u64::from(u.arbitrary::<u8>()?),
            small => small - 6,
        }))
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Len(usize);

impl<'a> Arbitrary<'a> for Len {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match u.int_in_range(0..=15)? {
            0 => u.int_in_range(0..=1200)?,
            1 => *u.choose(&[255, 256, 257, 511, 512, 513, 768, 1024, 1025])?,
            small => small - 2,
        }))
    }
}

/// Consecutive event fragments.
#[derive(Debug, Clone, Arbitrary)]
pub struct Fragments {
    first: Number,
    fragments: Vec<Fragment>,
}

#[derive(Debug, Clone, Arbitrary)]
enum Fragment {
    /// The first fragment of an event.
    Event { kind: u8, len: Len, is_last: bool },
    /// A roster event.
    Roster(Roster),
    /// A later fragment of an event.
    Middle { len: Len, is_last: bool },
}

/// The index of the roster's event among the declared events.
const ROSTER: u8 = 0;

#[derive(Debug, Clone, Arbitrary)]
enum Roster {
    Links(Number, Vec<u8>),
    Remove(u8),
    Slots(List),
    Bytes(Vec<u8>),
}

/// A list of slots.
#[derive(Debug, Clone, Arbitrary)]
pub struct List {
    version: Number,
    host: u8,
    members: Vec<u8>,
}

/// Writes one of eight peer ids.
fn put_id(out: &mut BytesMut, id: u8) {
    out.put_u8(16);
    out.put_slice(&u128::from(id % 8).to_be_bytes());
}

impl List {
    /// Encodes the list like bincode.
    fn encode(&self) -> Bytes {
        let mut out = BytesMut::from(&[253][..]);
        out.put_u64_le(self.version.0);
        put_id(&mut out, self.host);
        out.put_u8(self.members.len().min(40) as u8);
        for member in self.members.iter().take(40) {
            put_id(&mut out, *member);
        }
        out.freeze()
    }
}

impl Fragments {
    /// Writes the fragments as the body of a message or section.
    pub fn put(&self, out: &mut BytesMut) {
        put_varint(out, self.first.0);
        for fragment in &self.fragments {
            let (data, is_last) = match fragment {
                Fragment::Event { kind, len, is_last } => (vec![*kind % 5; len.0.max(1)], *is_last),
                Fragment::Roster(roster) => {
                    ([[ROSTER].as_slice(), &roster.encode()].concat(), true)
                }
                Fragment::Middle { len, is_last } => (vec![0x81; len.0], *is_last),
            };
            put_varint(out, 2 * data.len() as u64 + u64::from(is_last));
            out.put_slice(&data);
        }
    }
}

impl Roster {
    /// Encodes the message like bincode.
    fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Self::Links(joined, peers) => {
                out.put_u8(0);
                out.put_u8(252);
                out.put_u32_le(joined.0 as u32);
                out.put_u8(peers.len().min(250) as u8);
                for peer in peers.iter().take(250) {
                    put_id(&mut out, *peer);
                }
            }
            Self::Remove(peer) => {
                out.put_u8(1);
                put_id(&mut out, *peer);
            }
            Self::Slots(list) => {
                out.put_u8(2);
                out.put_slice(&list.encode());
            }
            Self::Bytes(bytes) => out.put_slice(bytes),
        }
        out.freeze()
    }
}

/// A tick packet.
#[derive(Debug, Clone, Arbitrary)]
pub struct Packet {
    /// The distance from the next sequence number.
    ahead: Ahead,
    ack: Option<(Ahead, Option<u16>, Option<Number>)>,
    /// Additional flags, which may not match the content.
    flags: Flags,
    base: Option<Number>,
    sections: Vec<Section>,
}

#[derive(Debug, Clone, Copy)]
struct Ahead(u16);

impl<'a> Arbitrary<'a> for Ahead {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1..=3 => i16::from(u.arbitrary::<i8>()?).cast_unsigned(),
            _ => 0,
        }))
    }
}

#[derive(Debug, Clone, Copy)]
struct Flags(u8);

impl<'a> Arbitrary<'a> for Flags {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(if u.ratio(1, 16)? { u.arbitrary()? } else { 0 }))
    }
}

#[derive(Debug, Clone, Arbitrary)]
enum Section {
    Fragments(Fragments),
    EventAck(Number),
    Statuses(Vec<(Number, u8, Number)>),
    /// Inputs or replicated entities, which the session does not interpret.
    Opaque(u8, Len),
    Bytes(Number, Vec<u8>),
    /// A section whose length is greater than its content.
    Cut(Number, Number),
}

impl Section {
    fn put(&self, out: &mut BytesMut) {
        let mut body = BytesMut::new();
        let id = match self {
            Self::Fragments(fragments) => {
                fragments.put(&mut body);
                0
            }
            Self::EventAck(next) => {
                put_varint(&mut body, next.0);
                1
            }
            Self::Statuses(statuses) => {
                for (number, code, value) in statuses {
                    put_varint(&mut body, number.0);
                    body.put_u8(code % 9);
                    if matches!(code % 9, 0 | 3) {
                        put_varint(&mut body, value.0);
                    }
                }
                2
            }
            Self::Opaque(kind, len) => {
                body.put_bytes(*kind, len.0);
                4 + u64::from(kind % 2)
            }
            Self::Bytes(id, bytes) => {
                body.put_slice(bytes);
                id.0
            }
            Self::Cut(id, len) => {
                put_varint(out, id.0);
                return put_varint(out, len.0);
            }
        };
        put_varint(out, id);
        put_varint(out, body.len() as u64);
        out.put_slice(&body);
    }
}

impl Packet {
    /// Encodes the packet.
    pub fn encode(&self, context: &Context) -> Bytes {
        let mut flags = self.flags.0 & 0x0f;
        if let Some((_, bits, hold)) = &self.ack {
            flags |= 1 | if bits.is_some() { 2 } else { 0 } | if hold.is_some() { 4 } else { 0 };
        }
        if self.base.is_some() {
            flags |= 8;
        }
        let mut out = BytesMut::from(&[0x20 | flags, context.tag][..]);
        out.put_u16_le(context.seq.wrapping_add(self.ahead.0));
        if let Some((ahead, bits, hold)) = self.ack {
            out.put_u16_le(context.ack.wrapping_add(ahead.0));
            if let Some(bits) = bits {
                out.put_u16_le(bits);
            }
            if let Some(hold) = hold {
                put_varint(&mut out, hold.0);
            }
        }
        if let Some(base) = self.base {
            put_varint(&mut out, base.0);
        }
        for section in &self.sections {
            section.put(&mut out);
        }
        out.freeze()
    }
}

/// A transfer message.
#[derive(Debug, Clone, Arbitrary)]
pub enum Bulk {
    /// An offer with a number, a length and the bytes of the label.
    Offer(Number, Number, Vec<u8>),
    /// A chunk of zeros, with the number of the transfer and an offset.
    Chunk(Number, Number, Len),
    /// A complete empty transfer in one chunk, with the correct hash or a wrong one.
    Whole(Number, bool),
    /// A cancellation.
    Cancel(Number),
    /// Arbitrary bytes.
    Bytes(u8, Vec<u8>),
}

/// The published BLAKE3 hash of no bytes.
const HASH_OF_NOTHING: [u8; 32] = [
    0xaf, 0x13, 0x49, 0xb9, 0xf5, 0xf9, 0xa1, 0xa6, 0xa0, 0x40, 0x4d, 0xea, 0x36, 0xdc, 0xc9, 0x49,
    0x9b, 0xcb, 0x25, 0xc9, 0xad, 0xc1, 0x12, 0xb7, 0xcc, 0x9a, 0x93, 0xca, 0xe4, 0x1f, 0x32, 0x62,
];

impl Bulk {
    /// Encodes the message.
    pub fn encode(&self, context: &Context) -> Bytes {
        let mut out = BytesMut::new();
        let mut head = |kind, number: &Number| {
            out.put_slice(&[kind, context.tag]);
            put_varint(&mut out, number.0);
        };
        match self {
            Self::Offer(number, len, label) => {
                head(0x30, number);
                put_varint(&mut out, len.0);
                out.put_slice(label);
            }
            Self::Chunk(number, offset, len) => {
                head(0x31, number);
                put_varint(&mut out, offset.0);
                out.put_bytes(0, len.0);
            }
            Self::Whole(number, is_right) => {
                head(0x31, number);
                put_varint(&mut out, 0);
                out.put_slice(&HASH_OF_NOTHING);
                if let Some(last) = out.last_mut() {
                    *last ^= u8::from(!is_right);
                }
            }
            Self::Cancel(number) => head(0x32, number),
            Self::Bytes(kind, bytes) => {
                out.put_slice(&[0x30 + kind % 4, context.tag]);
                out.put_slice(bytes);
            }
        }
        out.freeze()
    }
}

/// A handshake message.
#[derive(Debug, Clone, Arbitrary)]
pub enum HandshakeMessage {
    /// A hello with matching terms and any clock reading.
    Hello(Nonce, Number, Number),
    /// A hello with some terms that may differ.
    Other {
        /// The sender's nonce.
        nonce: Nonce,
        /// The protocol version; 1 is the current one.
        version: Number,
        /// The game id.
        game: Vec<u8>,
        /// The tick rate, the hash of the kinds, the kick policy and the flags.
        terms: (u32, u64, u8, u8),
        /// The length of the join data; up to 1024 bytes are valid.
        join_data: Len,
    },
    /// A hello with matching terms, and a list of slots if the room has a capacity.
    Slots(Nonce, bool, List),
    /// A hello of a game that declares other messages.
    Kinds(Nonce),
    /// A welcome.
    Welcome(Nonce, Nonce),
    /// A refusal with a code and a reason.
    Refusal(Nonce, Nonce, u8, Vec<u8>),
    /// A list of declared messages, sorted or unsorted.
    Registry(Nonce, Nonce, Number, Vec<(u8, Vec<u8>, u8, Vec<u8>)>),
    /// Arbitrary bytes.
    Bytes(u8, Vec<u8>),
}

/// The nonce in a message.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Nonce {
    /// The correct nonce.
    Right,
    /// The correct nonce again, which makes it more likely.
    Same,
    /// The nonce of the other side.
    Swapped,
    /// The nonce of another session.
    New(u8),
}

/// The list of a peer without a slot.
const NO_SLOTS: List = List {
    version: Number(0),
    host: 3,
    members: Vec::new(),
};

impl HandshakeMessage {
    /// Encodes the message.
    pub fn encode(&self, context: &Context) -> Bytes {
        let pick = |nonce: &Nonce, right, other| match nonce {
            Nonce::Right | Nonce::Same => right,
            Nonce::Swapped => other,
            Nonce::New(n) => u64::from(*n),
        };
        let from = |nonce| pick(nonce, context.from, context.to);
        let to = |nonce| pick(nonce, context.to, context.from);
        let routed = |kind, a, b| {
            let mut out = BytesMut::from(&[kind][..]);
            out.put_u64_le(from(a));
            out.put_u64_le(to(b));
            out
        };
        let kinds = kinds_hash();
        match self {
            Self::Hello(nonce, tick, joined) => {
                let (tick, joined) = (tick.0 as u32, joined.0 as u32);
                let joined = joined.min(tick);
                hello(
                    from(nonce),
                    1,
                    GAME.as_bytes(),
                    (20_000, kinds, 2, 1),
                    (tick, joined),
                    0,
                    (context.capacity, false, &NO_SLOTS),
                )
            }
            Self::Slots(nonce, has_waited, list) => hello(
                from(nonce),
                1,
                GAME.as_bytes(),
                (20_000, kinds, 2, 1),
                (0, 0),
                0,
                (context.capacity, *has_waited, list),
            ),
            Self::Kinds(nonce) => hello(
                from(nonce),
                1,
                GAME.as_bytes(),
                (20_000, 1, 2, 1),
                (0, 0),
                0,
                (context.capacity, false, &NO_SLOTS),
            ),
            Self::Other {
                nonce,
                version,
                game,
                terms: (rate, hash, policy, flags),
                join_data,
            } => {
                let or = |value: u64, valid: u64| {
                    if value.is_multiple_of(3) {
                        valid
                    } else {
                        value
                    }
                };
                let terms = (
                    or((*rate).into(), 20_000) as u32,
                    or(*hash, kinds),
                    or((*policy).into(), 2) as u8,
                    *flags,
                );
                let game = if game.len() < 3 {
                    GAME.as_bytes()
                } else {
                    game
                };
                let version = or(version.0, 1) as u16;
                let tick = terms.0 ^ u32::from(*flags);
                hello(
                    from(nonce),
                    version,
                    game,
                    terms,
                    (tick, *rate),
                    join_data.0,
                    (*flags % 5, *flags > 9, &NO_SLOTS),
                )
            }
            Self::Welcome(a, b) => routed(2, a, b).freeze(),
            Self::Refusal(a, b, code, reason) => {
                let mut out = routed(3, a, b);
                out.put_u8(*code);
                put_varint(&mut out, reason.len() as u64);
                out.put_slice(reason);
                out.freeze()
            }
            Self::Registry(a, b, left_out, entries) => {
                let mut out = routed(4, a, b);
                put_varint(&mut out, left_out.0);
                for (delivery, name, hash, schema) in entries {
                    out.put_u8(delivery % 5 / 2);
                    out.put_u8(name.len() as u8);
                    out.put_slice(name);
                    out.put_u64_le((*hash).into());
                    put_varint(&mut out, schema.len() as u64);
                    out.put_slice(schema);
                }
                out.freeze()
            }
            Self::Bytes(kind, bytes) => {
                let mut out = BytesMut::from(&[1 + kind % 4][..]);
                out.put_slice(bytes);
                out.freeze()
            }
        }
    }
}

fn hello(
    nonce: u64,
    version: u16,
    game: &[u8],
    (rate, kinds, policy, flags): (u32, u64, u8, u8),
    (tick, joined): (u32, u32),
    join_data: usize,
    slots: (u8, bool, &List),
) -> Bytes {
    let mut out = BytesMut::from(&b"\x01HUDL"[..]);
    out.put_u16_le(version);
    out.put_u8(game.len() as u8);
    out.put_slice(game);
    out.put_u64_le(nonce);
    out.put_u32_le(rate);
    out.put_u64_le(kinds);
    out.put_u8(policy);
    out.put_u8(flags);
    out.put_u32_le(tick);
    out.put_u32_le(joined);
    put_varint(&mut out, join_data as u64);
    out.put_bytes(b'a', join_data);
    let (capacity, has_waited, list) = slots;
    out.put_u8(capacity);
    if capacity > 0 {
        let list = list.encode();
        out.put_u8(has_waited.into());
        put_varint(&mut out, list.len() as u64);
        out.put_slice(&list);
    }
    out.freeze()
}
