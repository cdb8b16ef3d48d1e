//! Packet sections of the hostile player besides those of its sessions. Most are well-formed.

use arbitrary::{Result, Unstructured};

use super::messages::{Context, count, tick};

/// Draws a section, usually with the ticks that the receiver expects next.
pub(super) fn section(u: &mut Unstructured, context: &mut Context) -> Result<Vec<u8>> {
    // The match number, and the flags with the lead.
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
    let subscription = match u.ratio(1, 8)? {
        true => u.int_in_range(0..=9)?,
        false => context.subscription,
    };
    if subscription != 0 {
        out[1] |= 1 << 6;
        out.push(subscription);
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

/// Returns a section with `count` ticks that equal their prediction.
pub(super) fn predictable_section(context: &mut Context, count: u8, lead: u32) -> Vec<u8> {
    let mut out = vec![0, lead.min(15) as u8];
    if let Some(more) = lead.checked_sub(15) {
        put_varint(&mut out, more);
    }
    if context.subscription != 0 {
        out[1] |= 1 << 6;
        out.push(context.subscription);
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
